"""`stayput compare --mode oblivious`, for outcomes and for totals, in both languages."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.limits import complete
from stayput.oprf import Mode as Variant
from stayput.oprf import PrivateKey
from stayput.v1.access_pb2 import GRANT_STATE_REVOKED, Limits
from stayput.v1.contract_pb2 import GRANULARITY_COUNT, GRANULARITY_RECORD, MODE_OBLIVIOUS
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client import Client, Mode, Outcome, Progress, Stage
from stayput_client.home import Home
from tests.client.desk import CHINESE, ENGLISH, KEY, Desk
from tests.client.servicers.oblivious import ObliviousPeer
from tests.client.world import LIMITS, RESOURCE, Command, World, cells, facts, resident_id

OBLIVIOUS = ("--mode", "oblivious")


@pytest.fixture
def desk(tmp_path: Path, world: World, stayput: Command) -> Desk:
    return Desk(tmp_path, stayput)


def cached(world: World) -> Sequence[Path]:
    found = Home(world.home).fingerprints_path.rglob("*")
    return [path for path in found if path.is_file() and path.suffix != ".lock"]


async def test_the_output_is_that_of_the_keyed_mode(desk: Desk, stayput: Command) -> None:
    assert (await desk.compare()).code == 0
    keyed = desk.rows()
    done = await desk.compare(*OBLIVIOUS, "--force")
    assert (done.code, done.err) == (0, "")
    assert desk.rows() == keyed
    assert cells(done.out)[1] == ["resident_id", "2", "0", "1", "0", "2"]
    receipts = [f"{desk.out}.receipt.json", f"{desk.out}.fetch.receipt.json"]
    assert [line for line in done.out.splitlines() if line.startswith("Receipt")] == [
        f"Receipt: {path}" for path in receipts
    ]
    shown = await stayput("receipt", "show", receipts[1])
    assert ["Fingerprints fetched", "9"] in [row[:2] for row in facts(shown.out)]
    for path in receipts:
        assert (await stayput("receipt", "verify", path)).code == 0


async def test_what_was_asked_can_be_proved(desk: Desk, stayput: Command) -> None:
    await desk.compare(*OBLIVIOUS)
    command = ("receipt", "prove", f"{desk.out}.receipt.json", "--list", desk.list)
    done = await stayput(*command)
    told = "proved: node vehicles-1 was asked exactly this list (3 records)"
    assert (done.code, done.out.splitlines()[-1]) == (0, told)
    assert (await stayput(*command, "-o", desk.out)).code == 2
    desk.put(desk.list.read_text("utf-8").replace("王小明", "李小明"))
    for language, disproved in (
        (ENGLISH, "this list is not what was asked"),
        (CHINESE, "当时所问的不是该名单"),
    ):
        assert disproved in (await stayput(*command, **language)).err


async def test_a_list_whose_session_broke_is_whole_and_the_rest_can_be_proved(
    desk: Desk, node: ObliviousPeer, stayput: Command
) -> None:
    assert (await desk.compare()).code == 0
    keyed, node.chunk_records = desk.rows(), 1
    broken: list[int] = []

    async def once(chunk: int) -> None:
        if chunk == 2 and not broken:
            broken.append(chunk)
            raise StayputError(ErrorReason.ERROR_REASON_SHUTTING_DOWN, "stopping")

    node.lies.before_chunk = once
    assert (await desk.compare(*OBLIVIOUS, "--force")).code == 0
    assert (desk.rows(), broken) == (keyed, [2])
    done = await stayput("receipt", "prove", f"{desk.out}.receipt.json", "--list", desk.list)
    assert done.code == 0
    assert "was asked exactly the rest of this list" in done.out.splitlines()[-1]


async def test_fingerprints_are_fetched_once_and_kept_while_a_grant_needs_them(
    desk: Desk, world: World, stayput: Command
) -> None:
    first = json.loads((await desk.compare(*OBLIVIOUS, "--json")).out)
    assert first["further_receipts"] == [f"{desk.out}.fetch.receipt.json"]
    second = json.loads((await desk.compare(*OBLIVIOUS, "--json", "--force")).out)
    assert second["further_receipts"] == []
    assert (await stayput("grants")).code == 0
    assert cached(world)
    world.standing("G-1").provider_state = GRANT_STATE_REVOKED
    assert (await stayput("grants")).code == 0
    assert not cached(world)


async def test_an_oblivious_comparison_that_has_no_grant_leaves_no_fingerprints(
    desk: Desk, world: World
) -> None:
    assert (await desk.compare(*OBLIVIOUS)).code == 0
    assert cached(world)
    world.access.grants.clear()
    world.grant("G-2")
    for language, told in (
        (ENGLISH, "no active grant of this department covers the request in mode oblivious"),
        (CHINESE, "本部门没有可用于此项比对（方式 oblivious，粒度 record）的有效授权"),
    ):
        done = await desk.compare(*OBLIVIOUS, "--force", environment=language)
        assert (done.code, done.out) == (1, "")
        assert told in done.err
        assert "--check name --check plate --mode oblivious" in done.err
    assert not cached(world)


async def test_totals_of_the_oblivious_mode(desk: Desk, world: World) -> None:
    world.access.grants.clear()
    few = complete(Limits(count_minimum=2), LIMITS)
    world.grant("G-2", modes=[MODE_OBLIVIOUS], granularities=[GRANULARITY_COUNT], limits=few)
    english = await desk.compare(*OBLIVIOUS, "--count-only")
    assert (english.code, english.err) == (0, "")
    assert cells(english.out)[1:] == [
        ["resident_id", "1", "", "1"],
        ["name", "1", "not told", ""],
        ["plate", "1", "not told", ""],
    ]
    told = "Oblivious mode tells how many agree; it cannot tell a MISMATCH from what is not there"
    assert told in english.out.splitlines()
    assert desk.out.read_text("utf-8").splitlines() == [
        *("compared,outcome,records", "resident_id,MATCH,1", "resident_id,NOT_FOUND,1"),
        *("name,MATCH,1", "name,MISMATCH,", "plate,MATCH,1", "plate,MISMATCH,"),
    ]
    assert desk.names() == {"out.csv", "out.csv.receipt.json", "out.csv.fetch.receipt.json"}
    chinese = await desk.compare(*OBLIVIOUS, "--count-only", "--force", environment=CHINESE)
    assert "匿踪比对只告知相符的数量；无法区分不一致与库中无" in chinese.out.splitlines()
    assert cells(chinese.out)[2] == ["name", "1", "不告知", ""]
    totals = json.loads((await desk.compare(*OBLIVIOUS, "--count-only", "--force", "--json")).out)
    assert (totals["mode"], totals["records"], totals["invalid"], totals["distinct_records"]) == (
        *("OBLIVIOUS", 5, 2, 2),
    )
    assert totals["reasons"] == {"line: COLUMNS": 1, "resident_id: CHECKSUM": 1}


async def test_totals_of_records_in_memory(world: World, client: Client) -> None:
    records = [{KEY: resident_id(serial), "name": "李四"} for serial in (*range(20), 0)]
    totals = await client.count(records, resource=RESOURCE, key=KEY, checks=["name"], mode=Mode.OBLIVIOUS)
    assert (totals.mode, totals.records, totals.distinct_records) == (Mode.OBLIVIOUS, 21, 20)
    assert totals.key == {Outcome.MATCH: 2, Outcome.NOT_FOUND: 18}
    assert totals.checks == {"name": {Outcome.MATCH: 1, Outcome.MISMATCH: None}}
    assert (totals.minimum, totals.noise_epsilon_milli) == (10, 0)
    assert totals.receipt is not None
    assert [one.receipt.HasField("fetch") for one in totals.further_receipts] == [True]
    keyed = await client.count(records, resource=RESOURCE, key=KEY, checks=["name"])
    assert (keyed.distinct_records, keyed.key[Outcome.MATCH]) == (20, None)


async def test_a_short_list_has_no_totals_in_this_mode_either(desk: Desk) -> None:
    for language, told in (
        (
            ENGLISH,
            "this list, or one of its checks, has fewer, and nothing was told (LIST_TOO_SHORT",
        ),
        (CHINESE, "本名单或其中某个核验项不足，未告知任何结果（LIST_TOO_SHORT"),
    ):
        done = await desk.compare(*OBLIVIOUS, "--count-only", environment=language)
        assert (done.code, done.out, desk.names()) == (1, "", set())
        assert told in done.err


async def test_progress_tells_of_fetching_and_of_lines(client: Client, desk: Desk) -> None:
    heard: list[Progress] = []
    await client.compare_csv(
        desk.list, desk.out, resource=RESOURCE, key=KEY, mode=Mode.OBLIVIOUS, progress=heard.append
    )
    fetching = [one for one in heard if one.stage is Stage.FETCHING]
    assert fetching[-1] == Progress(2 * 8, 2 * 8, Stage.FETCHING)
    assert heard[-1] == Progress(5, 5, Stage.COMPARING)


async def test_a_node_with_another_key_is_told_in_both_languages(desk: Desk, node: ObliviousPeer) -> None:
    node.lies.keys[0] = PrivateKey.derive(Variant.VOPRF, bytes(32), b"another")
    for language, told, hint in (
        (ENGLISH, "the node did not prove that it used its published keys", "hint: nothing of it was used"),
        (CHINESE, "节点未能证明使用的是其公布的密钥和数据（PROOF_INVALID：", "提示：未采用其任何答复"),
    ):
        done = await desk.compare(*OBLIVIOUS, environment=language)
        assert (done.code, done.out, desk.names()) == (1, "", set())
        assert told in done.err
        assert hint in done.err


@pytest.mark.parametrize("granularity", [GRANULARITY_RECORD, GRANULARITY_COUNT])
async def test_the_keyed_mode_is_not_what_a_grant_for_the_oblivious_one_is_for(
    world: World, desk: Desk, granularity: int
) -> None:
    world.access.grants.clear()
    world.grant("G-2", modes=[MODE_OBLIVIOUS], granularities=[granularity])
    done = await desk.compare(*(("--count-only",) if granularity == GRANULARITY_COUNT else ()))
    assert (done.code, desk.names()) == (1, set())
    assert "in mode keyed, granularity" in done.err
