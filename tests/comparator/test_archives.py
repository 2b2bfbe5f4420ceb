"""Where an archive of what was logged before a day ends: at a cosigned checkpoint, if there is one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from comparator.domain import archives
from comparator.domain.retention import Archived
from stayput import evidence
from stayput.errors import StayputError
from stayput.evidence import Part, Trust
from stayput.notes import Cosigner
from tests.comparator import cosigning, keeping
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, Platform


@pytest.fixture
async def chain(platform: Platform, node: Member, consumer: Member) -> Chain:
    return await keeping.filled(platform, node, consumer)


@pytest.fixture
def archive(platform: Platform, chain: Chain, tmp_path: Path) -> Callable[[int], Archived]:
    """Archives up to a place, each time into a new file named by that."""
    return keeping.archiver(platform, tmp_path)


def _cosign(platform: Platform, size: int, *witnesses: Member) -> list[Cosigner]:
    cosigners = [Cosigner(each.party.urn, each.keys.signing) for each in witnesses]
    cosigning.cosign(platform.database, keeping.signer_of(platform), size, *cosigners)
    return cosigners


def _end(platform: Platform, before: datetime) -> int:
    with platform.database.reading() as store:
        return archives.end_before(store, before)


async def test_an_archive_ends_at_what_is_cosigned(
    platform: Platform, node: Member, consumer: Member, chain: Chain, archive: Callable[[int], Archived]
) -> None:
    later = platform.clock() + timedelta(days=1)
    size = keeping.size(platform)
    assert _end(platform, later) == size
    for cosigned in (3, 5, 8):
        _cosign(platform, cosigned, node)
    assert _end(platform, later) == 8
    with platform.database.reading() as store:
        row = store.leaves.at(6)
    assert row is not None
    # The receipts from place 4 on were logged at one time.
    assert _end(platform, row.logged_at) == 3
    archive(6)
    assert _end(platform, later) == 8
    archive(8)
    assert _end(platform, later) == keeping.size(platform)
    _cosign(platform, size, consumer)
    assert _end(platform, later) == size


async def test_such_an_archive_verifies_for_who_demands_the_witness(
    platform: Platform, node: Member, chain: Chain, archive: Callable[[int], Archived], tmp_path: Path
) -> None:
    witnesses = [one.verifier for one in _cosign(platform, 8, node)]
    trust = Trust(log=keeping.signer_of(platform).verifier, witnesses=tuple(witnesses), least_witnesses=1)
    written = archive(_end(platform, platform.clock() + timedelta(days=1)))
    with (tmp_path / f"{written.end}.archive").open("rb") as file:
        assert evidence.verify_archive(file, trust).end == 8
    rest = archive(keeping.size(platform))
    with (tmp_path / f"{rest.end}.archive").open("rb") as file, pytest.raises(StayputError) as caught:
        evidence.verify_archive(file, trust)
    assert caught.value.field == Part.WITNESSES


async def test_an_archive_of_what_more_have_cosigned_than_a_note_holds(
    platform: Platform, chain: Chain, archive: Callable[[int], Archived]
) -> None:
    cosigning.crowd(platform.database, keeping.signer_of(platform), 8, 120)
    assert archive(_end(platform, platform.clock() + timedelta(days=1))).end == 8
