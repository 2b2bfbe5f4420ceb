"""Reading receipts forwards and backwards, also from another process while the node runs."""

import asyncio
import sys
from pathlib import Path

import pytest

from provider_node.store import receipt_log
from provider_node.store.receipt_log import reading
from provider_node.store.state import State
from stayput.v1.access_pb2 import Grant
from tests.provider_node.serving import kept
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, LocalNode, grant


async def test_nothing_is_read_from_an_empty_log(state: State) -> None:
    log = state.receipt_log
    assert (log.after(0, 10), log.before(None, 10), log.before(7, 10)) == ([], [], [])
    assert (list(log.walk()), list(log.walk_back())) == ([], [])
    assert (log.last_number(), log.count(), log.delivered_through()) == (0, 0, 0)


async def test_pages_go_both_ways(bare_node: LocalNode) -> None:
    await kept.keep(bare_node, 5)
    log = bare_node.state.receipt_log

    def numbers(page: list[receipt_log.KeptReceipt]) -> list[int]:
        return [one.number for one in page]

    assert numbers(log.after(0, 2)) == [1, 2]
    assert numbers(log.after(3, 9)) == [4, 5]
    assert numbers(log.after(5, 9)) == []
    assert numbers(log.before(None, 2)) == [5, 4]
    assert numbers(log.before(4, 2)) == [3, 2]
    assert numbers(log.before(1, 2)) == []
    assert numbers(log.before(2**63, 9)) == [5, 4, 3, 2, 1]
    assert (log.last_number(), log.count()) == (5, 5)
    # A number that is gone stands in nobody's way.
    await kept.put(bare_node.state, 3, None)
    assert numbers(log.before(3, 9)) == [2, 1]
    assert numbers(log.after(2, 9)) == [4, 5]


async def test_walks_cross_their_pages(bare_node: LocalNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_log, "_WALK", 2)
    await kept.keep(bare_node, 5)
    log = bare_node.state.receipt_log
    assert [one.number for one in log.walk()] == [1, 2, 3, 4, 5]
    assert [one.number for one in log.walk(2)] == [3, 4, 5]
    assert [one.number for one in log.walk_back()] == [5, 4, 3, 2, 1]
    assert [one.number for one in log.walk_back(4)] == [3, 2, 1]
    back = log.walk_back()
    assert next(back).number == 5
    await kept.keep(bare_node, 2)
    assert [one.number for one in back] == [4, 3, 2, 1]


@pytest.mark.parametrize("grant_id", ["", "G-2", "G" * 512])
async def test_grants_are_found_by_their_id(bare_node: LocalNode, grant_id: str) -> None:
    given = grant()
    await bare_node.give(given)
    found = bare_node.state.receipt_log.grant(GRANT_ID)
    assert found is not None
    assert Grant.FromString(found.payload) == given
    assert bare_node.state.receipt_log.grant(grant_id) is None


_READ = """
import sys
from pathlib import Path
from provider_node.store.receipt_log import reading
with reading(Path(sys.argv[1])) as log:
    print(len(list(log.walk())), flush=True)
    sys.stdin.readline()
    print(len(list(log.walk())), log.delivered_through())
"""


async def test_another_process_reads_while_the_node_writes(bare_node: LocalNode, tmp_path: Path) -> None:
    await kept.keep(bare_node, 2)
    reader = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _READ,
        str(tmp_path / "state"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert reader.stdout is not None
    assert await reader.stdout.readline() == b"2\n"
    await kept.keep(bare_node, 3)
    await bare_node.state.set_delivered_through(4)
    assert (await reader.communicate(b"\n"))[0] == b"5 4\n"


@pytest.mark.parametrize("there", [False, True], ids=["none", "damaged"])
def test_what_is_no_state_is_told_as_such(tmp_path: Path, *, there: bool) -> None:
    if there:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "data.mdb").write_bytes(b"damaged" * 10_000)
    with refused("CONFIGURATION_INVALID", "node.data"), reading(tmp_path / "state"):
        pass
    assert not (tmp_path / "state").exists() or there
