"""`comparator log archive --before`: up to a checkpoint that is cosigned."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comparator.config import Config
from comparator.data import DataDirectory, read_certificate, read_log_key
from comparator.domain.checkpoints import log_signer
from comparator.store.database import Database
from comparator.store.events import PLATFORM, About
from stayput.notes import Cosigner
from stayput.v1.log_pb2 import EventType
from tests.comparator import cosigning
from tests.comparator.platform import Run

_LONG_AGO = datetime(2020, 6, 1, tzinfo=UTC)


@pytest.fixture
def cosigned(config: Config) -> Config:
    """Ten entries of long ago, a day after the other; two witnesses have cosigned size 4, one of them 7."""
    data = DataDirectory(config.data)
    signer = log_signer(read_certificate(data.ca_certificate), read_log_key(data))
    with closing(Database(config.database_url)) as database:
        with database.writing() as store:
            for day in range(10):
                at = _LONG_AGO + timedelta(days=day)
                store.events.add(EventType.EVENT_TYPE_ROLES_CHANGED, PLATFORM, at, About(), f"detail {day}")
        parties = cosigning.known(database, "audit-office", "tax-office")
        cosigners = [Cosigner(party.urn, Ed25519PrivateKey.generate()) for party in parties]
        cosigning.cosign(database, signer, 4, *cosigners)
        cosigning.cosign(database, signer, 7, *cosigners[:1])
    return config


def test_an_archive_before_a_day_ends_at_what_is_cosigned(run: Run, cosigned: Config) -> None:
    days = (datetime.now(UTC) - cosigning.NOW).days
    written = run("log", "archive", "--before", "2020-06-07", "-o", "one.archive").stdout.splitlines()
    assert written[0].startswith("wrote entries 0 to 3 to one.archive; SHA-256 ")
    assert written[1:] == [
        f"cosigned by urn:stayput:department:{code}: 4 entries, {days} days ago"
        for code in ("audit-office", "tax-office")
    ]
    chinese = run("log", "archive", "--before", "2020-06-10", "-o", "two.archive", locale="zh_CN.UTF-8")
    assert chinese.stdout.startswith("已将条目 4 至 6 写入 two.archive")
    assert "urn:stayput:department:audit-office 联署" in chinese.stdout
    assert "7 条" in chinese.stdout
    # Nothing beyond is cosigned.
    rest = run("log", "archive", "--before", "2020-06-10", "-o", "three.archive").stdout
    assert rest.startswith("wrote entries 7 to 8 to three.archive; SHA-256 ")
    assert "cosigned" not in rest


def test_a_place_is_taken_as_it_is(run: Run, cosigned: Config) -> None:
    written = run("log", "archive", "--until", "6", "-o", "one.archive").stdout
    assert written.startswith("wrote entries 0 to 5 to one.archive; SHA-256 ")
    assert len(written.splitlines()) == 1


def test_a_failure_names_no_cosignatures(run: Run, cosigned: Config) -> None:
    for options in (
        ("--before", "2020-05-01"),
        ("--before", "June"),
        ("--before", "2020-06-07", "--until", "3"),
    ):
        failed = run("log", "archive", "-o", "one.archive", *options)
        assert failed.exit_code == 1
        assert not failed.stdout
        assert failed.stderr.startswith("error: ")
