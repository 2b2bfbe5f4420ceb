"""Comparing records in memory, against a node that speaks the protocol."""

from collections.abc import Callable

import pytest

from stayput.errors import StayputError
from stayput_client import Client, Outcome
from tests.client.world import PURPOSE, RESOURCE, World, resident_id

MATCH, MISMATCH, NOT_FOUND, UNVERIFIABLE, INVALID = Outcome
KEY = "resident_id"


async def test_every_outcome_and_reason(client: Client) -> None:
    comparison = await client.compare(
        [
            {KEY: resident_id(0), "name": " 张　三 ", "plate": "京A12345"},
            {KEY: resident_id(0), "name": "张四", "plate": "京B00001"},
            {KEY: resident_id(1), "name": "李四", "plate": "京A12345"},
            {KEY: resident_id(1), "name": "", "plate": "京A12345"},
            {KEY: resident_id(2), "name": "王五", "plate": ""},
            {KEY: "123", "name": "张三", "plate": "京A12345"},
            {KEY: "", "name": "张三"},
            {KEY: resident_id(0), "name": "张\ue000三", "plate": "京A12345"},
        ],
        resource=RESOURCE,
        key=KEY,
        checks=["name", "plate"],
    )
    assert [
        (r.outcome, r.checks["name"], r.checks["plate"], dict(r.reasons)) for r in comparison.results
    ] == [
        (MATCH, MATCH, MATCH, {}),
        (MATCH, MISMATCH, MATCH, {}),
        (MATCH, MATCH, UNVERIFIABLE, {"plate": "NO_VALUE"}),
        (MATCH, UNVERIFIABLE, UNVERIFIABLE, {"name": "NOT_ASKED", "plate": "NO_VALUE"}),
        (NOT_FOUND, NOT_FOUND, NOT_FOUND, {}),
        (INVALID, INVALID, INVALID, {KEY: "FORMAT"}),
        (INVALID, INVALID, INVALID, {KEY: "MISSING"}),
        (MATCH, INVALID, MATCH, {"name": "ENCODING"}),
    ]
    summary = comparison.summary
    assert summary.key == {MATCH: 5, MISMATCH: 0, NOT_FOUND: 1, UNVERIFIABLE: 0, INVALID: 2}
    assert summary.checks["name"] == {MATCH: 2, MISMATCH: 1, NOT_FOUND: 1, UNVERIFIABLE: 1, INVALID: 3}
    assert summary.reasons == {
        "name: ENCODING": 1,
        "name: NOT_ASKED": 1,
        "plate: NO_VALUE": 2,
        "resident_id: FORMAT": 1,
        "resident_id: MISSING": 1,
    }
    assert (summary.records, summary.not_answered) == (8, 0)


async def test_a_key_of_several_fields_names_the_field_that_is_wrong(world: World, client: Client) -> None:
    world.grant("G-2", key="name_birth", checks=[])
    comparison = await client.compare(
        [
            {"name": "李四", "birth_date": "1980年1月2日"},
            {"name": "李四", "birth_date": "1980-02-30"},
            {"name": "", "birth_date": "1980-01-02"},
        ],
        resource=RESOURCE,
        key="name_birth",
    )
    assert [(r.outcome, dict(r.reasons)) for r in comparison.results] == [
        (MATCH, {}),
        (INVALID, {"birth_date": "DATE"}),
        (INVALID, {"name": "MISSING"}),
    ]


async def test_few_records_take_one_call_and_many_take_the_stream(world: World, client: Client) -> None:
    records = [{KEY: resident_id(serial)} for serial in range(1_001)]
    few = await client.compare(records[:1_000], resource=RESOURCE, key=KEY)
    assert (world.node.unary_calls, world.node.chunk_sizes) == (1, [1_000])
    many = await client.compare(iter(records), resource=RESOURCE, key=KEY)
    assert (world.node.unary_calls, world.node.chunk_sizes) == (1, [1_000, 1_001])
    assert few.results == many.results[:1_000]
    assert many.summary.key[MATCH] == 2
    assert many.summary.key[NOT_FOUND] == 999


async def test_chunks_keep_to_the_node_s_limit(world: World, client: Client) -> None:
    world.node.chunk_records = 400
    records = [{KEY: resident_id(serial)} for serial in range(1_000)]
    comparison = await client.compare(records, resource=RESOURCE, key=KEY)
    assert world.node.chunk_sizes == [400, 400, 200]
    assert len(comparison.results) == 1_000


async def test_the_receipt_is_kept_with_the_key_that_opens_its_commitments(
    world: World, client: Client
) -> None:
    comparison = await client.compare(
        [{KEY: resident_id(0)}], resource=RESOURCE, key=KEY, operator="乙", case_number=" C-9 "
    )
    assert comparison.receipt is not None
    receipt = await client.verify_receipt(comparison.receipt.to_file())
    assert receipt == world.node.receipts[0]
    assert (receipt.operator, receipt.purpose, receipt.case_number) == ("乙", PURPOSE, "C-9")
    assert "commitment_key" not in repr(comparison.receipt)


@pytest.mark.parametrize("records", [[], [{KEY: "1"}, {KEY: ""}]])
async def test_nothing_to_ask_opens_no_session(
    world: World, client: Client, records: list[dict[str, str]]
) -> None:
    comparison = await client.compare(records, resource=RESOURCE, key=KEY)
    assert comparison.receipt is None
    assert [r.outcome for r in comparison.results] == [INVALID] * len(records)
    assert (world.access.tickets, world.node.receipts) == (0, [])


async def test_a_value_that_is_no_text_is_refused_without_showing_it(client: Client) -> None:
    with pytest.raises(StayputError, match="FIELD_INVALID: resident_id: holds a value") as caught:
        await client.compare([{KEY: 110105194912310}], resource=RESOURCE, key=KEY)  # type: ignore[dict-item]
    assert "1101051949" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "checks", "complaint"),
    [
        ("plate", [], "FIELD_INVALID: key: the resource has no such key"),
        (KEY, ["colour"], "FIELD_INVALID: check: the resource has no such check"),
        (KEY, ["name", "name"], "FIELD_INVALID: checks: names a check twice"),
    ],
)
async def test_what_the_resource_does_not_offer_is_refused(
    client: Client, key: str, checks: list[str], complaint: str
) -> None:
    with pytest.raises(StayputError, match=complaint):
        await client.compare([], resource=RESOURCE, key=key, checks=checks)


Spoil = Callable[[World], object]


@pytest.mark.parametrize(
    ("grant", "spoil", "complaint"),
    [
        (None, lambda w: w.access.grants.clear(), "GRANT_UNKNOWN: no active grant"),
        (None, lambda w: w.grant("G-2"), "FIELD_INVALID: several active grants cover the request: G-2, G-1"),
        ("G-9", lambda w: None, "GRANT_UNKNOWN: this department has no grant of that id"),
        ("G-2", lambda w: w.grant("G-2", valid_until=w.node.grants["G-1"].valid_from), "GRANT_NOT_ACTIVE"),
        ("G-2", lambda w: w.grant("G-2", checks=["plate"]), "GRANT_SCOPE"),
        (
            "G-1",
            lambda w: setattr(w.access.grants[0].grant.signatures[0], "signature", bytes(64)),
            "GRANT_SIGNATURE",
        ),
        (
            None,
            lambda w: setattr(w.access.grants[0].grant.signatures[0], "signature", bytes(64)),
            "GRANT_UNKNOWN",
        ),
    ],
)
async def test_a_grant_that_cannot_be_used_is_refused_before_anything_is_sent(
    world: World, client: Client, grant: str | None, spoil: Spoil, complaint: str
) -> None:
    spoil(world)
    with pytest.raises(StayputError, match=complaint) as caught:
        await client.compare(
            [{KEY: resident_id(0)}], resource=RESOURCE, key=KEY, checks=["name"], grant=grant
        )
    assert caught.value.remedy
    assert world.access.tickets == 0


async def test_the_grant_named_is_used(world: World, client: Client) -> None:
    world.grant("G-2")
    await client.compare([{KEY: resident_id(0)}], resource=RESOURCE, key=KEY, grant="G-2")
    assert world.node.receipts[0].grant_id == "G-2"


async def test_a_demanded_case_number_and_an_operator_are_asked_for(world: World, client: Client) -> None:
    world.grant("G-2", case_number_required=True)
    with pytest.raises(StayputError, match="CASE_NUMBER_REQUIRED"):
        await client.compare([], resource=RESOURCE, key=KEY, grant="G-2")
    (world.home / "config.toml").write_text('purpose = "核对"\n', "utf-8")
    with pytest.raises(StayputError, match="FIELD_INVALID: operator"):
        await client.compare([], resource=RESOURCE, key=KEY, grant="G-1")
    await client.compare([{KEY: resident_id(0)}], resource=RESOURCE, key=KEY, grant="G-1", operator="乙")
    assert world.node.receipts[0].purpose == "核对"
