"""Conditions in an index: any of a subject's rows may meet one, and what is unknown is told apart."""

from collections.abc import Callable

import pytest

from provider_node.config import ResourceConfig
from provider_node.domain.matching import Matcher
from provider_node.domain.tokens import IndexKey
from provider_node.store.generations import Generation, Generations
from provider_node.store.manifest import Manifest
from stayput import outcomes
from stayput.elements import CONDITION_MET, check_digests, context, encode, key_digests
from stayput.v1.contract_pb2 import Contract

HEADER = "身份证号码,姓名,号牌号码,价格\n"
WITH_PRICE = (
    "[keys.owner]",
    '[fields.price]\ncolumn = "价格"\ntype = "number"\noptions = { scale = 2 }\n[keys.owner]',
)
COSTLY = (
    "[checks.plate]",
    "[checks.costly]\ncondition = \"price>=100000 and not plate = 'X1'\"\n[checks.plate]",
)
BY_PLATE_TOO = ("[checks.name]", '[keys.plate]\nfields = ["plate"]\n[checks.name]')
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]


@pytest.fixture
def resource(write_resource: Write, resident_id: Number) -> ResourceConfig:
    """Owners 1 to 3 have three vehicles each, with one costly, none, and one perhaps; 4 to 6 have one."""
    prices = {
        1: ("20000", "100000", ""),
        2: ("20000", "99999.99", "30000"),
        3: ("", "20000", "一万"),
        4: ("",),
        5: ("1,000,000.00",),
    }
    rows = [
        (resident_id(owner), "王五", f"A{owner}{place}", f'"{price}"')
        for owner, each in prices.items()
        for place, price in enumerate(each)
    ]
    return write_resource(
        [*rows, (resident_id(6), "", "X1", "200000")], WITH_PRICE, COSTLY, BY_PLATE_TOO, header=HEADER
    )


@pytest.fixture
def generation(resource: ResourceConfig, build: Build, generations: Generations) -> Generation:
    build(resource)
    current = generations.current("vehicle-owners")
    assert current is not None
    return current


def asked(contract: Contract, key: str, value: str, check: str = "costly") -> bytes:
    """What a consumer sends that asks a condition."""
    [encoded] = encode([[value]])
    assert isinstance(encoded, bytes)
    [subject] = key_digests(context(contract, key), [encoded])
    return subject + check_digests(context(contract, key, check), [encoded], [CONDITION_MET])[0]


def test_any_row_of_a_subject_may_meet_a_condition(
    generation: Generation, index_key: IndexKey, resident_id: Number
) -> None:
    contract = generation.manifest.contract
    matcher = Matcher(generation, index_key, "owner", ["costly"])
    found = {
        owner: tuple(matcher.match(asked(contract, "owner", resident_id(owner))).outcomes[:, 0].tolist())
        for owner in range(1, 8)
    }
    there = outcomes.MATCH
    assert found == {
        1: (there, outcomes.MATCH),
        2: (there, outcomes.MISMATCH),
        3: (there, outcomes.MISMATCH),
        4: (there, outcomes.NO_VALUE),
        5: (there, outcomes.MATCH),
        6: (there, outcomes.MISMATCH),
        7: (outcomes.NOT_FOUND, outcomes.NOT_FOUND),
    }


def test_a_condition_is_answered_under_each_key(generation: Generation, index_key: IndexKey) -> None:
    contract = generation.manifest.contract
    matcher = Matcher(generation, index_key, "plate", ["costly"])
    found = [
        matcher.match(asked(contract, "plate", plate)).outcomes[1, 0].tolist()
        for plate in ("A11", "A10", "A12")
    ]
    assert found == [outcomes.MATCH, outcomes.MISMATCH, outcomes.NO_VALUE]


def test_any_other_value_is_a_mismatch(
    generation: Generation, index_key: IndexKey, resident_id: Number
) -> None:
    contract, owner = generation.manifest.contract, resident_id(1)
    [key] = encode([[owner]])
    assert isinstance(key, bytes)
    [digest] = check_digests(context(contract, "owner", "costly"), [key], encode([["false"]]))
    matched = Matcher(generation, index_key, "owner", ["costly"]).match(
        key_digests(context(contract, "owner"), [key])[0] + digest
    )
    assert matched.outcomes[1, 0] == outcomes.MISMATCH


@pytest.mark.parametrize(("plate", "entries"), [("A1", 10 + 10 + 3), ("X1", 10 + 10), ("", 10)])
def test_only_rows_that_meet_a_condition_are_in_the_index(
    build: Build, write_resource: Write, resident_id: Number, plate: str, entries: int
) -> None:
    rows = [(resident_id(owner), "", plate, "100000" if owner < 3 else "1") for owner in range(10)]
    assert build(write_resource(rows, WITH_PRICE, COSTLY, header=HEADER)).entries == entries


def test_the_contract_has_the_condition_and_not_the_fields_that_only_it_names(generation: Generation) -> None:
    contract = generation.manifest.contract
    assert [field.name for field in contract.fields] == ["owner_id", "name", "plate"]
    [check] = [one for one in contract.checks if one.condition]
    assert (check.name, check.condition) == ("costly", "price >= 100000 and not plate = 'X1'")
    assert not check.fields


def test_a_malformed_value_counts_as_none_and_is_reported(generation: Generation) -> None:
    assert [(one.field, one.reason, one.count) for one in generation.manifest.rejects] == [
        ("price", "FORMAT", 1)
    ]
    assert generation.manifest.rows_left_out == 0
