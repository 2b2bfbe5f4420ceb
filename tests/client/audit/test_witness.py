"""A witness cosigns what goes on from what it saw, and nothing else."""

import asyncio
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.evidence import Part, verify_bundle
from stayput.notes import Note, VerifierKey
from stayput.notes import open_checkpoint as open_note
from stayput_client.audit import Auditor
from stayput_client.witness import SplitView
from tests.client.audit.conftest import Audited, Begin, Run
from tests.stayput.evidence.made import WITNESSES, MadeLog, raw

OFFICE, POLICE = WITNESSES


def kept(home: Path) -> bytes:
    stored: str = json.loads((home / "witness.json").read_bytes())["checkpoint"]
    return stored.encode()


def grow(log: MadeLog, detail: str = "more", entries: int = 1) -> None:
    for _ in range(entries):
        log.event(detail=detail)


async def observed(home: Path) -> int:
    async with Auditor.open(home) as auditor:
        return (await auditor.witness().observe()).head.size


async def test_a_checkpoint_is_kept_and_cosigned_under_the_department_s_urn(audited: Audited) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert await observed(audited.home) == 7
    (note,) = audited.peer.cosigned[OFFICE]
    # Its own signature and the log's: those of others are not handed in again.
    assert [signature.name for signature in note.signatures] == ["stayput.example/log", OFFICE]
    signed = open_note(bytes(note), audited.log.signer.verifier, [audited.log.witnesses[0].verifier])
    (cosignature,) = signed.cosignatures
    assert before <= datetime.fromtimestamp(cosignature.time, UTC) <= datetime.now(UTC)
    assert Note.parse(kept(audited.home)).body == note.body
    assert stat.S_IMODE((audited.home / "witness.json").stat().st_mode) == 0o600


async def test_a_log_that_grows_is_cosigned_again_and_again(audited: Audited) -> None:
    for size in (7, 8, 8, 13):
        grow(audited.log, entries=size - len(audited.log.entries))
        assert await observed(audited.home) == size
    assert len(audited.peer.cosigned[OFFICE]) == 4


async def test_an_empty_log_is_the_beginning_of_any(audited: Audited) -> None:
    audited.peer.smaller = 7
    assert await observed(audited.home) == 0
    audited.peer.smaller = 0
    assert await observed(audited.home) == 7


async def refused(home: Path) -> SplitView:
    before = (home / "witness.json").read_bytes()
    with pytest.raises(SplitView) as caught:
        await observed(home)
    assert (home / "witness.json").read_bytes() == before
    return caught.value


async def test_a_tree_of_the_same_size_with_another_root_is_refused(audited: Audited) -> None:
    fork = audited.log.forked()
    grow(audited.log, "one")
    grow(fork, "other")
    await observed(audited.home)
    audited.peer.views[OFFICE] = fork
    split = await refused(audited.home)
    assert "different roots" in split.message
    # Both are what the log signed: whoever has the log's key can see that it lied.
    heads = [
        open_note(path.read_bytes(), fork.signer.verifier).checkpoint.head
        for path in (split.kept, split.shown)
    ]
    assert heads == [audited.log.head(8), fork.head(8)]
    assert len(audited.peer.cosigned[OFFICE]) == 1


async def test_a_tree_that_forgot_what_it_showed_is_refused(audited: Audited) -> None:
    fork = audited.log.forked()
    grow(audited.log, "one")
    grow(fork, "other", 5)
    await observed(audited.home)
    audited.peer.views[OFFICE] = fork
    assert "the proof does not lead to" in (await refused(audited.home)).message


async def test_a_smaller_tree_is_refused(audited: Audited) -> None:
    await observed(audited.home)
    audited.peer.smaller = 1
    assert "smaller" in (await refused(audited.home)).message


async def test_a_log_that_will_not_prove_is_refused(audited: Audited) -> None:
    await observed(audited.home)
    grow(audited.log)
    audited.peer.forgotten = True
    assert "does not know a tree that it signed" in (await refused(audited.home)).message


async def test_two_witnesses_who_are_shown_two_trees_never_both_stand_behind_one(audited: Audited) -> None:
    fork = audited.log.forked()
    grow(audited.log, "one")
    grow(fork, "other")
    audited.peer.views[POLICE] = fork
    await observed(audited.home)
    await observed(audited.other_home)
    log, (office, police) = audited.log, audited.log.witnesses
    assert kept(audited.home) != kept(audited.other_home)
    for tree, witness in ((log, office), (fork, police)):
        (note,) = audited.peer.cosigned[witness.name]
        with pytest.raises(StayputError) as caught:
            verify_bundle(tree.bundle(7, bytes(note)), log.trust)
        assert caught.value.field == Part.WITNESSES
    # Shown one tree again, one of them finds out.
    audited.peer.views.clear()
    grow(log)
    assert await observed(audited.home) == 9
    await refused(audited.other_home)


async def test_a_checkpoint_that_the_log_did_not_sign_is_not_kept(audited: Audited) -> None:
    audited.peer.views[OFFICE] = MadeLog()
    with pytest.raises(StayputError, match="EVIDENCE_INVALID: checkpoint: "):
        await observed(audited.home)
    assert not (audited.home / "witness.json").exists()
    assert not audited.peer.cosigned


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"checkpoint": "x"}', '{"checkpoint": 7}'])
async def test_a_damaged_memory_is_not_forgotten(audited: Audited, content: str) -> None:
    (audited.home / "witness.json").write_text(content, "utf-8")
    with pytest.raises(StayputError, match=r"CONFIGURATION_INVALID: .*witness.json is damaged"):
        await observed(audited.home)
    assert (audited.home / "witness.json").read_text("utf-8") == content
    assert not audited.peer.cosigned


async def test_two_processes_of_one_witness_take_turns(audited: Audited) -> None:
    audited.peer.hold = asyncio.Event()
    first = asyncio.create_task(observed(audited.home))
    await audited.peer.asked.wait()
    fork = audited.log.forked()
    grow(audited.log, "one")
    grow(fork, "other")
    second = asyncio.create_task(observed(audited.home))
    audited.peer.hold.set()
    assert tuple(await asyncio.gather(first, second)) == (7, 8)
    audited.peer.views[OFFICE] = fork
    await refused(audited.home)


async def test_a_witness_killed_between_keeping_and_cosigning_goes_on(
    audited: Audited, begin: Begin, run: Run
) -> None:
    audited.peer.hold = asyncio.Event()
    process = await begin("witness")
    await audited.peer.asked.wait()
    process.kill()
    await process.communicate()
    audited.peer.hold = None
    assert open_note(kept(audited.home), audited.log.signer.verifier).checkpoint.head.size == 7
    assert not audited.peer.cosigned
    done = await run("witness")
    assert (done.code, done.out) == (0, "cosigned the log stayput.example/log at 7 entries\n")
    assert len(audited.peer.cosigned[OFFICE]) == 1


async def test_the_command_refuses_a_split_view_loudly_in_both_languages(audited: Audited, run: Run) -> None:
    fork = audited.log.forked()
    grow(audited.log, "one")
    grow(fork, "other")
    assert (await run("witness")).code == 0
    audited.peer.views[OFFICE] = fork
    english, chinese = await run("witness", "--every", "1"), await run("witness", LC_ALL="zh_CN.UTF-8")
    assert (english.code, english.out, chinese.code, chinese.out) == (1, "", 1, "")
    assert english.err.startswith("error: the log does not go on from what it showed before: consistency: ")
    assert "split-view-" in english.err.splitlines()[1]
    assert chinese.err.startswith("错误：日志与之前显示的内容不衔接")
    assert len(list(audited.home.glob("split-view-*.note"))) == 2


async def test_a_watch_goes_on_and_its_key_can_be_handed_out(
    audited: Audited, begin: Begin, run: Run
) -> None:
    process = await begin("witness", "--every", "1", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    assert b"at 7 entries" in await process.stdout.readline()
    grow(audited.log)
    while b"at 8 entries" not in await process.stdout.readline():
        pass
    process.terminate()
    await process.communicate()
    printed = VerifierKey.parse((await run("witness", "--show-key")).out.strip())
    assert printed == audited.log.witnesses[0].verifier
    assert printed.public_key == raw(audited.log.witness_keys[0])
