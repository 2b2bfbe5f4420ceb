"""Oblivious mode with an honest node: the answers of the keyed mode, and nothing told of whom."""

from pathlib import Path

import pytest

from stayput.oblivious import UNPROVED_CHUNKS
from stayput_client import Client, Mode, Outcome, Progress, Result
from tests.client.servicers.oblivious import ObliviousPeer
from tests.client.world import RESOURCE, World, resident_id

KEY, CHECKS = "resident_id", ["name", "plate"]
ROWS = [
    (resident_id(0), "张三", "京A12345"),
    (resident_id(0), "张四", "京B00001"),
    (resident_id(0), "", "京C00001"),
    (resident_id(1), "李四", "京A12345"),
    (resident_id(2), "李四", "京A12345"),
    (resident_id(2), "", ""),
    ("123", "李四", "京A12345"),
    ("", "", ""),
    (resident_id(1), "李\ue000四", ""),
    (resident_id(3), "李\ue000四", ""),
]
RECORDS = [dict(zip((KEY, *CHECKS), row, strict=True)) for row in ROWS]


async def compare(client: Client, mode: Mode, records: list[dict[str, str]] = RECORDS) -> tuple[Result, ...]:
    done = await client.compare(records, resource=RESOURCE, key=KEY, checks=CHECKS, mode=mode)
    return done.results


@pytest.mark.usefixtures("world")
async def test_every_outcome_and_reason_is_that_of_the_keyed_mode(client: Client) -> None:
    keyed = await compare(client, Mode.KEYED)
    assert await compare(client, Mode.OBLIVIOUS) == keyed
    assert {outcome for one in keyed for outcome in one.checks.values()} == set(Outcome)


async def test_a_list_in_many_chunks_is_answered_in_its_order(
    world: World, client: Client, node: ObliviousPeer, tmp_path: Path
) -> None:
    node.chunk_records = 4
    rows = [*ROWS[6:8] * 5, *ROWS * 4, *ROWS[6:8] * 5, *ROWS[:3]]
    (tmp_path / "list.csv").write_text(
        "\n".join([",".join((KEY, *CHECKS)), *map(",".join, rows), "broken"]), "utf-8"
    )
    heard: list[Progress] = []
    written = {}
    for mode in Mode:
        out = tmp_path / f"{mode.name}.csv"
        summary = await client.compare_csv(
            tmp_path / "list.csv",
            out,
            resource=RESOURCE,
            key=KEY,
            checks=CHECKS,
            mode=mode,
            progress=heard.append,
        )
        written[mode] = out.read_bytes()
        assert (summary.records, summary.not_answered) == (len(rows) + 1, 0)
    assert written[Mode.OBLIVIOUS] == written[Mode.KEYED]
    assert node.most_unproved <= UNPROVED_CHUNKS - 1
    assert len(node.proved) == len(node.asked) > UNPROVED_CHUNKS


async def test_all_elements_of_a_column_are_proved_up_to_a_thousand(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    records = [{KEY: resident_id(0), "name": "张三" if at < 20 else ""} for at in range(1_010)]
    await client.compare(records, resource=RESOURCE, key=KEY, checks=["name"], mode=Mode.OBLIVIOUS)
    (proved,) = node.proved
    key, name = (list(column.indices) for column in proved.columns)
    assert len(set(key)) == 1_000
    assert set(key) <= set(range(1_010))
    assert key != sorted(key)
    assert sorted(name) == list(range(20))
    assert name != sorted(name)


async def test_what_is_sent_is_different_every_time(
    world: World, client: Client, node: ObliviousPeer
) -> None:
    await compare(client, Mode.OBLIVIOUS)
    await compare(client, Mode.OBLIVIOUS)
    first, second = node.asked
    assert len(first) == len(second)
    assert not {first[at : at + 32] for at in range(2, len(first) - 32, 32)} & {
        second[at : at + 32] for at in range(2, len(second) - 32, 32)
    }


async def test_each_element_counts_as_a_record(world: World, client: Client, node: ObliviousPeer) -> None:
    records = [{KEY: resident_id(0), "name": "张三", "plate": ""}, {KEY: resident_id(1)}, {KEY: "123"}]
    done = await client.compare(records, resource=RESOURCE, key=KEY, checks=CHECKS, mode=Mode.OBLIVIOUS)
    assert done.receipt is not None
    receipt = done.receipt.receipt
    assert (receipt.records, receipt.elements, node.used_today["G-1"]) == (2, 3, 3)
    assert done.summary.records_left_today == 1_000_000 - 3


@pytest.mark.parametrize("records", [[], [{KEY: "123"}]])
async def test_with_nothing_to_ask_nothing_is_fetched_or_sent(
    world: World, client: Client, node: ObliviousPeer, records: list[dict[str, str]]
) -> None:
    done = await client.compare(records, resource=RESOURCE, key=KEY, mode=Mode.OBLIVIOUS)
    assert (done.receipt, node.fetches, node.asked, world.access.tickets) == (None, [], [], 0)
    assert [one.outcome for one in done.results] == [Outcome.INVALID] * len(records)
