"""What is said of an entry whose content is not shown, and when that may not be."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stayput.evidence import OpenedEntry, open_entry
from stayput.retention import LEAST_RETENTION_DAYS
from stayput.v1.log_pb2 import EventType, LogEntry
from stayput_client.cli.proof import due_content
from tests.client.audit.conftest import Audited, Begin, Run
from tests.stayput.evidence import made

CHINESE = {"LC_ALL": "zh_CN.UTF-8"}
PROVEN = "entry {}: proven to be in the log's tree; its content was not shown (removed or withheld)\n"
Logged = Callable[[int], int]


@pytest.fixture
def logged(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> Logged:
    """Appends an event that was logged so many days ago; its place. No content is shown any more."""
    audited.peer.shown = lambda entry, place: (LogEntry(leaf=entry.leaf), place)

    def append(days: int) -> int:
        place = len(audited.log.entries)
        monkeypatch.setattr(made, "BEGIN", datetime.now(UTC) - timedelta(days=days, minutes=place))
        audited.log.event()
        return place

    return append


def without_content(kind: "EventType.ValueType") -> tuple[OpenedEntry, datetime]:
    log = made.MadeLog()
    entry = log.event(type=kind)
    return open_entry(LogEntry(leaf=entry.leaf), log.trust), made.BEGIN


def test_content_may_be_missing_from_the_day_on_when_the_platform_may_remove_it() -> None:
    opened, logged_at = without_content(EventType.EVENT_TYPE_GRANT_REVOKED)
    removable = logged_at + timedelta(days=LEAST_RETENTION_DAYS)
    fault = due_content(opened, removable - timedelta(microseconds=1))
    assert fault is not None
    assert fault.name == "content_early"
    assert due_content(opened, removable) is None


@pytest.mark.parametrize(
    "kind",
    [
        EventType.EVENT_TYPE_LOG_ARCHIVED,
        EventType.EVENT_TYPE_LOG_REMOVED,
        EventType.EVENT_TYPE_LOG_HELD,
    ],
)
def test_what_tells_of_archives_removals_and_holds_may_never_be_missing(kind: "EventType.ValueType") -> None:
    opened, logged_at = without_content(kind)
    fault = due_content(opened, logged_at + timedelta(days=36_525))
    assert fault is not None
    assert fault.name == "content_permanent"


def test_content_that_is_shown_is_not_missed() -> None:
    log = made.MadeLog()
    assert due_content(open_entry(log.event(), log.trust), made.BEGIN) is None


async def test_verifying_tells_what_is_proven_without_content_and_fails_if_it_is_due(
    run: Run, logged: Logged
) -> None:
    old, young = logged(732), logged(730)
    done = await run("audit", "verify", str(old))
    assert (done.code, done.out, done.err) == (0, PROVEN.format(old), "")
    # What comes after it is verified too.
    english = await run("audit", "verify", str(young), str(old))
    assert (english.code, english.out) == (1, PROVEN.format(young) + PROVEN.format(old))
    assert english.err == (
        f"error: entry {young} was logged less than 731 days ago: "
        "its content may be neither removed nor withheld so early\n"
        f"hint: ask the platform for it again: stayput audit show {young}; "
        "if its content is still not shown, tell the auditor and the platform's operator\n"
    )
    chinese = await run("audit", "verify", str(young), **CHINESE)
    assert chinese.out == f"条目 {young}：已证明在日志的树中；内容未出示（已清除或被隐去）\n"
    assert chinese.err.startswith(f"错误：条目 {young} 入账不足 731 日：其内容不得这样早清除，也不得隐去\n")


async def test_showing_does_not_claim_that_content_was_archived(run: Run, logged: Logged) -> None:
    old, young = logged(732), logged(730)
    done = await run("audit", "show", str(old))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == (
        "  its content was not shown (removed or withheld): only that there was this entry is proven"
    )
    due = await run("audit", "show", str(young), "--json")
    shown = json.loads(due.out)
    assert (due.code, shown["removed"], shown["content_due"]) == (1, True, True)
    assert due.err.startswith(f"error: entry {young} was logged less than 731 days ago: ")
    shown = json.loads((await run("audit", "show", str(old), "--json")).out)
    assert (shown["removed"], shown["content_due"]) == (True, False)


async def test_a_bundle_without_content_is_written_and_says_so_then_and_later(
    run: Run, logged: Logged, tmp_path: Path
) -> None:
    old, young = logged(732), logged(730)
    done = await run("audit", "export", str(old), str(young), "-o", tmp_path)
    files = [tmp_path / f"{place}.stayput-bundle.json" for place in (old, young)]
    lines = [f"{file}: verified and written\n" for file in files]
    assert done.out == lines[0] + PROVEN.format(old) + lines[1] + PROVEN.format(young)
    assert (done.code, done.err.count("error: ")) == (1, 1)
    alone = [await run("verify", file) for file in files]
    assert [one.code for one in alone] == [0, 1]
    assert all("its content was not shown (removed or withheld)" in one.out for one in alone)
    assert alone[1].err == done.err


async def test_following_tells_it_on_the_entry_s_line(audited: Audited, begin: Begin, logged: Logged) -> None:
    logged(732)
    logged(730)
    process = await begin("audit", "tail", "--before", "2", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    old, young = [(await process.stdout.readline()).decode() for _ in range(2)]
    process.terminate()
    await process.communicate()
    assert old.endswith("  content not shown (removed or withheld)\n")
    assert young.endswith("  content not shown (removed or withheld), though the log must still keep it\n")
    process = await begin("audit", "tail", "--before", "1", "--json", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    shown = json.loads(await process.stdout.readline())
    process.terminate()
    await process.communicate()
    assert (shown["place"], shown["removed"], shown["content_due"]) == (8, True, True)
    assert (shown["receipt"], shown["signed_by_node"]) == (None, "ABSENT")
