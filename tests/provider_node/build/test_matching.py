from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provider_node.config import ResourceConfig
from provider_node.domain.build import Builder
from provider_node.domain.matching import Matcher
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.store.generations import Generation, Generations
from provider_node.store.manifest import Manifest
from stayput import outcomes
from stayput.elements import NO_VALUE, check_digests, context, encode, key_digests
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Contract
from stayput.v1.errors_pb2 import ErrorReason

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]
Row = tuple[str, str, str]


def key_digest(contract: Contract, owner: str) -> bytes:
    (key,) = encode([[owner]])
    assert isinstance(key, bytes)
    return key_digests(context(contract, "owner"), [key])[0]


def check_digest(contract: Contract, owner: str, check: str, value: str) -> bytes:
    (key,) = encode([[owner]])
    assert isinstance(key, bytes)
    if not value:
        return NO_VALUE
    return check_digests(context(contract, "owner", check), [key], encode([[value]]))[0]


def columns(contract: Contract, queries: Sequence[Row], checks: Sequence[str]) -> bytes:
    """What a consumer would send: all keys, then each check."""
    keys = [key_digest(contract, owner) for owner, _, _ in queries]
    asked = [
        check_digest(contract, owner, check, {"name": name, "plate": plate}[check])
        for check in checks
        for owner, name, plate in queries
    ]
    return b"".join(keys + asked)


@pytest.fixture
def generation(
    write_resource: Write, build: Build, generations: Generations, resident_id: Number
) -> Generation:
    """Owner 1 has two vehicles under two names, owner 2 one and no name, owner 3 nothing."""
    build(
        write_resource(
            [
                (resident_id(1), "张三", "A1"),
                (resident_id(1), "张山", "A2"),
                (resident_id(2), "", "A3"),
                (resident_id(3), "", ""),
            ]
        )
    )
    current = generations.current("vehicle-owners")
    assert current is not None
    return current


def answered(
    generation: Generation, index_key: IndexKey, queries: Sequence[Row], checks: Sequence[str]
) -> list[tuple[int, ...]]:
    """Outcome codes record by record."""
    digests = columns(generation.manifest.contract, queries, checks)
    codes = Matcher(generation, index_key, "owner", checks).match(digests).outcomes.tobytes()
    assert len(codes) == len(queries) * (1 + len(checks))
    return list(zip(*_split(codes, len(queries)), strict=True))


def _split(codes: bytes, records: int) -> list[bytes]:
    return [codes[start : start + records] for start in range(0, len(codes), records)]


def test_each_outcome(generation: Generation, index_key: IndexKey, resident_id: Number) -> None:
    one, two, three, nobody = (resident_id(n) for n in (1, 2, 3, 4))
    asked = [
        (one, "张三", "A1"),
        (one, "张山", "A1"),
        (one, "李四", "A3"),
        (one, "", "A2"),
        (two, "张三", "A3"),
        (two, "", ""),
        (three, "张三", "A1"),
        (nobody, "张三", "A1"),
        (nobody, "", ""),
    ]
    m, x, n, v, a = 1, 2, 3, 16, 17
    expected = [
        (m, m, m),
        (m, m, m),
        (m, x, x),
        (m, a, m),
        (m, v, m),
        (m, a, a),
        (m, v, v),
        (n, n, n),
        (n, n, n),
    ]
    assert answered(generation, index_key, asked, ["name", "plate"]) == expected
    assert answered(generation, index_key, asked, ["plate", "name"]) == [(k, p, n) for k, n, p in expected]
    assert answered(generation, index_key, asked, ["plate"]) == [(k, p) for k, _, p in expected]
    assert answered(generation, index_key, asked, []) == [(k,) for k, _, _ in expected]


def test_a_digest_in_another_column_is_never_found(
    generation: Generation, index_key: IndexKey, resident_id: Number
) -> None:
    contract, owner = generation.manifest.contract, resident_id(1)
    key = key_digest(contract, owner)
    name, plate = check_digest(contract, owner, "name", "张三"), check_digest(contract, owner, "plate", "A1")
    only_name = Matcher(generation, index_key, "owner", ["name"])
    assert only_name.match(key + name).outcomes.tobytes() == bytes([outcomes.MATCH, outcomes.MATCH])
    assert only_name.match(key + plate).outcomes.tobytes() == bytes([outcomes.MATCH, outcomes.MISMATCH])
    assert only_name.match(key + key).outcomes.tobytes() == bytes([outcomes.MATCH, outcomes.MISMATCH])
    assert only_name.match(name + name).outcomes.tobytes() == bytes([outcomes.NOT_FOUND, outcomes.NOT_FOUND])


def test_a_check_beside_another_subject_is_never_found(
    generation: Generation, index_key: IndexKey, resident_id: Number
) -> None:
    contract = generation.manifest.contract
    plate = check_digest(contract, resident_id(2), "plate", "A3")
    matcher = Matcher(generation, index_key, "owner", ["plate"])
    matched = matcher.match(key_digest(contract, resident_id(2)) + plate)
    assert matched.outcomes.tobytes() == bytes([1, outcomes.MATCH])
    matched = matcher.match(key_digest(contract, resident_id(1)) + plate)
    assert matched.outcomes.tobytes() == bytes([1, outcomes.MISMATCH])


def test_subjects_and_questions_have_names_of_their_own(
    generation: Generation, index_key: IndexKey, resident_id: Number
) -> None:
    one, two = resident_id(1), resident_id(2)
    asked: list[Row] = [
        (one, "张三", "A1"),
        (two, "张三", "A1"),
        (one, "", ""),
        (one, "李四", "A1"),
        (one, "张三", "A1"),
        (one, "张三", ""),
        (resident_id(4), "张三", "A1"),
    ]
    contract = generation.manifest.contract

    def matched(checks: Sequence[str]) -> tuple[list[int], list[int], list[int]]:
        found = Matcher(generation, index_key, "owner", checks).match(columns(contract, asked, checks))
        return found.asking.tolist(), found.subjects.tolist(), found.questions.tolist()

    places, subjects, questions = matched(["name", "plate"])
    # Nobody who is not in the register, and nothing that asks no check.
    assert places == [0, 1, 3, 4, 5]
    assert (subjects[0], len(set(subjects))) == (subjects[2], 2)
    assert (questions[0], len(set(questions))) == (questions[3], 4)
    assert matched(["plate", "name"]) == (places, subjects, questions)
    # The name asked alone is the same question, whichever checks the session could have asked.
    assert matched(["name"])[2][0] == questions[4]
    assert matched([]) == ([], [], [])


def test_another_index_key_finds_nobody(generation: Generation, resident_id: Number) -> None:
    asked = [(resident_id(1), "张三", "A1")]
    assert answered(generation, IndexKey(bytes(32)), asked, ["name", "plate"]) == [(3, 3, 3)]


def test_no_records_give_no_outcomes(generation: Generation, index_key: IndexKey) -> None:
    matched = Matcher(generation, index_key, "owner", ["name"]).match(b"")
    assert (matched.outcomes.shape, len(matched.ranks), len(matched.asking)) == ((2, 0), 0, 0)


@pytest.mark.parametrize("length", [1, 16, 47, 48, 80])
def test_columns_that_are_not_whole_are_refused(
    generation: Generation, index_key: IndexKey, length: int
) -> None:
    with pytest.raises(StayputError) as caught:
        Matcher(generation, index_key, "owner", ["name"]).match(bytes(length))
    assert caught.value.reason == ErrorReason.ERROR_REASON_CHUNK_SIZE


def test_an_unknown_key_or_check_is_refused(generation: Generation, index_key: IndexKey) -> None:
    for key, checks in (("plate", []), ("owner", ["owner"])):
        with pytest.raises(StayputError, match="the resource has no such"):
            Matcher(generation, index_key, key, checks)


def test_threads_can_share_a_matcher(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    build(write_resource([(resident_id(n), "张三", f"A{n}") for n in range(2_000)]))
    generation = generations.current("vehicle-owners")
    assert generation is not None
    matcher = Matcher(generation, index_key, "owner", ["plate"])
    chunks, expected = [], []
    for shift in range(8):
        queries = [(resident_id(n * 2), "", f"A{n * 2 + (shift + n) % 2}") for n in range(1_500)]
        chunks.append(columns(generation.manifest.contract, queries, ["plate"]))
        found = [n < 1_000 for n in range(1_500)]
        plates = [(1 if (shift + n) % 2 == 0 else 2) if n < 1_000 else 3 for n in range(1_500)]
        expected.append(bytes([1 if f else 3 for f in found]) + bytes(plates))
    with ThreadPoolExecutor(8) as threads:
        assert [one.outcomes.tobytes() for one in threads.map(matcher.match, chunks * 4)] == expected * 4


def test_the_ninth_check_has_its_bit_in_the_second_byte(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    more = "".join(f'[checks.c{n}]\nfields = ["{"name" if n < 6 else "plate"}"]\n' for n in range(7))
    build(
        write_resource(
            [(resident_id(1), "张三", ""), (resident_id(2), "", "A2")],
            ("[checks.name]", more + "[checks.name]"),
        )
    )
    generation = generations.current("vehicle-owners")
    assert generation is not None
    contract = generation.manifest.contract
    assert [check.name for check in contract.checks][8] == "plate"
    checks = ["c5", "c6", "name", "plate"]
    keys = [key_digest(contract, resident_id(n)) for n in (1, 2)]
    asked = [b"\1" * 16] * 8
    codes = Matcher(generation, index_key, "owner", checks).match(b"".join(keys + asked)).outcomes.tobytes()
    assert _split(codes, 2) == [b"\1\1", b"\x02\x10", b"\x10\x02", b"\x02\x10", b"\x10\x02"]


# Written form and canonical form of what may be in a row; None cannot be normalised.
OWNERS = st.integers(0, 5)
NAMES = st.sampled_from(
    [("", ""), ("张三", "张三"), ("张　三", "张三"), ("李四", "李四"), ("玛丽 亚当", None)]
)
PLATES = st.sampled_from([("", ""), ("A1", "A1"), (" A1", "A1"), ("Ａ２", "A2"), ("x" * 600, None)])
ASKED = st.tuples(OWNERS, st.sampled_from(["", "张三", "李四"]), st.sampled_from(["", "A1", "A2"]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(OWNERS, NAMES, PLATES), min_size=1, max_size=12), st.lists(ASKED, max_size=20))
def test_it_agrees_with_a_dictionary(
    write_resource: Write,
    resident_id: Number,
    rows: list[tuple[int, tuple[str, str | None], tuple[str, str | None]]],
    asked: list[tuple[int, str, str]],
) -> None:
    names: dict[int, set[str]] = defaultdict(set)
    plates: dict[int, set[str]] = defaultdict(set)
    for owner, (_, name), (_, plate) in rows:
        names[owner] |= {name} if name else set()
        plates[owner] |= {plate} if plate else set()

    def outcome(values: set[str], value: str) -> int:
        if not value:
            return outcomes.NOT_ASKED
        if not values:
            return outcomes.NO_VALUE
        return outcomes.MATCH if value in values else outcomes.MISMATCH

    expected = [
        (1, outcome(names[owner], name), outcome(plates[owner], plate)) if owner in names else (3, 3, 3)
        for owner, name, plate in asked
    ]
    with TemporaryDirectory() as name:
        directory, index_key = Path(name), IndexKey(bytes(32))
        written = [(resident_id(owner), name[0], plate[0]) for owner, name, plate in rows]
        builder = Builder(directory / "data", index_key, OprfKeys(bytes(32)), "0.0-test", bytes)
        builder.build(write_resource(written, directory=directory), NOW, lambda _: None)
        generation = Generations(directory / "data", index_key.id).current("vehicle-owners")
        assert generation is not None
        queries = [(resident_id(owner), name, plate) for owner, name, plate in asked]
        if queries:
            assert answered(generation, index_key, queries, ["name", "plate"]) == expected
