"""Node and comparator are killed at named points: nothing is lost, nothing doubled, and every proof holds."""

import json
import signal
import sys
from collections.abc import Iterator
from time import monotonic

import pytest

from tests.commands import Commands
from tests.scenario import dying
from tests.scenario.lists import answered, write_list
from tests.world import CONSUMER, DEATHS, World

AUDITOR = "audit-office"
CHUNK, LINES = 8_192, 9_000
SPELL = 60.0
CRASHED, COMPLETE = "SESSION_END_NODE_CRASHED", "SESSION_END_COMPLETE"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Iterator[World]:
    """A consumer with a grant on the deaths, a list of two chunks, and a witness that has seen the log."""
    with World(tmp_path_factory.mktemp("w"), commands) as world:
        world.add_comparator()
        world.add_consumer(CONSUMER)
        world.open_register(DEATHS)
        world.grant(DEATHS)
        world.enrol_department(AUDITOR, "--role", "auditor")
        world.trust(AUDITOR)
        write_list(world.directory / "list.csv", LINES)
        require_whole(world)
        yield world


def mined(point: str) -> tuple[str, ...]:
    """What runs a server so that it kills itself there."""
    return (sys.executable, dying.__file__, point)


def compare(world: World) -> int:
    """Compares the list, whatever comes of it; returns how many lines were answered."""
    for old in world.directory.glob("out*.csv*"):
        old.unlink()
    world.attempt(CONSUMER, *world.compare_command(DEATHS, "list.csv", "out.csv"))
    return sum(answered(path) for path in world.directory.glob("out*.csv"))


def require_whole(world: World) -> None:
    """Chain and tree verify, agree with each other, and go on from what was seen before."""
    world.settle_receipts()
    numbers = [int(str(receipt["sequence"])) for receipt in world.receipts()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert "the chain is whole" in world.run(DEATHS, "provider-node", "log", "verify")
    agreed = world.run(DEATHS, "provider-node", "log", "reconcile")
    assert agreed.endswith(f"{len(numbers)} agree; differences: 0\n")
    world.run("comparator", "comparator", "log", "check")
    world.run(AUDITOR, "stayput", "witness")


# What was on its way to the consumer at the kill may have arrived or not.
@pytest.mark.parametrize(
    ("point", "end", "records", "most_told"),
    [
        ("node: before an answer is committed", CRASHED, 0, 0),
        ("node: after an answer is committed, before it is sent", CRASHED, CHUNK, 0),
        ("node: before the receipt is committed", CRASHED, CHUNK, CHUNK),
        ("node: after the receipt is committed, before it is sent", COMPLETE, LINES, CHUNK),
        ("node: during delivery, before the receipt is sent", COMPLETE, LINES, LINES),
        ("node: during delivery, after the platform has it", COMPLETE, LINES, LINES),
    ],
)
def test_a_node_killed_there(world: World, point: str, end: str, records: int, most_told: int) -> None:
    before = len(world.receipts())
    world.stop(DEATHS)
    world.start_node(DEATHS, *mined(point))
    assert compare(world) <= most_told
    assert world.ended(DEATHS) == -signal.SIGKILL
    world.start_node(DEATHS)
    require_whole(world)
    (receipt,) = world.receipts()[before:]
    assert (receipt["end"], int(str(receipt.get("records", 0)))) == (end, records)


@pytest.mark.parametrize(
    ("point", "kept"),
    [
        ("comparator: before a receipt is committed", 0),
        ("comparator: after a receipt is committed, before the reply", 1),
    ],
)
def test_a_comparator_killed_over_a_receipt(world: World, point: str, kept: int) -> None:
    before = len(world.receipts())
    world.stop("comparator")
    world.restart_comparator(*mined(point))
    # Nobody who compares is troubled by it.
    assert compare(world) == LINES
    assert world.ended("comparator") == -signal.SIGKILL
    assert len(world.receipts()) == before + kept
    world.restart_comparator()
    require_whole(world)
    (receipt,) = world.receipts()[before:]
    assert (receipt["end"], int(str(receipt.get("records", 0)))) == (COMPLETE, LINES)


@pytest.mark.parametrize(
    ("point", "kept"),
    [
        ("comparator: before an event is committed", 0),
        ("comparator: after an event is committed, before the reply", 1),
    ],
)
def test_a_comparator_killed_over_an_event(world: World, point: str, kept: int) -> None:
    grant = json.loads(world.run(CONSUMER, "stayput", "grants", "--json"))[0]["id"]
    before = suspensions(world)
    world.stop("comparator")
    world.restart_comparator(*mined(point))
    world.run(DEATHS, "provider-node", "suspend", grant, "--reason", "核查")
    assert world.ended("comparator") == -signal.SIGKILL
    assert suspensions(world) == before + kept
    world.restart_comparator()
    settle_changes(world)
    assert suspensions(world) == before + 1
    world.run(DEATHS, "provider-node", "resume", grant, "--reason", "核查完毕")
    settle_changes(world)
    require_whole(world)


def suspensions(world: World) -> int:
    """Events that tell of a suspension, as the platform has stored them."""
    events = json.loads(world.run("comparator", "comparator", "events", "--json"))
    return sum("GRANT_SUSPENDED" in json.dumps(event) for event in events)


def settle_changes(world: World) -> None:
    """Returns when the platform has confirmed what the node did with its grant."""
    until = monotonic() + SPELL
    recorded = False
    while not recorded:
        assert monotonic() < until
        (grant,) = json.loads(world.run(DEATHS, "provider-node", "grants", "--json"))["grants"]
        recorded = grant.get("recorded", False)
