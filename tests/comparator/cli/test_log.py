"""`comparator log`."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from comparator.cli.keeping import _FAULTS
from comparator.config import Config
from comparator.data import DataDirectory, read_certificate, read_log_key
from comparator.domain.checkpoints import at, log_signer
from comparator.domain.inspection import Fault
from comparator.store.database import Database
from comparator.store.events import PLATFORM, About
from stayput.notes import Cosigner, Note
from stayput.v1.log_pb2 import AppendReceiptsRequest, EventType
from tests.comparator import documents
from tests.comparator.documents import Chain
from tests.comparator.platform import Clock, Run, running_platform

_LONG_AGO = datetime(2020, 6, 1, tzinfo=UTC)
_ROLES = EventType.EVENT_TYPE_ROLES_CHANGED


@pytest.fixture
async def receipts(config: Config, clock: Clock) -> int:
    """A log with six entries, of which two are receipts."""
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        consumer = await platform.department("civil-affairs")
        await documents.apply(consumer)
        chain = Chain(node, clock(), consumer)
        await node.log.AppendReceipts(AppendReceiptsRequest(receipts=chain.next(2)))
    return 2


@pytest.fixture
def old(config: Config) -> Config:
    """A log with ten events of long ago, a day after the other."""
    with closing(Database(config.database_url)) as database, database.writing() as store:
        for day in range(10):
            at = _LONG_AGO + timedelta(days=day)
            store.events.add(_ROLES, PLATFORM, at, About(resource=f"r-{day}"), f"detail {day}")
    return config


def _sql(config: Config, statement: str) -> None:
    with closing(Database(config.database_url)) as database, database.connected() as connection:
        connection.execute(text(statement))


def _found(run: Run, *options: str) -> list[int]:
    listed = json.loads(run("log", "search", "--json", *options).stdout)
    return [int(each.get("index", 0)) for each in listed.get("records", [])]


def test_a_search(run: Run, receipts: int) -> None:
    assert _found(run) == [5, 4, 3, 2, 1, 0]
    assert _found(run, "--kind", "receipt") == [5, 4]
    assert _found(run, "--kind", "event") == [3, 2, 1, 0]
    assert _found(run, "--type", "party-enrolled") == [2, 0]
    assert _found(run, "--operator", "operator-7") == [5, 4]
    assert _found(run, "--case-number", "case-2026-1", "--limit", "1") == [5]
    assert _found(run, "--consumer", "civil-affairs", "--kind", "event") == [3, 2]
    assert _found(run, "--provider", "tax-office") == []
    assert _found(run, "--resource", "vehicle-owners", "--kind", "event") == [3, 1]
    assert _found(run, "--grant", f"G-{1:026d}") == [5, 4]
    assert _found(run, "--least-records", "1") == [5, 4]
    assert _found(run, "--until", "2020-01-01") == []
    assert _found(run, "--from", "2020-01-01T08:00") == [5, 4, 3, 2, 1, 0]
    assert _found(run, "--after", "4") == [3, 2, 1, 0]


def test_a_search_as_a_table(run: Run, receipts: int) -> None:
    shown = run("log", "search", "--limit", "2").stdout
    for piece in ("operator-7", "case-2026-1", "receipt", "complete", "go on with --after 4"):
        assert piece in shown
    chinese = run("log", "search", "--limit", "3", locale="zh_CN.UTF-8").stdout
    for piece in ("日志条目", "回执", "申请提交（APPLICATION_SUBMITTED）", "--after 3"):
        assert piece in chinese


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--from", "secret"], "--from: is not a date\nhint: write it as 2026-01-31"),
        (["--from", "2026-01-02", "--until", "2026-01-02"], "until_time: must be after from_time"),
        (["--grant", "secret"], "grant_id: must be G- and 26"),
        (["--type", "secret"], "type: there is no event of this type"),
        (["--least-records", "-1"], "least_records: must be"),
    ],
)
def test_wrong_filters(run: Run, config: Config, options: list[str], problem: str) -> None:
    result = run("log", "search", *options)
    assert result.exit_code == 1
    assert problem in result.stderr
    assert "secret" not in result.stderr


def test_holds(run: Run, old: Config) -> None:
    placed = run("log", "hold", "--first", "2", "--last", "4", "--reason", "纪检〔2026〕3号")
    assert placed.stdout == "hold 1 on entries 2 to 4\n"
    assert run("log", "hold", "--first", "0", "--last", "10", "--reason", "r").exit_code == 0
    assert run("log", "release", "2", "--reason", "结案").stdout == "hold 2 is lifted\n"
    listed = json.loads(run("log", "holds", "--json").stdout)
    assert [(each["number"], each["first"], each["last"]) for each in listed] == [(1, 2, 4), (2, 0, 10)]
    assert [each["lifted_at"] is None for each in listed] == [True, False]
    assert "纪检〔2026〕3号" in run("log", "holds", locale="zh_CN.UTF-8").stdout
    again = run("log", "release", "2", "--reason", "r", locale="zh_CN.UTF-8")
    assert again.exit_code == 1
    assert again.stderr.startswith("错误：没有该编号的保全，或已解除\n提示：")
    beyond = run("log", "hold", "--first", "0", "--last", "13", "--reason", "r")
    assert beyond.stderr.startswith("error: the log has entries 0 to 12, and --last must not lie before")


def test_archive_and_removal(run: Run, old: Config, tmp_path: Path) -> None:
    early = run("log", "remove", "--before", "2020-06-04")
    assert early.exit_code == 1
    assert early.stderr.startswith("error: not archived: only entries before place 0 ")
    written = run("log", "archive", "--before", "2020-06-04", "-o", "one.archive")
    assert written.stdout.startswith("wrote entries 0 to 2 to one.archive; SHA-256 ")
    assert (tmp_path / "one.archive").exists()
    written = run("log", "archive", "--until", "6", "-o", "two.archive")
    assert written.stdout.startswith("wrote entries 3 to 5 to two.archive; SHA-256 ")
    assert run("log", "hold", "--first", "4", "--last", "4", "--reason", "r").exit_code == 0
    held = run("log", "remove", "--before", "2020-06-07")
    assert held.stderr.startswith("error: held: hold 1 covers entries 4 to 4; nothing was removed\nhint: ")
    removed = run("log", "remove", "--before", "2020-06-05")
    assert removed.stdout.splitlines()[0].startswith("removed the content of entries 0 to 2, ")
    assert removed.stdout.splitlines()[1].startswith("removed the content of entries 3 to 3, ")
    assert run("log", "remove", "--first", "5", "--before", "2020-06-07").exit_code == 0
    assert run("log", "check").stdout == "16 entries checked: nothing is wrong\n"
    shown = run("log", "search", "--until", "2020-06-07").stdout
    assert shown.count("(content removed)") == 5
    status = json.loads(run("log", "status", "--json").stdout)
    assert (status["archived_before"], status["removed_before"], status["holds"]) == (6, 4, 1)
    assert [(each["first"], each["end"]) for each in status["archives"]] == [(0, 3), (3, 6)]
    assert [each["removed_at"] is None for each in status["archives"]] == [False, True]


def test_too_early(run: Run, receipts: int) -> None:
    assert run("log", "archive", "--until", "6", "-o", "all.archive").exit_code == 0
    result = run("log", "remove", "--before", "2999-01-01")
    assert result.exit_code == 1
    assert "not archived" in result.stderr
    later = run("log", "archive", "--before", "2999-01-01", "-o", "more.archive")
    assert later.stdout.startswith("wrote entries 6 to 6 ")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "give either --until or --before"),
        (["--until", "3", "--before", "2020-06-04"], "give either --until or --before"),
        (["--until", "0"], "there is nothing to archive: the next archive begins at place 0, the log has 10"),
        (["--until", "11"], "there is nothing to archive"),
        (["--before", "2020-05-01"], "there is nothing to archive"),
        (["--before", "June"], "--before: is not a date"),
    ],
)
def test_wrong_archives(run: Run, old: Config, tmp_path: Path, options: list[str], problem: str) -> None:
    result = run("log", "archive", "-o", "x.archive", *options)
    assert result.exit_code == 1
    assert problem in result.stderr
    assert not (tmp_path / "x.archive").exists()


def test_the_check_finds_what_was_changed(run: Run, old: Config) -> None:
    assert run("log", "check").stdout == "10 entries checked: nothing is wrong\n"
    assert run("log", "check", "--json").stdout == "[]\n"
    _sql(old, "UPDATE log_leaves SET salt = NULL, payload = NULL WHERE place = 3")
    _sql(old, "UPDATE log_leaves SET payload = salt WHERE place = 7")
    result = run("log", "check")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: the log is not what was logged: problems found: 2\nhint: ")
    for piece in ("removed early, or without a logged removal", "salt and payload are not what the leaf"):
        assert piece in result.stdout
    result = run("log", "check", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [{"place": 3, "fault": "removed"}, {"place": 7, "fault": "content"}]
    assert "提前清除" in run("log", "check", locale="zh_CN.UTF-8").stdout


def test_status(run: Run, old: Config) -> None:
    status = json.loads(run("log", "status", "--json").stdout)
    assert (status["size"], status["retention_days"], status["cosignatures"]) == (10, 1_096, [])
    assert status["root"] in status["checkpoint"]
    assert (status["archived_before"], status["removed_before"], status["holds"]) == (0, 0, 0)
    assert "retention (days)" in run("log", "status").stdout
    assert "保存期限（天）" in run("log", "status", locale="zh_CN.UTF-8").stdout


async def test_status_shows_witnesses(run: Run, config: Config, clock: Clock) -> None:
    data = DataDirectory(config.data)
    signer = log_signer(read_certificate(data.ca_certificate), read_log_key(data))
    async with running_platform(config, clock) as platform:
        auditor = await platform.department("audit-office")
        witness = Cosigner(auditor.party.urn, auditor.keys.signing)
        with platform.database.writing() as store:
            for size in (1, 0):
                checkpoint = at(store.leaves, signer, size)
                line = str(witness.cosign(Note.parse(checkpoint).body, 1))
                store.leaves.cosign(size, auditor.party, checkpoint, line, clock() - timedelta(days=2))
    status = json.loads(run("log", "status", "--json").stdout)
    assert f"\N{EM DASH} {auditor.party.urn} " in status["checkpoint"]
    (cosigned,) = status["cosignatures"]
    assert (cosigned["witness"], cosigned["size"]) == (auditor.party.urn, 1)
    assert 2 * 86_400 <= cosigned["age_seconds"] < 2 * 86_400 + 600
    assert "1 entries, 2 days ago" in run("log", "status").stdout
    assert run("log", "check").exit_code == 0


def test_every_fault_has_a_text() -> None:
    assert set(_FAULTS) == set(Fault)
