"""Archives: ranges of the log in files that anyone can verify alone, written before anything is removed."""

import hashlib
import os
from datetime import datetime
from pathlib import Path

from comparator import texts
from comparator.domain import checkpoints
from comparator.domain.retention import Archived, place_of, refusal
from comparator.store.database import Database, Store
from comparator.store.events import PLATFORM, About
from comparator.texts import unusable
from stayput import evidence
from stayput.errors import StayputError
from stayput.evidence import Trust
from stayput.merkle import Frontier
from stayput.notes import NoteSigner
from stayput.v1.log_pb2 import ArchiveHeader, EventType


def end_before(store: Store, before: datetime) -> int:
    """Where the next archive of what was appended before that time ends.

    That is the largest cosigned size not beyond it, so that an archive verifies for those who demand
    witnesses; the place after the last such entry if nothing beyond the last archive is cosigned.
    """
    place = place_of(store, before)
    cosigned = store.leaves.cosigned_through(place)
    return cosigned if cosigned and cosigned > store.keeping.archived_through() else place


def write(database: Database, signer: NoteSigner, end: int, path: Path, now: datetime) -> Archived:
    """Writes the entries from the end of the last archive up to `end` to a new file, and logs that.

    The file is durable, was read back and verified, before anything says that it exists. Raises
    `FIELD_INVALID` for a range that cannot be archived, `CONFIGURATION_INVALID` if the file cannot be
    written, `EVIDENCE_INVALID` if what the log holds does not verify: then there is no file and no archive.
    """
    if path.exists():
        raise unusable(texts.EXISTS, texts.EXISTS_FIX, path=path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with database.reading() as store:
            first = _write(store, signer, end, temporary)
        archived = Archived(first, end, _verified(temporary, signer, first, end))
        # Unlike a renaming, this never takes the place of another file.
        path.hardlink_to(temporary)
        _sync(path.parent)
    except FileExistsError:
        raise unusable(texts.EXISTS, texts.EXISTS_FIX, path=path) from None
    except OSError as error:
        raise unusable(texts.CANNOT_WRITE, texts.CANNOT_WRITE_FIX, path=path, why=error.strerror) from None
    finally:
        temporary.unlink(missing_ok=True)
    try:
        with database.writing() as store:
            _keep(store, archived, now)
    except StayputError:
        path.unlink()
        raise
    return archived


def _write(store: Store, signer: NoteSigner, end: int, path: Path) -> int:
    first, size = store.keeping.archived_through(), store.leaves.size()
    if not first < end <= size:
        raise refusal(texts.ARCHIVE_RANGE, texts.ARCHIVE_RANGE_FIX, first=first, size=size)
    header = ArchiveHeader(
        format=evidence.ARCHIVE_FORMAT,
        first=first,
        end=end,
        peaks=Frontier.load(first, store.leaves.nodes).peaks,
        checkpoint=checkpoints.at(store.leaves, signer, end),
    )
    with path.open("xb") as file:
        try:
            evidence.write_archive(file, header, store.keeping.entries(first, end))
        except ValueError:
            raise refusal(texts.ENTRIES_MISSING, texts.ENTRIES_MISSING_FIX) from None
        file.flush()
        os.fsync(file.fileno())
    return first


def _verified(path: Path, signer: NoteSigner, first: int, end: int) -> bytes:
    """SHA-256 of the file, if it proves that range with all its payloads."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0)
        found = evidence.verify_archive(file, Trust(log=signer.verifier))
    if (found.first, found.end, found.without_payload) != (first, end, 0):
        raise refusal(texts.ENTRIES_MISSING, texts.ENTRIES_MISSING_FIX)
    return digest


def _keep(store: Store, archived: Archived, now: datetime) -> None:
    if store.keeping.archived_through() != archived.first:
        raise refusal(
            texts.ARCHIVE_RANGE,
            texts.ARCHIVE_RANGE_FIX,
            first=store.keeping.archived_through(),
            size=store.leaves.size(),
        )
    store.keeping.add_archive(archived.first, archived.end, archived.file_hash, now)
    store.events.add(EventType.EVENT_TYPE_LOG_ARCHIVED, PLATFORM, now, About(), str(archived))


def _sync(directory: Path) -> None:
    """Makes a new name in the directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
