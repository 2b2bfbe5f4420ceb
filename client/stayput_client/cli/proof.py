"""What evidence proves, and by whom, in words and as JSON."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from stayput_client.cli.receipt import receipt_json, show_receipt
from stayput_client.cli.screen import Json, Screen

if TYPE_CHECKING:
    from stayput.evidence import OpenedEntry, VerifiedArchive, VerifiedEntry
    from stayput.notes import SignedCheckpoint
    from stayput.v1.log_pb2 import Event
    from stayput_client.audit import Unseen
    from stayput_client.faults import ClientFault

_EVENT_TEXTS = ("actor", "party", "resource", "application_id", "grant_id", "detail")
_RANGES_SHOWN = 10


def event_name(number: int) -> str:
    """Name of an event's type without the enum's prefix; its number if this release does not know it."""
    from stayput.v1.log_pb2 import EventType

    known = number in EventType.values()
    return EventType.Name(EventType.ValueType(number)).removeprefix("EVENT_TYPE_") if known else str(number)


def event_words(screen: Screen, number: int) -> str:
    """What happened, in words."""
    from stayput.v1.log_pb2 import EventType

    name = event_name(number)
    return screen.text(f"event.{name}") if number in EventType.values() and number else name


def show_entry(screen: Screen, verified: "VerifiedEntry") -> None:
    """Shows a verified entry, and what is proven of it."""
    opened = verified.entry
    if opened.receipt is not None:
        show_receipt(screen, opened.receipt)
    if opened.event is not None:
        rows = [(screen.text(f"event.{name}"), value) for name, value in _event_fields(screen, opened.event)]
        screen.facts(("proof.name", "receipt.value"), rows)
    screen.say("proof.heading")
    screen.say(
        "proof.in_log",
        place=opened.leaf.index,
        at=_logged(screen, opened),
        log=verified.checkpoint.checkpoint.origin,
        size=verified.checkpoint.checkpoint.head.size,
    )
    _show_cosignatures(screen, verified.checkpoint)
    _show_signatures(screen, opened)


def say_verified(screen: Screen, verified: "VerifiedEntry") -> None:
    """Says that an entry is verified, or what of it is proven without its content."""
    if _has_content(verified.entry):
        screen.say("audit.verified", place=verified.entry.leaf.index)
    say_no_content(screen, verified)


def say_no_content(screen: Screen, verified: "VerifiedEntry") -> None:
    """Says what is proven of an entry whose content was not shown; of another nothing."""
    if not _has_content(verified.entry):
        screen.say("audit.no_content", place=verified.entry.leaf.index)


def due_content(opened: "OpenedEntry", now: datetime) -> "ClientFault | None":
    """`EVIDENCE_INVALID` if an entry's content is not shown although the log must keep it at that time.

    It must keep each for two years, and what tells of archives, removals and holds for ever.
    """
    from stayput.retention import LEAST_RETENTION_DAYS, NEVER_REMOVED
    from stayput.v1.errors_pb2 import ErrorReason
    from stayput_client.faults import ClientFault
    from stayput_client.models.vocabulary import moment

    leaf, reason = opened.leaf, ErrorReason.ERROR_REASON_EVIDENCE_INVALID
    if _has_content(opened):
        return None
    place, days = str(leaf.index), str(LEAST_RETENTION_DAYS)
    if leaf.event_type in NEVER_REMOVED:
        return ClientFault(reason, "content_permanent", field="content", place=place)
    if moment(leaf.logged_at) > now - timedelta(days=LEAST_RETENTION_DAYS):
        return ClientFault(reason, "content_early", field="content", place=place, days=days)
    return None


def complained(screen: Screen, verified: "VerifiedEntry", now: datetime) -> bool:
    """Whether it said on standard error that content is not shown although the log must keep it."""
    fault = due_content(verified.entry, now)
    if fault is not None:
        screen.failure(fault)
    return fault is not None


def entry_json(verified: "VerifiedEntry", now: datetime) -> dict[str, Json]:
    """A verified entry as JSON.

    `removed` says that the content was not shown, `content_due` that the log must keep it nevertheless.
    """
    from stayput.v1.log_pb2 import EntryKind
    from stayput_client.models.vocabulary import moment

    opened = verified.entry
    return {
        "place": opened.leaf.index,
        "logged_at": moment(opened.leaf.logged_at).isoformat(),
        "kind": EntryKind.Name(opened.leaf.kind).removeprefix("ENTRY_KIND_"),
        "receipt": receipt_json(opened.receipt) if opened.receipt is not None else None,
        "event": _event_json(opened.event) if opened.event is not None else None,
        "removed": not _has_content(opened),
        "content_due": due_content(opened, now) is not None,
        "signed_by_node": opened.by_node.name,
        "request_signed_by_consumer": opened.by_consumer.name,
        "checkpoint": _checkpoint_json(verified.checkpoint),
    }


def show_archive(screen: Screen, archive: "VerifiedArchive") -> None:
    """Shows what is proven of a range."""
    checkpoint = archive.checkpoint.checkpoint
    screen.say("proof.heading")
    screen.say(
        "archive.range",
        first=archive.first,
        last=archive.end - 1,
        log=checkpoint.origin,
        size=checkpoint.head.size,
    )
    _show_cosignatures(screen, archive.checkpoint)
    screen.say("archive.counts", receipts=archive.receipts, events=archive.events)
    signed = archive.receipts - archive.without_key
    screen.say("archive.signed", count=signed, statements=archive.statements)
    if archive.without_key:
        nodes = ", ".join(archive.unknown_nodes)
        screen.say("archive.without_key", count=archive.without_key, nodes=nodes)
    if archive.without_payload:
        places = ", ".join(map(_places, archive.removed[:_RANGES_SHOWN]))
        more = ", …" if len(archive.removed) > _RANGES_SHOWN else ""
        screen.say("archive.removed", count=archive.without_payload, places=places + more)


def archive_json(archive: "VerifiedArchive") -> dict[str, Json]:
    """A verified range as JSON."""
    return {
        "first": archive.first,
        "end": archive.end,
        "receipts": archive.receipts,
        "events": archive.events,
        "statements": archive.statements,
        "without_key": archive.without_key,
        "unknown_nodes": list(archive.unknown_nodes),
        "without_payload": archive.without_payload,
        "removed": [[places.start, places.stop] for places in archive.removed],
        "checkpoint": _checkpoint_json(archive.checkpoint),
    }


def unseen_line(screen: Screen, unseen: "Unseen") -> str:
    """Places that are not shown to this department, on one line."""
    first, last = unseen.places.start, unseen.places.stop - 1
    if first == last:
        return screen.text("tail.unseen", place=first)
    return screen.text("tail.unseen_range", first=first, last=last)


def unseen_json(unseen: "Unseen") -> list[dict[str, Json]]:
    """The same as JSON, for each place."""
    return [{"place": place, "withheld": True} for place in unseen.places]


def entry_line(screen: Screen, verified: "VerifiedEntry", now: datetime) -> str:
    """A verified entry on one line."""
    from stayput.v1.log_pb2 import SessionEnd

    opened = verified.entry
    places: dict[str, object] = {"place": opened.leaf.index, "at": _logged(screen, opened)}
    if opened.receipt is not None:
        receipt = opened.receipt
        return screen.text(
            "tail.receipt",
            **places,
            what=screen.text("audit.receipt"),
            consumer=receipt.consumer,
            resource=receipt.resource,
            records=f"{receipt.records:,}",
            end=screen.text(f"end.{SessionEnd.Name(receipt.end).removeprefix('SESSION_END_')}"),
            node=receipt.node_id,
        )
    if opened.event is not None:
        event = opened.event
        about = (event.actor, event.party, event.resource, event.application_id, event.grant_id, event.detail)
        what = event_words(screen, event.type)
        return screen.text("tail.event", **places, what=what, about=" ".join(filter(None, about)))
    return screen.text("tail.content_due" if due_content(opened, now) else "tail.no_content", **places)


def _has_content(opened: "OpenedEntry") -> bool:
    return opened.receipt is not None or opened.event is not None


def _places(places: range) -> str:
    return f"{places.start}–{places.stop - 1}" if len(places) > 1 else str(places.start)


def _show_signatures(screen: Screen, opened: "OpenedEntry") -> None:
    from stayput.evidence import Signed

    if opened.event is not None:
        screen.say("proof.event")
    elif opened.receipt is None:
        screen.say("proof.no_content")
    else:
        screen.say("proof.by_node", node=opened.receipt.node_id)
        said = {
            Signed.VERIFIED: "proof.by_consumer",
            Signed.KEY_UNKNOWN: "proof.consumer_unknown",
            Signed.ABSENT: "proof.no_statement",
        }
        screen.say(said[opened.by_consumer], consumer=opened.receipt.consumer)


def _show_cosignatures(screen: Screen, signed: "SignedCheckpoint") -> None:
    for one in signed.cosignatures:
        at = screen.moment(_cosigned_at(one.time))
        screen.say("proof.cosigned", witness=one.witness.name, at=at)
    if not signed.cosignatures:
        screen.say("proof.not_cosigned")


def _cosigned_at(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        # A witness may state any second up to 2**63, a calendar ends before.
        return None


def _logged(screen: Screen, opened: "OpenedEntry") -> str:
    from stayput_client.models.vocabulary import moment

    return screen.moment(moment(opened.leaf.logged_at))


def _event_fields(screen: Screen, event: "Event") -> list[tuple[str, str]]:
    from stayput_client.models.vocabulary import moment

    fields = [
        ("number", str(event.number)),
        ("at", screen.moment(moment(event.at))),
        ("type", event_words(screen, event.type)),
    ]
    return fields + [(name, getattr(event, name)) for name in _EVENT_TEXTS if getattr(event, name)]


def _event_json(event: "Event") -> dict[str, Json]:
    from stayput_client.models.vocabulary import moment

    return {
        "number": event.number,
        "at": moment(event.at).isoformat(),
        "type": event_name(event.type),
        **{name: getattr(event, name) for name in _EVENT_TEXTS},
    }


def _checkpoint_json(signed: "SignedCheckpoint") -> dict[str, Json]:
    return {
        "log": signed.checkpoint.origin,
        "size": signed.checkpoint.head.size,
        "root": signed.checkpoint.head.root.hex(),
        "cosignatures": [{"witness": one.witness.name, "time": one.time} for one in signed.cosignatures],
    }


def say_line(line: str) -> None:
    """One line on standard output at once, for whoever follows."""
    from stayput_client.cli.screen import printable

    typer.echo(printable(line))
