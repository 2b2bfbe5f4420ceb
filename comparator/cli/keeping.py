"""`log status`, `check`, and the commands that say how long what is in the log is kept."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path

import typer

from comparator import texts
from comparator.cli.failures import told
from comparator.cli.opening import opened
from comparator.cli.searching import moment
from comparator.cli.tables import dump, filled, minute, show
from comparator.config import Config, load
from comparator.data import DataDirectory, read_certificate, read_log_key
from comparator.domain import archives, checkpoints, inspection, retention
from comparator.domain.inspection import Fault
from comparator.store.database import Store
from comparator.store.log_models import ArchiveRow, CosignatureRow
from comparator.store.timestamps import timestamp
from comparator.texts import OperatorError
from stayput.language import Text, language_of
from stayput.notes import NoteSigner
from stayput.v1.errors_pb2 import ErrorReason

_MOST_SHOWN = 1_000
_MOST_COSIGNERS = 16
_FAULTS = {
    Fault.MISSING: texts.FAULT_MISSING,
    Fault.LEAF: texts.FAULT_LEAF,
    Fault.CONTENT: texts.FAULT_CONTENT,
    Fault.COLUMNS: texts.FAULT_COLUMNS,
    Fault.TIME: texts.FAULT_TIME,
    Fault.REMOVED: texts.FAULT_REMOVED,
    Fault.SUBTREE: texts.FAULT_SUBTREE,
    Fault.CHECKPOINT: texts.FAULT_CHECKPOINT,
}


@told()
def status(path: Path, json: bool) -> None:
    """Size, root and checkpoint, the newest cosignature of each witness, and how far all else has come."""
    config = load(path)
    with opened(config) as database, database.reading() as store:
        size = store.leaves.size()
        root = b64encode(store.leaves.head(size).root).decode()
        checkpoint = checkpoints.newest(store.leaves, _signer(config)).decode()
        cosigned = list(_newest(store))
        held = len(store.keeping.holds(active=True))
        written, removed = store.keeping.archives(), store.keeping.first_kept(0, size)
    removed = size if removed is None else removed
    facts: list[tuple[str, Text, object]] = [
        ("size", texts.ITEM_SIZE, size),
        ("root", texts.ITEM_ROOT, root),
        ("checkpoint", texts.ITEM_CHECKPOINT, checkpoint),
        ("retention_days", texts.ITEM_RETENTION, config.log.retention_days),
        ("holds", texts.ITEM_HOLDS, held),
        ("archived_before", texts.ITEM_ARCHIVED, written[-1].end if written else 0),
        ("removed_before", texts.ITEM_REMOVED, removed),
    ]
    if json:
        lists = {
            "archives": [_archive(row) for row in written],
            "cosignatures": [_cosignature(row) for row in cosigned],
        }
        dump({name: value for name, _, value in facts} | lists)
        return
    show(
        texts.LOG,
        (texts.COL_ITEM, texts.COL_VALUE),
        chain(
            ((item, str(value)) for _, item, value in facts),
            (_cosigned(row.witness_urn, row.tree_size, row.received_at) for row in cosigned),
        ),
    )


@told()
def check(path: Path, json: bool) -> None:
    """What is wrong with the log; a failure if anything is."""
    with opened(load(path)) as database, database.reading() as store:
        size = store.leaves.size()
        problems = inspection.check(store, datetime.now(UTC))
        # What is shown is bounded; all are counted.
        shown = list(islice(problems, _MOST_SHOWN))
        count = len(shown) + sum(1 for _ in problems)
    if json:
        dump([{"place": each.place, "fault": each.fault.value} for each in shown])
    elif shown:
        show(
            texts.LOG_PROBLEMS,
            (texts.COL_PLACE, texts.COL_FAULT),
            ((str(each.place), _FAULTS[each.fault]) for each in shown),
        )
    if count:
        raise OperatorError(
            ErrorReason.ERROR_REASON_EVIDENCE_INVALID, texts.LOG_BROKEN, texts.LOG_BROKEN_FIX, count=count
        )
    if not json:
        _say(texts.LOG_INTACT, count=size)


@told()
def archive(path: Path, until: int | None, before: str, output: Path) -> None:
    """Writes an archive, and says what is in it and who has cosigned the end that a date led to."""
    config = load(path)
    if (until is None) == (not before):
        raise retention.refusal(texts.ONE_END, texts.ONE_END_FIX)
    cosigners: list[tuple[str, datetime]] = []
    with opened(config) as database:
        if until is None:
            with database.reading() as store:
                until = archives.end_before(store, moment("--before", before))
                cosigners = store.leaves.cosigners(until, _MOST_COSIGNERS)
        written = archives.write(database, _signer(config), until, output, datetime.now(UTC))
    _say(
        texts.ARCHIVED,
        first=written.first,
        last=written.end - 1,
        path=output,
        digest=written.file_hash.hex(),
    )
    for witness, at in cosigners:
        by, seen = _cosigned(witness, written.end, at)
        typer.echo(f"{by.of(language_of())}: {seen.of(language_of())}")


@told()
def remove(path: Path, first: int, before: str) -> None:
    """Removes what may be removed, and says in which archives it is."""
    config = load(path)
    with _writing(config) as store:
        end = retention.place_of(store, moment("--before", before))
        parts = retention.remove(store, first, end, config.log.retention_days, datetime.now(UTC))
    for part in parts:
        _say(texts.REMOVED, first=part.first, last=part.end - 1, digest=part.archive_hash.hex())


@told()
def hold(path: Path, first: int, last: int, reason: str) -> None:
    """Places a hold and says its number."""
    with _writing(load(path)) as store:
        number = retention.hold(store, first, last, reason, datetime.now(UTC))
    _say(texts.HOLD_PLACED, number=number, first=first, last=last)


@told()
def release(path: Path, number: int, reason: str) -> None:
    """Lifts a hold."""
    with _writing(load(path)) as store:
        retention.release(store, number, reason, datetime.now(UTC))
    _say(texts.HOLD_LIFTED, number=number)


@told()
def holds(path: Path, json: bool) -> None:
    """All holds, in the order of placing."""
    with opened(load(path)) as database, database.reading() as store:
        rows = store.keeping.holds(active=False)
    if json:
        dump(
            [
                {
                    "number": row.number,
                    "first": row.first,
                    "last": row.last,
                    "reason": row.reason,
                    "placed_at": row.placed_at.isoformat(),
                    "lifted_at": row.lifted_at.isoformat() if row.lifted_at else None,
                }
                for row in rows
            ]
        )
        return
    show(
        texts.HOLDS,
        (
            texts.COL_SEQUENCE,
            texts.COL_FIRST,
            texts.COL_LAST,
            texts.COL_PLACED,
            texts.COL_LIFTED,
            texts.COL_REASON,
        ),
        (
            (
                str(row.number),
                str(row.first),
                str(row.last),
                _minute(row.placed_at),
                _minute(row.lifted_at),
                row.reason,
            )
            for row in rows
        ),
    )


@contextmanager
def _writing(config: Config) -> Iterator[Store]:
    with opened(config) as database, database.writing() as store:
        yield store


def _signer(config: Config) -> NoteSigner:
    data = DataDirectory(config.data)
    return checkpoints.log_signer(read_certificate(data.ca_certificate), read_log_key(data))


def _newest(store: Store) -> Iterator[CosignatureRow]:
    """Of each witness, the cosignature of the largest tree."""
    of_witness = {row.witness_urn: row for row in store.keeping.cosigned()}
    yield from (of_witness[witness] for witness in sorted(of_witness))


def _archive(row: ArchiveRow) -> dict[str, object]:
    return {
        "first": row.first,
        "end": row.end,
        "sha256": row.file_hash.hex(),
        "written_at": row.written_at.isoformat(),
        "removed_at": row.removed_at.isoformat() if row.removed_at else None,
    }


def _cosignature(row: CosignatureRow) -> dict[str, object]:
    return {
        "witness": row.witness_urn,
        "size": row.tree_size,
        "received_at": row.received_at.isoformat(),
        "age_seconds": int(_age(row.received_at).total_seconds()),
    }


def _cosigned(witness: str, size: int, at: datetime) -> tuple[Text, Text]:
    """By whom, and what and when."""
    return filled(texts.ITEM_COSIGNED, witness=witness), filled(
        texts.COSIGNED_AT, size=size, days=_age(at).days
    )


def _age(at: datetime) -> timedelta:
    return datetime.now(UTC) - at


def _minute(time: datetime | None) -> str:
    stamp = timestamp(time)
    return minute(stamp) if stamp else ""


def _say(text: Text, **values: object) -> None:
    typer.echo(text.of(language_of()).format(**values))
