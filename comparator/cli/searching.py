"""`log search`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from comparator import texts
from comparator.cli.failures import told
from comparator.cli.history import EVENT_TYPES, event_type
from comparator.cli.listings import ENDS
from comparator.cli.opening import opened
from comparator.cli.options import EntryKindName
from comparator.cli.tables import dump, minute, plain, show
from comparator.config import load
from comparator.domain.search import search_all
from comparator.store.timestamps import timestamp
from comparator.texts import OperatorError
from stayput.china_time import CHINA
from stayput.language import Text, language_of
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EntryKind, LogRecord, SearchLogRequest

_KINDS = {
    EntryKindName.RECEIPT: EntryKind.ENTRY_KIND_RECEIPT,
    EntryKindName.EVENT: EntryKind.ENTRY_KIND_EVENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The options of `log search` as they were given; empty, 0 or None does not restrict."""

    since: str
    until: str
    consumer: str
    provider: str
    resource: str
    grant: str
    operator: str
    case_number: str
    types: Sequence[str]
    kind: EntryKindName | None
    least_records: int
    limit: int
    after: str


@told()
def search(path: Path, filters: Filters, json: bool) -> None:
    """Entries that are all that, newest first."""
    request = SearchLogRequest(
        page_size=filters.limit,
        page_token=filters.after,
        from_time=_stamp("--from", filters.since),
        until_time=_stamp("--until", filters.until),
        consumer=filters.consumer,
        provider=filters.provider,
        resource=filters.resource,
        grant_id=filters.grant,
        operator=filters.operator,
        case_number=filters.case_number,
        event_types=[event_type(name) for name in filters.types],
        least_records=filters.least_records,
        kind=_KINDS[filters.kind] if filters.kind else EntryKind.ENTRY_KIND_UNSPECIFIED,
    )
    with opened(load(path)) as database, database.reading() as store:
        found = search_all(store, request)
    if json:
        dump(plain(found))
        return
    show(
        texts.LOG_ENTRIES,
        (
            texts.COL_PLACE,
            texts.COL_AT,
            texts.COL_WHAT,
            texts.COL_CONSUMER,
            texts.COL_PROVIDER,
            texts.COL_RESOURCE,
            texts.COL_GRANT,
            texts.COL_OPERATOR,
            texts.COL_CASE,
            texts.COL_RECORDS,
            texts.COL_FOUND,
            texts.COL_END,
        ),
        (_row(record) for record in found.records),
    )
    if found.next_page_token:
        typer.echo(texts.MORE_PAGES.of(language_of()).format(token=found.next_page_token))


def moment(option: str, text: str) -> datetime:
    """The time that an option names; without a zone it is China's, a date alone is its beginning."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(
            ErrorReason.ERROR_REASON_FIELD_INVALID, texts.NO_DATE, texts.NO_DATE_FIX, option=option
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=CHINA)


def _stamp(option: str, text: str) -> Timestamp | None:
    return timestamp(moment(option, text)) if text else None


def _row(record: LogRecord) -> tuple[str | Text, ...]:
    what = EVENT_TYPES[record.event_type] if record.event_type else texts.RECEIPT
    of_receipt = not record.event_type
    return (
        str(record.index),
        minute(record.logged_at),
        _removed(what) if record.removed else what,
        record.consumer,
        record.provider,
        record.resource,
        record.grant_id,
        record.operator,
        record.case_number,
        str(record.records) if of_receipt else "",
        str(record.found) if record.HasField("found") else "",
        ENDS[record.end] if of_receipt else "",
    )


def _removed(what: Text) -> Text:
    text = texts.CONTENT_REMOVED
    return Text(text.en.format(what=what.en), text.zh.format(what=what.zh))
