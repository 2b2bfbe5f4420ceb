"""Counts only, keyed: totals through the SDK, and nodes that tell what they must not or cannot."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.limits import complete
from stayput.v1.access_pb2 import Limits
from stayput.v1.contract_pb2 import (
    GRANULARITY_COUNT,
    GRANULARITY_RECORD,
    MODE_OBLIVIOUS,
    OUTCOME_CODE_INVALID,
    OUTCOME_CODE_MATCH,
    OUTCOME_CODE_MISMATCH,
    OUTCOME_CODE_NOT_FOUND,
)
from stayput.v1.log_pb2 import SESSION_END_CUT_BY_NODE, OutcomeCount, Receipt
from stayput_client import Client, CutShort, Mode, Outcome, Progress, Totals
from tests.client.servicers.faults import Faults
from tests.client.world import LIMITS, RESOURCE, World, resident_id

KEY = "resident_id"
FOUND, OTHER_NAME, ABSENT = 20, 15, 12
RECORDS = [
    *({KEY: resident_id(serial), "name": "张三"} for serial in range(FOUND)),
    *({KEY: resident_id(serial), "name": "李四"} for serial in range(FOUND, FOUND + OTHER_NAME)),
    *({KEY: resident_id(serial), "name": "王五"} for serial in range(100, 100 + ABSENT)),
]


@pytest.fixture
def register_rows() -> list[dict[str, str]]:
    registered = [resident_id(serial) for serial in range(FOUND + OTHER_NAME)]
    return [{KEY: one, "name": "张三", "plate": "", "birth_date": "1949-12-31"} for one in registered]


@pytest.fixture
def counting(world: World) -> World:
    """With a grant for totals besides the one for outcomes."""
    world.grant("G-2", granularities=[GRANULARITY_COUNT])
    return world


async def count(client: Client, records: list[dict[str, str]] = RECORDS) -> Totals:
    return await client.count(records, resource=RESOURCE, key=KEY, checks=["name"])


@pytest.mark.parametrize("chunk_records", [8_192, 7])
async def test_different_records_are_counted_and_nothing_else_is_told(
    counting: World, client: Client, chunk_records: int
) -> None:
    counting.node.chunk_records = chunk_records
    damaged = [{KEY: "123", "name": "张三"}, {KEY: resident_id(0), "name": "\ufffd"}]
    totals = await count(client, [*RECORDS, *RECORDS[:5], *damaged])
    assert (totals.records, totals.invalid, totals.distinct_records) == (54, 1, 47)
    assert totals.key == {Outcome.MATCH: 35, Outcome.NOT_FOUND: 12}
    assert totals.checks == {"name": {Outcome.MATCH: 20, Outcome.MISMATCH: 15}}
    assert totals.reasons == {"name: ENCODING": 1, "resident_id: FORMAT": 1}
    assert (totals.mode, totals.minimum, totals.noise_epsilon_milli) == (Mode.KEYED, 10, 0)
    assert totals.records_left_today == 999_947
    (receipt,) = counting.node.receipts
    assert totals.receipt is not None
    assert totals.receipt.receipt == receipt
    assert (receipt.grant_id, receipt.records, receipt.outcome_bytes) == ("G-2", 53, 0)
    assert counting.node.unary_calls == 0


async def test_what_is_below_the_minimum_is_not_told(counting: World, client: Client) -> None:
    totals = await count(client, RECORDS[: FOUND + 12])
    assert totals.key == {Outcome.MATCH: None, Outcome.NOT_FOUND: None}
    assert totals.checks == {"name": {Outcome.MATCH: 20, Outcome.MISMATCH: None}}
    totals = await count(client, RECORDS[:FOUND] + RECORDS[-ABSENT:])
    assert totals.key == {Outcome.MATCH: 20, Outcome.NOT_FOUND: 12}
    assert totals.checks == {"name": {Outcome.MATCH: 20, Outcome.MISMATCH: None}}


async def test_nothing_that_can_be_asked_needs_no_session(counting: World, client: Client) -> None:
    totals = await count(client, [{KEY: "123"}])
    assert (totals.records, totals.invalid, totals.distinct_records, totals.receipt) == (1, 1, 0, None)
    assert totals.key == {Outcome.MATCH: None, Outcome.NOT_FOUND: None}
    assert counting.access.tickets == 0


async def test_a_list_is_counted_into_a_table_with_its_receipt(
    counting: World, client: Client, tmp_path: Path
) -> None:
    counting.node.chunk_records = 10
    lines = [f"{one[KEY]};{one['name']}" for one in RECORDS[: FOUND + 12]]
    _put(tmp_path / "list.csv", "\n".join([f"{KEY};name", *lines, "broken", ""]), "gb18030")
    heard: list[Progress] = []
    totals = await client.count_csv(
        tmp_path / "list.csv",
        resource=RESOURCE,
        key=KEY,
        checks=["name"],
        encoding="gb18030",
        delimiter=";",
        progress=heard.append,
    )
    assert (totals.records, totals.invalid, totals.reasons) == (33, 1, {"line: COLUMNS": 1})
    out, receipt = tmp_path / "list.totals.csv", tmp_path / "list.totals.csv.receipt.json"
    assert (totals.out_path, totals.receipt_path, totals.further_receipt_paths) == (out, receipt, ())
    assert out.read_text("gb18030").splitlines() == [
        "compared;outcome;records",
        "resident_id;MATCH;",
        "resident_id;NOT_FOUND;",
        "name;MATCH;20",
        "name;MISMATCH;",
    ]
    assert await client.verify_receipt(receipt.read_text()) == counting.node.receipts[0]
    assert (heard[-1].done, heard[-1].total) == (33, 33)
    with pytest.raises(StayputError, match="FIELD_INVALID") as caught:
        await client.count_csv(tmp_path / "list.csv", resource=RESOURCE, key=KEY, delimiter=";")
    assert "list.totals.csv" in caught.value.message
    assert len(counting.node.receipts) == 1


async def test_a_session_that_breaks_tells_nothing(counting: World, client: Client, tmp_path: Path) -> None:
    counting.node.chunk_records = 4
    counting.node.faults = Faults(die_on_chunk=9)
    _put(tmp_path / "list.csv", "\n".join([KEY, *(one[KEY] for one in RECORDS)]))
    with pytest.raises(StayputError) as caught:
        await client.count_csv(tmp_path / "list.csv", resource=RESOURCE, key=KEY)
    assert not isinstance(caught.value, CutShort)
    assert _names(tmp_path) == {"home", "list.csv"}


async def test_a_list_that_is_too_short_is_refused(counting: World, client: Client) -> None:
    with pytest.raises(StayputError, match="LIST_TOO_SHORT") as caught:
        await count(client, RECORDS[:9] * 2)
    assert caught.value.details == {"limit": "10"}


async def test_a_grant_for_outcomes_is_none_for_totals_and_the_other_way_round(
    world: World, client: Client
) -> None:
    with pytest.raises(StayputError, match=r"GRANT_UNKNOWN: .*mode keyed, granularity count") as caught:
        await count(client)
    assert "apply --resource vehicle-owners --key resident_id --check name --granularity count" in (
        caught.value.remedy
    )
    with pytest.raises(StayputError, match=r"GRANT_SCOPE: .*granularity count") as caught:
        await client.count(RECORDS, resource=RESOURCE, key=KEY, grant="G-1")
    assert "--granularity count" in caught.value.remedy
    world.access.grants.clear()
    world.grant("G-2", granularities=[GRANULARITY_COUNT])
    with pytest.raises(StayputError, match=r"GRANT_UNKNOWN: .*granularity record") as caught:
        await client.compare(RECORDS, resource=RESOURCE, key=KEY)
    assert "--granularity" not in caught.value.remedy
    assert world.access.tickets == 0


async def test_what_the_resource_does_not_offer_is_refused_before_any_grant_is_looked_for(
    counting: World, client: Client
) -> None:
    counting.node.granularities = (GRANULARITY_RECORD,)
    with pytest.raises(StayputError, match=r"FIELD_INVALID: granularity: .* not offer count; .*: record$"):
        await count(client)
    with pytest.raises(StayputError, match=r"FIELD_INVALID: mode: .* not offer oblivious; .*: keyed$"):
        await client.compare(RECORDS, resource=RESOURCE, key=KEY, mode=Mode.OBLIVIOUS)


async def test_noise_may_tell_more_than_there_are(counting: World, client: Client) -> None:
    counting.access.grants.clear()
    noisy = complete(Limits(noise_epsilon_milli=500), LIMITS)
    counting.grant("G-3", granularities=[GRANULARITY_COUNT], limits=noisy)

    def add(receipt: Receipt) -> None:
        receipt.tallies[0].counts[0].count += 40

    counting.node.faults = Faults(receipt=add)
    totals = await count(client)
    assert (totals.noise_epsilon_milli, totals.distinct_records) == (500, 47)
    assert totals.key == {Outcome.MATCH: 75, Outcome.NOT_FOUND: 12}


def tell(column: int, **counts: int) -> Callable[[Receipt], None]:
    """A node that tells these totals of a column."""

    def lie(receipt: Receipt) -> None:
        del receipt.tallies[column].counts[:]
        for name, number in counts.items():
            code = {
                "match": OUTCOME_CODE_MATCH,
                "mismatch": OUTCOME_CODE_MISMATCH,
                "not_found": OUTCOME_CODE_NOT_FOUND,
                "invalid": OUTCOME_CODE_INVALID,
            }[name.rstrip("_")]
            receipt.tallies[column].counts.append(OutcomeCount(outcome=code, count=number))

    return lie


@pytest.mark.parametrize(
    ("complaint", "lie"),
    [
        ("tallies", tell(0, match=48)),
        ("tallies", tell(0, match=36, not_found=12)),
        ("tallies", tell(0, match=34, not_found=12)),
        ("tallies", tell(1, match=40, mismatch=10)),
        ("tallies", tell(1, match=9)),
        ("tallies", tell(1, match=0)),
        ("tallies", tell(1, match=-20)),
        ("tallies", tell(0, mismatch=20)),
        ("tallies", tell(1, not_found=12)),
        ("tallies", tell(1, invalid=12)),
        ("tallies", tell(1, match=12, match_=20)),
        ("tallies", lambda r: r.tallies.pop()),
        ("tallies", lambda r: r.ClearField("tallies")),
        ("distinct_records", lambda r: setattr(r, "distinct_records", 48)),
        ("records", lambda r: setattr(r, "records", 48)),
        ("count_minimum", lambda r: setattr(r, "count_minimum", 9)),
        ("count_minimum", lambda r: setattr(r, "count_minimum", 0)),
        ("noise_epsilon_milli", lambda r: setattr(r, "noise_epsilon_milli", 1)),
        ("outcome_bytes", lambda r: setattr(r, "outcome_bytes", 94)),
        ("granularity", lambda r: setattr(r, "granularity", GRANULARITY_RECORD)),
        ("mode", lambda r: setattr(r, "mode", MODE_OBLIVIOUS)),
        ("leakage", lambda r: setattr(r, "leakage", "keyed-record/1")),
        ("elements", lambda r: setattr(r, "elements", 47)),
        ("end", lambda r: setattr(r, "end", SESSION_END_CUT_BY_NODE)),
        ("response_commitment", lambda r: setattr(r, "response_commitment", bytes(32))),
    ],
)
async def test_a_receipt_whose_totals_cannot_be_right(
    counting: World, client: Client, complaint: str, lie: Callable[[Receipt], None]
) -> None:
    counting.node.faults = Faults(receipt=lie)
    with pytest.raises(StayputError, match=f"RECEIPT_INVALID: receipt: {complaint} (is|are) not"):
        await count(client)


async def test_outcomes_where_only_totals_were_asked_for(counting: World, client: Client) -> None:
    counting.node.faults = Faults(outcomes=lambda _: b"\x01")
    with pytest.raises(StayputError, match="PROTOCOL_VIOLATION: outcomes"):
        await count(client)


def _put(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.write_text(text, encoding)


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}
