"""Guessing one subject's checks ends after the attempts allowed, however it is spread."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import lmdb
import pytest

from provider_node.store.writer import storage_error
from stayput.outcomes import ATTEMPTS, MATCH, MISMATCH, NO_VALUE, NOT_ASKED, NOT_FOUND
from stayput.v1.log_pb2 import OutcomeCount
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.county import compare, opened
from tests.provider_node.serving.domain import guessing
from tests.provider_node.serving.domain.guessing import SUBJECT, guess
from tests.provider_node.serving.node import Clock, LocalNode, Material, grant
from tests.provider_node.serving.register import Person

TOLD, REFUSED = (MATCH, MISMATCH), (MATCH, ATTEMPTS)


@pytest.fixture
def node(bare_node: LocalNode) -> LocalNode:
    return bare_node


async def give(node: LocalNode, attempts: int) -> None:
    given = grant()
    given.limits.attempts_per_subject = attempts
    await node.give(given)


async def ask(
    node: LocalNode, people: Sequence[Person], checks: Sequence[str] = ("name",), size: int = 8_192
) -> list[tuple[int, ...]]:
    told: list[tuple[int, ...]] = []
    await compare(node, people, checks, told, size)
    return told


@pytest.mark.parametrize("size", [1, 8_192])
@pytest.mark.parametrize("attempts", [1, 3])
async def test_the_next_different_question_is_refused(node: LocalNode, attempts: int, size: int) -> None:
    await give(node, attempts)
    told = await ask(node, [*map(guess, range(attempts)), SUBJECT, guess(99)], size=size)
    assert told == [TOLD] * attempts + [REFUSED] * 2


@pytest.mark.parametrize("attempts", [1, 3])
async def test_in_sessions_of_their_own_too(node: LocalNode, attempts: int) -> None:
    await give(node, attempts)
    told = [(await ask(node, [guess(number)]))[0] for number in range(attempts + 2)]
    assert told == [TOLD] * attempts + [REFUSED] * 2


async def test_one_of_two_values_can_be_asked_only_once(node: LocalNode) -> None:
    await give(node, 1)
    assert await ask(node, [guess(0)]) == [TOLD]
    assert await ask(node, [SUBJECT]) == [REFUSED]


async def test_the_same_question_again_is_no_attempt(node: LocalNode) -> None:
    await give(node, 1)
    assert await ask(node, [SUBJECT] * 3) == [(MATCH, MATCH)] * 3
    assert await ask(node, [SUBJECT, guess(1), SUBJECT]) == [(MATCH, MATCH), REFUSED, (MATCH, MATCH)]


async def test_all_checks_asked_at_once_are_one_question(node: LocalNode) -> None:
    await give(node, 2)
    both = ("name", "plate")
    plates = [Person(SUBJECT.owner_id, SUBJECT.name, f"京B0000{number}") for number in range(3)]
    assert await ask(node, plates, both) == [(MATCH, MATCH, MISMATCH)] * 2 + [(MATCH, ATTEMPTS, ATTEMPTS)]
    # The name alone is another question; a check without a value stays not asked.
    assert await ask(node, [guess(1)], both) == [(MATCH, ATTEMPTS, NOT_ASKED)]
    assert await ask(node, plates[:1], ("plate", "name")) == [(MATCH, MISMATCH, MATCH)]


async def test_what_asks_no_check_of_anybody_known_is_no_attempt(node: LocalNode) -> None:
    await give(node, 1)
    nothing, stranger = Person(SUBJECT.owner_id, "", ""), register.person(register.PEOPLE + 1)
    strangers = [Person(stranger.owner_id, guess(number).name, "") for number in range(3)]
    assert await ask(node, [nothing] * 3) == [(MATCH, NOT_ASKED)] * 3
    assert await ask(node, strangers) == [(NOT_FOUND, NOT_FOUND)] * 3
    assert await ask(node, [SUBJECT] * 3, ()) == [(MATCH,)] * 3
    assert await ask(node, [guess(0), guess(1)]) == [TOLD, REFUSED]


async def test_asking_for_a_value_that_the_register_lacks_is_one(node: LocalNode) -> None:
    await give(node, 1)
    asked, outcomes = register.without_plate_here()
    other = Person(asked.owner_id, asked.name, "京A88888")
    assert await ask(node, [asked, other], ("plate",)) == [(MATCH, NO_VALUE), (MATCH, ATTEMPTS)]
    assert outcomes[2] == NO_VALUE


async def test_each_subject_has_its_own_attempts(node: LocalNode) -> None:
    await give(node, 1)
    people = [register.person(number) for number in range(200)]
    assert await ask(node, people) == [(MATCH, MATCH)] * 200
    wrong = [Person(one.owner_id, "李四", "") for one in people]
    assert await ask(node, wrong) == [REFUSED] * 200


async def test_without_a_limit_nothing_is_refused_or_kept(node: LocalNode) -> None:
    await give(node, 0)
    assert await ask(node, list(map(guess, range(50)))) == [TOLD] * 50
    assert len(node.state.attempts.log.entries(grant().id, "2026-11-22")) == 0


async def test_refused_attempts_are_in_tallies_and_commitments(node: LocalNode) -> None:
    await give(node, 1)
    await ask(node, [guess(0), guess(1), guess(2)])
    await node.sessions.all_closed()
    (receipt,) = node.receipts()
    assert list(receipt.tallies[1].counts) == [
        OutcomeCount(outcome=MISMATCH, count=1),  # type: ignore[arg-type]  # a code as a number
        OutcomeCount(outcome=ATTEMPTS, count=2),  # type: ignore[arg-type]  # a code as a number
    ]


async def test_the_next_day_in_china_begins_anew(node: LocalNode, clock: Clock) -> None:
    await give(node, 1)
    assert await ask(node, [guess(0), guess(1)]) == [TOLD, REFUSED]
    clock.now = clock.now.replace(hour=15, minute=59, second=59)
    assert await ask(node, [guess(2)]) == [REFUSED]
    clock.advance(seconds=1)
    assert await ask(node, [guess(2), guess(1)]) == [TOLD, REFUSED]
    used = [node.state.used(grant().id, day) for day in ("2026-11-22", "2026-11-23")]
    assert used == [3, 2]


async def test_eight_sessions_at_once_have_the_attempts_of_one(node: LocalNode) -> None:
    await give(node, 3)
    lists = [[guess(8 * turn + one) for turn in range(5)] for one in range(8)]
    told = [
        codes for one in await asyncio.gather(*(ask(node, one, size=1) for one in lists)) for codes in one
    ]
    assert sorted(told) == [TOLD] * 3 + [REFUSED] * 37
    assert len(node.state.attempts.log.entries(grant().id, "2026-11-22")) == 3


async def test_what_was_not_answered_is_no_attempt(node: LocalNode, monkeypatch: pytest.MonkeyPatch) -> None:
    await give(node, 1)

    async def full(*_: object) -> None:
        raise storage_error(lmdb.MapFullError("mdb_put"))

    with monkeypatch.context() as patch:
        patch.setattr(node.state, "finish", full)
        with refused("STORAGE_FULL"):
            await ask(node, [guess(0)])
    assert await ask(node, [guess(1), guess(0)]) == [TOLD, REFUSED]


async def test_a_reopened_state_remembers(material: Material, tmp_path: Path, clock: Clock) -> None:
    with opened(material, tmp_path / "state", clock) as node:
        await give(node, 3)
        assert await ask(node, [guess(0)]) == [TOLD]
    for number, expected in ((1, TOLD), (2, TOLD), (3, REFUSED), (0, TOLD)):
        with opened(material, tmp_path / "state", clock) as node:
            assert await ask(node, [guess(number)]) == [expected]


async def test_a_killed_node_remembers(material: Material, tmp_path: Path, clock: Clock) -> None:
    command = [sys.executable, "-m", guessing.__name__, str(tmp_path / "state"), str(tmp_path / "else"), "2"]
    died = subprocess.run(command, check=False, capture_output=True)  # noqa: ASYNC221 (nothing else runs)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with opened(material, tmp_path / "state", clock) as node:
        told = await ask(node, [guess(1), guess(2), SUBJECT, guess(0)])
    assert told == [TOLD, TOLD, REFUSED, TOLD]
