"""Commands of an auditor: search, show, verify, tail, export. None of them can change anything."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.options import AsJson, HomeOption
from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.timestamp_pb2 import Timestamp

    from stayput.v1.log_pb2 import EventType, LogRecord, SearchLogRequest
    from stayput_client.audit import Auditor, Proof

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

_T = TypeVar("_T")
_Places = Annotated[list[int], typer.Argument(metavar="PLACE...", min=0)]
_Code = Annotated[str, typer.Option(metavar="CODE", show_default=False)]
_Text = Annotated[str, typer.Option(metavar="TEXT", show_default=False)]
_Time = Annotated[str, typer.Option(metavar="TIME", show_default=False)]
_COLUMNS = ("place", "logged", "what", "consumer", "provider", "resource", "grant", "operator", "case_number")


@app.command()
def search(
    context: typer.Context,
    *,
    since: _Time = "",
    until: _Time = "",
    consumer: _Code = "",
    provider: _Code = "",
    resource: _Code = "",
    grant: _Text = "",
    operator: _Text = "",
    case_number: _Text = "",
    event: Annotated[list[str] | None, typer.Option(metavar="TYPE", show_default=False)] = None,
    least_records: Annotated[int, typer.Option(metavar="N", min=0, show_default=False)] = 0,
    receipts: Annotated[bool, typer.Option("--receipts")] = False,
    events: Annotated[bool, typer.Option("--events")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=0)] = 100,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Searches the log."""
    from stayput.v1.log_pb2 import EntryKind, SearchLogRequest

    kind = EntryKind.ENTRY_KIND_UNSPECIFIED
    if receipts != events:
        kind = EntryKind.ENTRY_KIND_RECEIPT if receipts else EntryKind.ENTRY_KIND_EVENT
    wanted = SearchLogRequest(
        from_time=_time("since", since),
        until_time=_time("until", until),
        consumer=consumer,
        provider=provider,
        resource=resource,
        grant_id=grant,
        operator=operator,
        case_number=case_number,
        event_types=[_event_type(one) for one in event or ()],
        least_records=least_records,
        kind=kind,
    )
    _show_found(Screen.of(context), _found(home, wanted, limit), limit, as_json=as_json)


def _found(home: Path | None, wanted: "SearchLogRequest", limit: int) -> "list[LogRecord]":
    # One more than is shown tells whether there are more.
    return _audited(home, lambda auditor: auditor.search(wanted, limit + 1 if limit else 0))


def _show_found(screen: Screen, found: "list[LogRecord]", limit: int, *, as_json: bool) -> None:
    shown = found[: limit or None]
    if as_json:
        screen.json([_record_json(one) for one in shown])
        return
    headings = [f"column.{name}" for name in (*_COLUMNS, "records", "found", "end")]
    screen.table(headings, [_row(screen, one) for one in shown])
    if len(found) > len(shown):
        screen.say("audit.more", count=limit)


@app.command()
def show(
    context: typer.Context,
    *,
    place: Annotated[int, typer.Argument(metavar="PLACE", min=0)],
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Shows an entry after verifying it."""
    from stayput_client.cli.proof import complained, entry_json, show_entry

    screen, verified = Screen.of(context), _audited(home, lambda auditor: auditor.entry(place)).verified
    now = datetime.now(UTC)
    if as_json:
        screen.json(entry_json(verified, now))
    else:
        show_entry(screen, verified)
    if complained(screen, verified, now):
        raise typer.Exit(1)


@app.command()
def verify(context: typer.Context, *, places: _Places, home: HomeOption = None) -> None:
    """Verifies entries."""
    from stayput_client.cli.proof import say_verified

    screen = Screen.of(context)
    _each(screen, home, places, lambda proof: say_verified(screen, proof.verified))


@app.command()
def export(
    context: typer.Context,
    *,
    places: _Places,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIRECTORY")],
    force: Annotated[bool, typer.Option("--force")] = False,
    home: HomeOption = None,
) -> None:
    """Writes entries as bundles."""
    from stayput_client.cli.proof import say_no_content

    screen = Screen.of(context)

    def written(proof: "Proof") -> None:
        screen.say("audit.exported", path=proof.write(out, force=force))
        say_no_content(screen, proof.verified)

    _each(screen, home, places, written)


@app.command()
def tail(
    context: typer.Context,
    *,
    before: Annotated[int, typer.Option("--before", metavar="N", min=0)] = 10,
    every: Annotated[float, typer.Option("--every", metavar="SECONDS", min=0.1)] = 5.0,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Follows the log."""
    import json

    from stayput_client.cli.proof import entry_json, entry_line, say_line, unseen_json, unseen_line

    screen = Screen.of(context)

    async def run(auditor: "Auditor") -> None:
        from stayput_client.audit import Unseen

        async for one in auditor.follow(before, every):
            if isinstance(one, Unseen):
                line, entries = unseen_line(screen, one), unseen_json(one)
            else:
                now = datetime.now(UTC)
                line, entries = entry_line(screen, one, now), [entry_json(one, now)]
            if not as_json:
                say_line(line)
                continue
            for entry in entries:
                typer.echo(json.dumps(entry, ensure_ascii=False))

    _audited(home, run)


def _audited(home: Path | None, job: "Callable[[Auditor], Awaitable[_T]]") -> _T:
    async def run() -> _T:
        from stayput_client.audit import Auditor

        async with Auditor.open(home) as auditor:
            return await job(auditor)

    return interruptible.run(run())


def _each(screen: Screen, home: Path | None, places: Sequence[int], then: "Callable[[Proof], None]") -> None:
    """Verifies each and tells it; exits with 1 at the end if of any the content was not shown too early."""
    from stayput_client.cli.proof import complained

    async def run(auditor: "Auditor") -> bool:
        lacking = False
        for place in places:
            proof = await auditor.entry(place)
            then(proof)
            lacking |= complained(screen, proof.verified, datetime.now(UTC))
        return lacking

    if _audited(home, run):
        raise typer.Exit(1)


def _time(field: str, text: str) -> "Timestamp | None":
    """A day or a time, in this computer's zone unless it names one."""
    from google.protobuf.timestamp_pb2 import Timestamp

    from stayput.v1.errors_pb2 import ErrorReason
    from stayput_client.faults import ClientFault

    if not text:
        return None
    stamp = Timestamp()
    try:
        stamp.FromDatetime(datetime.fromisoformat(text).astimezone())
    except (ValueError, OverflowError):
        raise ClientFault(ErrorReason.ERROR_REASON_FIELD_INVALID, "time_unknown", field=field) from None
    return stamp


def _event_type(name: str) -> "EventType.ValueType":
    """The type written like `grant-revoked`."""
    from stayput.v1.errors_pb2 import ErrorReason
    from stayput.v1.log_pb2 import EventType
    from stayput_client.cli.proof import event_name
    from stayput_client.faults import ClientFault

    known = {event_name(number).lower().replace("_", "-"): number for number in EventType.values() if number}
    if name not in known:
        reason = ErrorReason.ERROR_REASON_FIELD_INVALID
        raise ClientFault(reason, "event_unknown", field="event", known=", ".join(known))
    return known[name]


def _row(screen: Screen, one: "LogRecord") -> list[str]:
    from stayput.v1.log_pb2 import EntryKind
    from stayput_client.models.vocabulary import moment

    of_receipt = one.kind == EntryKind.ENTRY_KIND_RECEIPT
    return [
        str(one.index),
        screen.moment(moment(one.logged_at)),
        _what(screen, one),
        one.consumer,
        one.provider,
        one.resource,
        one.grant_id,
        one.operator,
        one.case_number,
        f"{one.records:,}" if of_receipt else "",
        f"{one.found:,}" if one.HasField("found") else "",
        screen.text(f"end.{_end(one)}") if of_receipt and one.end else "",
    ]


def _what(screen: Screen, one: "LogRecord") -> str:
    from stayput.v1.log_pb2 import EntryKind
    from stayput_client.cli.proof import event_words

    of_receipt = one.kind == EntryKind.ENTRY_KIND_RECEIPT
    what = screen.text("audit.receipt") if of_receipt else event_words(screen, one.event_type)
    return screen.text("audit.removed", what=what) if one.removed else what


def _end(one: "LogRecord") -> str:
    from stayput.v1.log_pb2 import SessionEnd
    from stayput_client.models.vocabulary import unknown_value

    if one.end not in SessionEnd.values():
        raise unknown_value("end")
    return SessionEnd.Name(one.end).removeprefix("SESSION_END_")


def _record_json(one: "LogRecord") -> dict[str, Json]:
    from stayput.v1.log_pb2 import EntryKind
    from stayput_client.cli.proof import event_name
    from stayput_client.models.vocabulary import moment

    of_receipt = one.kind == EntryKind.ENTRY_KIND_RECEIPT
    return {
        "place": one.index,
        "logged_at": moment(one.logged_at).isoformat(),
        "kind": "RECEIPT" if of_receipt else "EVENT",
        "event_type": None if of_receipt else event_name(one.event_type),
        "consumer": one.consumer,
        "provider": one.provider,
        "resource": one.resource,
        "grant_id": one.grant_id,
        "operator": one.operator,
        "case_number": one.case_number,
        "records": one.records if of_receipt else None,
        "found": one.found if one.HasField("found") else None,
        "node": one.node_id,
        "node_sequence": one.node_sequence if of_receipt else None,
        "end": _end(one) if of_receipt else None,
        "removed": one.removed,
        "receipt_hash": one.receipt_hash.hex(),
    }
