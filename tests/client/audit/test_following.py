"""Who follows the log is shown one tree, and is told of each place that is not shown."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import pytest

from stayput.errors import StayputError
from stayput.evidence import VerifiedEntry
from stayput.merkle import TreeHead
from stayput.notes import open_checkpoint
from stayput_client.audit import Auditor, Unseen
from stayput_client.witness import SplitView
from tests.client.audit.conftest import OFFICE, Audited, Begin
from tests.stayput.evidence.made import WITNESSES, MadeLog

CHINESE = {"LC_ALL": "zh_CN.UTF-8"}
Following = AsyncGenerator[VerifiedEntry | Unseen, None]


def following(auditor: Auditor, before: int) -> Following:
    """The log is asked again at once."""
    return cast("Following", auditor.follow(before, 0))


def grow(log: MadeLog, detail: str, entries: int = 1) -> MadeLog:
    for _ in range(entries):
        log.event(detail=detail)
    return log


async def place_of_next(shown: Following) -> int:
    one = await anext(shown)
    assert isinstance(one, VerifiedEntry)
    return one.entry.leaf.index


def heads(split: SplitView, log: MadeLog) -> list[TreeHead]:
    notes = (path.read_bytes() for path in (split.kept, split.shown))
    return [open_checkpoint(note, log.signer.verifier).checkpoint.head for note in notes]


@pytest.mark.parametrize("entries", [1, 2, 3])
async def test_an_entry_proven_in_another_tree_is_refused(
    audited: Audited, auditor: Auditor, entries: int
) -> None:
    fork = grow(audited.log.forked(), "other", entries)
    grow(audited.log, "one", 2)
    audited.peer.elsewhere[6] = fork
    # By itself each is verified: only who has seen both trees can tell.
    assert (await auditor.entry(6)).verified.checkpoint.checkpoint.head == fork.head(7 + entries)
    async with aclosing(following(auditor, 4)) as shown:
        assert await place_of_next(shown) == 5
        with pytest.raises(SplitView, match=r"EVIDENCE_INVALID: .*: consistency: ") as caught:
            await anext(shown)
    assert caught.value.kept.parent == audited.home
    assert heads(caught.value, fork) == [audited.log.head(9), fork.head(7 + entries)]


async def test_entries_may_be_proven_in_an_earlier_tree_or_a_later_one(
    audited: Audited, auditor: Auditor
) -> None:
    audited.peer.elsewhere[2] = audited.log.forked()
    grow(audited.log, "more", 3)
    audited.peer.smaller = 1
    async with aclosing(following(auditor, 7)) as shown:
        assert [await place_of_next(shown) for _ in range(7)] == [2, 3, 4, 5, 6, 7, 8]
        audited.peer.smaller = 0
        assert await place_of_next(shown) == 9


async def test_a_log_must_go_on_from_a_tree_that_only_an_entry_has_shown(
    audited: Audited, auditor: Auditor
) -> None:
    fork = grow(audited.log.forked(), "other", 2)
    grow(audited.log, "one", 3)
    # The tree of the first seven entries is the same in both.
    audited.peer.views[f"urn:stayput:department:{OFFICE}"] = fork
    audited.peer.smaller = 2
    async with aclosing(following(auditor, 1)) as shown:
        assert await place_of_next(shown) == 6
        audited.peer.views.clear()
        audited.peer.smaller = 0
        with pytest.raises(SplitView) as caught:
            await anext(shown)
    assert heads(caught.value, fork) == [fork.head(9), audited.log.head(10)]


async def test_a_log_that_shrinks_is_refused(audited: Audited, auditor: Auditor) -> None:
    async with aclosing(following(auditor, 1)) as shown:
        assert await place_of_next(shown) == 6
        audited.peer.smaller = 1
        with pytest.raises(SplitView, match="smaller"):
            await anext(shown)


async def test_places_that_are_not_shown_are_told_as_ranges(audited: Audited, auditor: Auditor) -> None:
    audited.peer.unseen |= {0, 1, 3, 5, 6}
    async with aclosing(following(auditor, 7)) as shown:
        assert await anext(shown) == Unseen(range(2))
        assert await place_of_next(shown) == 2
        assert await anext(shown) == Unseen(range(3, 4))
        assert await place_of_next(shown) == 4
        assert await anext(shown) == Unseen(range(5, 7))
        audited.log.event()
        assert await place_of_next(shown) == 7


async def test_what_was_not_shown_is_told_before_what_fails(audited: Audited, auditor: Auditor) -> None:
    audited.peer.unseen |= {4, 5}
    audited.peer.shown = lambda _, place: (audited.log.entries[3], place)
    async with aclosing(following(auditor, 3)) as shown:
        assert await anext(shown) == Unseen(range(4, 6))
        with pytest.raises(StayputError, match="EVIDENCE_INVALID: inclusion_proof: "):
            await anext(shown)


async def test_new_entries_are_followed_although_no_witness_has_seen_them(
    audited: Audited, auditor: Auditor
) -> None:
    audited.peer.cosigned_by = []
    with pytest.raises(StayputError, match="EVIDENCE_INVALID: witnesses: 0 of them have cosigned, 2 are"):
        await auditor.entry(6)
    async with aclosing(following(auditor, 1)) as shown:
        assert await place_of_next(shown) == 6
    alone, followed = audited.peer.bundles
    assert (list(alone.witnesses), alone.least_witnesses) == (list(WITNESSES), 2)
    assert (list(followed.witnesses), followed.least_witnesses) == (list(WITNESSES), 0)


async def test_the_command_tells_what_is_not_shown_in_both_languages_and_as_json(
    audited: Audited, begin: Begin
) -> None:
    audited.peer.unseen |= {2, 4, 5}
    english = await first_lines(begin, 4, "--before", "5")
    assert english[0] == "entry 2: the platform does not show it to this department"
    assert english[2] == "entries 4 to 5: the platform does not show them to this department"
    chinese = await first_lines(begin, 3, "--before", "5", **CHINESE)
    assert (chinese[0], chinese[2]) == ("条目 2：平台未向本部门出示", "条目 4 至 5：平台未向本部门出示")
    told = [json.loads(line) for line in await first_lines(begin, 5, "--before", "5", "--json")]
    assert [told[at] for at in (0, 2, 3)] == [{"place": place, "withheld": True} for place in (2, 4, 5)]
    assert [told[at]["place"] for at in (1, 4)] == [3, 6]


async def first_lines(begin: Begin, count: int, *options: str, **environment: str) -> list[str]:
    process = await begin("audit", "tail", *options, PYTHONUNBUFFERED="1", **environment)
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]
    process.terminate()
    await process.communicate()
    return lines
