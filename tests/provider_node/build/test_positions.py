"""Positions ascend as the numbers do by which somebody would walk, and ranks follow them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.config import ResourceConfig
from provider_node.domain.build.positions import NO_POSITION, positions
from provider_node.domain.matching import Matcher
from provider_node.domain.tokens import IndexKey
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest
from stayput.elements import context, encode, key_digests

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
NOBODY = int(NO_POSITION)
Write = Callable[..., ResourceConfig]
Build = Callable[..., Manifest]
Number = Callable[[int], str]

DIGITS = st.text("0123456789", min_size=17, max_size=17)
CODE = st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=8, max_size=8)


@given(st.lists(st.tuples(DIGITS, st.sampled_from("0123456789X"))))
def test_a_resident_id_is_its_first_17_digits(numbers: list[tuple[str, str]]) -> None:
    found = positions("resident_id", [body + check for body, check in numbers])
    assert found.tolist() == [int(body) for body, _ in numbers]


@given(st.lists(st.one_of(DIGITS.map(lambda body: body + "X"), st.just("ABC123456789012")), min_size=1))
def test_an_old_residence_card_has_none(values: list[str]) -> None:
    expected = [NOBODY if value[0] == "A" else int(value[:17]) for value in values]
    assert positions("resident_id", values).tolist() == expected


@given(st.lists(st.integers(13_000_000_000, 19_999_999_999)))
def test_a_mobile_number_is_its_number(numbers: list[int]) -> None:
    assert positions("mobile", [str(number) for number in numbers]).tolist() == numbers


@given(st.lists(st.tuples(st.sampled_from("1259Y"), st.integers(0, 999_999), CODE, st.sampled_from("0X"))))
def test_credit_codes_ascend_by_region_then_organisation(codes: list[tuple[str, int, str, str]]) -> None:
    values = [f"{kind}1{region:06}{organisation}{check}Y" for kind, region, organisation, check in codes]
    found = positions("uscc", values).tolist()
    assert NOBODY not in found
    keys = [(region, organisation) for _, region, organisation, _ in codes]
    for one, position in zip(keys, found, strict=True):
        for other, beside in zip(keys, found, strict=True):
            assert (one < other, one == other) == (position < beside, position == beside)


def test_an_organisation_code_stands_before_all_regions() -> None:
    alone, other, whole = positions("uscc", ["MA0000019", "MA000002X", "91110000MA000001XY"]).tolist()
    assert other - alone == 1
    assert whole - alone == 110_000 * 36**8


@pytest.mark.parametrize("kind", ["person_name", "date", "code", "text", "number"])
def test_other_types_have_no_order(kind: str) -> None:
    assert positions(kind, ["1", "2"]).tolist() == [NOBODY] * 2


def ranks(generations: Generations, index_key: IndexKey, key: str, values: list[list[str]]) -> list[int]:
    """Ranks of subjects by the canonical values of their key's fields, one list for each field."""
    generation = generations.current("vehicle-owners")
    assert generation is not None
    encoded = [one for one in encode(values) if isinstance(one, bytes)]
    digests = key_digests(context(generation.manifest.contract, key), encoded)
    found: list[int] = Matcher(generation, index_key, key, []).match(b"".join(digests)).ranks.tolist()
    return found


def test_ranks_are_places_in_the_order_of_the_numbers(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    numbers = [900, 17, 3, 4_000, 18, 3]
    build(write_resource([(resident_id(number), "张三", f"A{number}") for number in numbers]))
    asked = [18, 5, 3, 900, 4_000, 3, 17]
    found = ranks(generations, index_key, "owner", [[resident_id(number) for number in asked]])
    assert found == [2, 0, 3, 4, 0, 1]


def test_fifteen_digits_have_the_place_of_the_eighteen_they_stand_for(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    old = resident_id(2)[:6] + resident_id(2)[8:17]
    build(write_resource([(resident_id(3), "张三", ""), (old, "李四", ""), (resident_id(1), "王五", "")]))
    found = ranks(generations, index_key, "owner", [[resident_id(number) for number in (1, 2, 3)]])
    assert found == [0, 1, 2]


def test_a_key_of_several_fields_or_of_another_type_has_no_ranks(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    more = '[keys.both]\nfields = ["owner_id", "name"]\n[keys.plate]\nfields = ["plate"]\n[checks.name]'
    build(write_resource([(resident_id(n), "张三", f"A{n}") for n in range(3)], ("[checks.name]", more)))
    owners, plates = [resident_id(n) for n in range(3)], ["A0", "A1", "A2"]
    assert ranks(generations, index_key, "owner", [owners]) == [0, 1, 2]
    assert ranks(generations, index_key, "both", [owners, ["张三"] * 3]) == []
    assert ranks(generations, index_key, "plate", [plates]) == []


def test_two_keys_have_their_own_order(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    changes = (
        ('column = "号牌号码"\ntype = "code"', 'column = "号牌号码"\ntype = "mobile"'),
        ("[checks.name]", '[keys.mobile]\nfields = ["plate"]\n[checks.name]'),
    )
    rows = [(resident_id(n), "张三", f"1390000000{9 - n}") for n in range(5)]
    build(write_resource([*rows, (resident_id(7), "张三", "")], *changes))
    assert ranks(generations, index_key, "owner", [[resident_id(n) for n in (0, 4, 7)]]) == [0, 4, 5]
    assert ranks(generations, index_key, "mobile", [[row[2] for row in rows]]) == [4, 3, 2, 1, 0]


def test_masks_change_with_the_subjects_and_with_nothing_else(
    write_resource: Write, build: Build, resident_id: Number
) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(5)]
    salts = [
        build(write_resource(given), NOW + timedelta(hours=hour)).rank_salts
        for hour, given in enumerate(
            [rows, rows[::-1], [(owner, "李四", "") for owner, _, _ in rows], rows[1:]]
        )
    ]
    assert salts[0] == salts[1] == salts[2] != salts[3]
    assert len(bytes.fromhex(salts[0][0])) == 16


def test_the_file_alone_tells_no_order(
    write_resource: Write, build: Build, generations: Generations, index_key: IndexKey, resident_id: Number
) -> None:
    owners = [resident_id(n) for n in range(200)]
    build(write_resource([(owner, "", "") for owner in owners]))
    generation = generations.current("vehicle-owners")
    assert generation is not None
    place = context(generation.manifest.contract, "owner")
    keys = [one for one in encode([owners]) if isinstance(one, bytes)]
    tokens = [index_key.token_key(place).tokens(digest) for digest in key_digests(place, keys)]
    with generation.index.reading() as value_of:
        stored = [value[1:] for token in tokens if (value := value_of(token))]
    assert len(set(stored)) == len(stored) == 200
    # Were a rank below 200 stored as it is, two bytes of four would always be 0.
    assert len({value[2:] for value in stored}) > 150
