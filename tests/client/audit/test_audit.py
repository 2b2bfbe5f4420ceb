"""An auditor searches, verifies, follows and exports; whatever does not verify is told."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.evidence import verify_bundle
from stayput.v1.log_pb2 import ENTRY_KIND_EVENT, EventType, LogEntry, SearchLogRequest, SessionEnd
from stayput_client.audit import Auditor
from stayput_client.texts import CATALOGUE
from tests.client.audit.conftest import OFFICE, Audited, Begin, Run
from tests.client.world import cells, facts
from tests.stayput.evidence.made import WITNESSES

CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


def rows(out: str) -> list[list[str]]:
    """The rows of a table, each put together again where its cells are folded; without spaces."""
    found: list[list[str]] = []
    for line in cells(out):
        if line[0]:
            found.append([""] * len(line))
        found[-1] = [before + cell.replace(" ", "") for before, cell in zip(found[-1], line, strict=True)]
    return found


async def test_a_search_pages_through_and_stops_at_its_limit(audited: Audited, auditor: Auditor) -> None:
    found = await auditor.search(SearchLogRequest())
    assert [one.index for one in found] == [6, 5, 4, 3, 2, 1, 0]
    assert [one.page_token for one in audited.peer.searches] == ["", "2", "4", "6"]
    audited.peer.searches.clear()
    assert [one.index for one in await auditor.search(SearchLogRequest(), 2)] == [6, 5]
    (asked,) = audited.peer.searches
    assert asked.page_size == 2


async def test_all_filters_are_asked(audited: Audited, run: Run) -> None:
    asked_for = {
        "--since": "2026-11-23",
        "--until": "2026-11-24T08:00+08:00",
        "--consumer": "civil-affairs",
        "--provider": "traffic-police",
        "--resource": "vehicle-owners",
        "--grant": "G-1",
        "--operator": "经办人甲",
        "--case-number": "〔2026〕1",
        "--least-records": "5",
        "--limit": "1",
    }
    events = ("--event", "grant-revoked", "--event", "log-searched", "--events")
    options = [word for option in asked_for.items() for word in option]
    done = await run("audit", "search", *options, *events, "--json")
    (found,) = json.loads(done.out)
    assert (found["place"], found["kind"], found["event_type"]) == (5, "EVENT", "GRANT_REVOKED")
    (asked,) = audited.peer.searches
    wanted = SearchLogRequest(
        page_size=2,
        consumer="civil-affairs",
        provider="traffic-police",
        resource="vehicle-owners",
        grant_id="G-1",
        operator="经办人甲",
        case_number="〔2026〕1",
        event_types=[EventType.EVENT_TYPE_GRANT_REVOKED, EventType.EVENT_TYPE_LOG_SEARCHED],
        least_records=5,
        kind=ENTRY_KIND_EVENT,
    )
    wanted.from_time.FromDatetime(datetime(2026, 11, 23, tzinfo=UTC))
    wanted.until_time.FromDatetime(datetime(2026, 11, 24, tzinfo=UTC))
    assert asked == wanted


async def test_what_is_found_is_shown_in_both_languages(audited: Audited, run: Run) -> None:
    english = await run("audit", "search", "--limit", "2")
    heading, receipt, event = rows(english.out)
    assert heading[:3] == ["Place", "Logged", "What"]
    assert receipt[:5] == ["6", "2026-11-2301:06+0000", "comparison", "civil-affairs", "traffic-police"]
    assert receipt[-3:] == ["2,000", "1,500", "complete"]
    assert (event[0], event[2], event[-3:]) == ("5", "grantrevoked", ["", "", ""])
    assert english.out.endswith("the first 2 are shown; more by: --limit\n")
    audited.log.entries[5].ClearField("payload")
    chinese = rows((await run("audit", "search", "--limit", "0", **CHINESE)).out)
    assert len(chinese) == 8
    assert (chinese[0][0], chinese[1][2], chinese[2][2]) == ("序号", "比对", "授权撤销（内容未出示）")
    (one, *_) = json.loads((await run("audit", "search", "--receipts", "--json")).out)
    assert (one["records"], one["found"], one["end"], one["node_sequence"]) == (2_000, 1_500, "COMPLETE", 4)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--since", "yesterday"), "since: is no time"),
        (("--event", "grants"), "event: there is no such type of event; the types: party-enrolled, "),
    ],
)
async def test_a_search_that_makes_no_sense_is_told(
    audited: Audited, run: Run, arguments: tuple[str, ...], complaint: str
) -> None:
    done = await run("audit", "search", *arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {complaint}")
    assert not audited.peer.searches


async def test_an_entry_is_shown_only_when_it_is_verified(audited: Audited, run: Run) -> None:
    receipt = await run("audit", "show", "2")
    assert ["Consumer", "civil-affairs"] in facts(receipt.out)
    heading, proven, *others = receipt.out.splitlines()[-6:]
    assert heading == "Proven:"
    assert proven.startswith("  entry 2 is in the log stayput.example/log, logged 2026-11-23 01:02 +0000, ")
    assert proven.endswith(" in the tree of 7 entries that it signed")
    assert others == [
        f"  {WITNESSES[0]} cosigned that tree on 2026-11-23 02:00 +0000",
        f"  {WITNESSES[1]} cosigned that tree on 2026-11-23 02:00 +0000",
        "  the receipt is signed by node vehicles-1 with a trusted key",
        "  the request is signed by consumer civil-affairs with a trusted key",
    ]
    event = await run("audit", "show", "3", **CHINESE)
    assert ["事项", "授权撤销"] in facts(event.out)
    assert event.out.splitlines()[-1] == "  该事件由平台记录，没有其他方签名"
    shown = json.loads((await run("audit", "show", "3", "--json")).out)
    assert (shown["event"]["type"], shown["event"]["detail"]) == ("GRANT_REVOKED", "no longer needed")
    assert [one["witness"] for one in shown["checkpoint"]["cosignatures"]] == list(WITNESSES)


def _swapped(entry: LogEntry, place: int) -> tuple[LogEntry, int]:
    return entry, 4 if place == 2 else place


async def test_an_entry_that_does_not_verify_is_not_shown(audited: Audited, run: Run) -> None:
    audited.peer.shown = _swapped
    english, chinese = await run("audit", "show", "2"), await run("audit", "show", "2", **CHINESE)
    assert (english.code, english.out, chinese.code, chinese.out) == (1, "", 1, "")
    assert english.err == (
        "error: the inclusion proof does not lead to the checkpoint's root "
        "(EVIDENCE_INVALID: inclusion_proof: leaf, index and proof do not lead to the root)\n"
        "hint: do not rely on it; keep it, and tell the auditor and the platform's operator\n"
    )
    assert chinese.err.startswith("错误：包含性证明不能推出检查点的树根（EVIDENCE_INVALID：inclusion_proof")


async def test_another_entry_than_was_asked_for_is_refused(audited: Audited, auditor: Auditor) -> None:
    audited.peer.shown = lambda _, place: (audited.log.entries[4], 4)
    assert (await auditor.entry(4)).verified.entry.leaf.index == 4
    with pytest.raises(StayputError, match="EVIDENCE_INVALID: place: the platform gave another entry"):
        await auditor.entry(2)


async def test_entries_are_verified_one_after_another_up_to_the_first_that_fails(
    audited: Audited, run: Run
) -> None:
    audited.peer.shown = _swapped
    done = await run("audit", "verify", "0", "1", "2", "3")
    assert (done.code, done.out) == (1, "entry 0: verified\nentry 1: verified\n")
    unknown = await run("audit", "verify", "99")
    assert (unknown.code, unknown.out) == (1, "")
    assert "LOG_ENTRY_UNKNOWN" in unknown.err


async def test_exported_bundles_verify_without_the_platform(
    audited: Audited, run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "evidence"
    done = await run("audit", "export", "2", "3", "-o", out)
    files = [out / "2.stayput-bundle.json", out / "3.stayput-bundle.json"]
    assert done.out.splitlines() == [f"{file}: verified and written" for file in files]
    for place, file in zip((2, 3), files, strict=True):
        assert verify_bundle(file.read_bytes(), audited.log.trust).entry.leaf.index == place
    kept = files[0].read_bytes()
    audited.log.event()
    again = await run("audit", "export", "2", "-o", out)
    assert (again.code, files[0].read_bytes()) == (1, kept)
    assert again.err.startswith(f"error: {files[0]} exists")
    assert (await run("audit", "export", "2", "-o", out, "--force")).code == 0
    assert files[0].read_bytes() != kept
    audited.peer.shown = _swapped
    assert (await run("audit", "export", "2", "-o", out / "other")).code == 1
    assert not (out / "other").exists()


async def test_following_shows_the_last_entries_and_then_new_ones(audited: Audited, begin: Begin) -> None:
    audited.peer.unseen.add(5)
    process = await begin("audit", "tail", "--before", "3", "--every", "0.1", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    first = [(await process.stdout.readline()).decode() for _ in range(3)]
    assert first[0] == (
        "4  2026-11-23 01:04 +0000  "
        "comparison: civil-affairs → vehicle-owners, 2 records, complete, node vehicles-1\n"
    )
    assert first[1] == "entry 5: the platform does not show it to this department\n"
    assert first[2].startswith("6  ")
    audited.log.event(detail="新的")
    assert "event, grant revoked: urn:stayput:node:vehicles-1 G-1 新的" in (
        (await process.stdout.readline()).decode()
    )
    audited.log.event()
    assert (await process.stdout.readline()).startswith(b"8  ")
    # To follow adds nothing to the log.
    assert not audited.peer.searches
    fork = audited.log.forked()
    del fork.entries[7:]
    audited.peer.views[f"urn:stayput:department:{OFFICE}"] = fork
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (out, process.returncode) == (b"", 1)
    assert err.startswith(b"error: the log has shown two trees of which neither goes on from the other: ")


def test_every_event_and_every_end_has_a_text() -> None:
    events = {f"event.{name.removeprefix('EVENT_TYPE_')}" for name in EventType.keys()[1:]}
    ends = {f"end.{name.removeprefix('SESSION_END_')}" for name in SessionEnd.keys()[1:]}
    assert events | ends <= CATALOGUE.keys()
