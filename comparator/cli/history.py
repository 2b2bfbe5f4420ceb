"""`events`: what happened."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from comparator import texts
from comparator.cli.failures import told
from comparator.cli.opening import opened
from comparator.cli.tables import dump, minute, plain, show
from comparator.config import load
from comparator.store.events import About
from comparator.texts import OperatorError
from stayput.language import Text
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Event, EventType

_PREFIX = "EVENT_TYPE_"
EVENT_TYPES: Mapping["EventType.ValueType", Text] = {
    EventType.EVENT_TYPE_PARTY_ENROLLED: texts.EVENT_PARTY_ENROLLED,
    EventType.EVENT_TYPE_ROLES_CHANGED: texts.EVENT_ROLES_CHANGED,
    EventType.EVENT_TYPE_RESOURCE_PUBLISHED: texts.EVENT_RESOURCE_PUBLISHED,
    EventType.EVENT_TYPE_APPLICATION_SUBMITTED: texts.EVENT_APPLICATION_SUBMITTED,
    EventType.EVENT_TYPE_APPLICATION_ACCEPTED: texts.EVENT_APPLICATION_ACCEPTED,
    EventType.EVENT_TYPE_APPLICATION_GRANTED: texts.EVENT_APPLICATION_GRANTED,
    EventType.EVENT_TYPE_APPLICATION_REFUSED: texts.EVENT_APPLICATION_REFUSED,
    EventType.EVENT_TYPE_APPLICATION_WITHDRAWN: texts.EVENT_APPLICATION_WITHDRAWN,
    EventType.EVENT_TYPE_APPLICATION_EXPIRED: texts.EVENT_APPLICATION_EXPIRED,
    EventType.EVENT_TYPE_DECISION_REMINDER: texts.EVENT_DECISION_REMINDER,
    EventType.EVENT_TYPE_DECISION_ESCALATED: texts.EVENT_DECISION_ESCALATED,
    EventType.EVENT_TYPE_GRANT_AMENDED: texts.EVENT_GRANT_AMENDED,
    EventType.EVENT_TYPE_GRANT_SUSPENDED: texts.EVENT_GRANT_SUSPENDED,
    EventType.EVENT_TYPE_GRANT_RESUMED: texts.EVENT_GRANT_RESUMED,
    EventType.EVENT_TYPE_GRANT_REVOKED: texts.EVENT_GRANT_REVOKED,
    EventType.EVENT_TYPE_GRANT_LIMIT_TRIPPED: texts.EVENT_GRANT_LIMIT_TRIPPED,
    EventType.EVENT_TYPE_LOG_SEARCHED: texts.EVENT_LOG_SEARCHED,
    EventType.EVENT_TYPE_LOG_ARCHIVED: texts.EVENT_LOG_ARCHIVED,
    EventType.EVENT_TYPE_LOG_REMOVED: texts.EVENT_LOG_REMOVED,
    EventType.EVENT_TYPE_LOG_HELD: texts.EVENT_LOG_HELD,
    EventType.EVENT_TYPE_CHAIN_BROKEN: texts.EVENT_CHAIN_BROKEN,
    EventType.EVENT_TYPE_GENERATION_BUILT: texts.EVENT_GENERATION_BUILT,
    EventType.EVENT_TYPE_KEYS_CHANGED: texts.EVENT_KEYS_CHANGED,
}


@told()
def events(
    path: Path, types: Sequence[str], grant_id: str, application_id: str, limit: int, json: bool
) -> None:
    """Events of these types (by name, in any case) about these, newest first."""
    from comparator.domain.applications import application_number

    kinds = [event_type(name) for name in types]
    about = About(
        application=application_number(application_id) if application_id else None,
        grant_id=grant_id or None,
    )
    with opened(load(path)) as database, database.reading() as store:
        listed = store.events.page(None, limit, about, kinds)
    if json:
        dump([plain(event) for event in listed])
        return
    show(
        texts.EVENTS,
        (
            texts.COL_SEQUENCE,
            texts.COL_AT,
            texts.COL_EVENT,
            texts.COL_ACTOR,
            texts.COL_ABOUT,
            texts.COL_DETAIL,
        ),
        (
            (
                str(event.number),
                minute(event.at),
                EVENT_TYPES[event.type],
                _short(event.actor),
                _about(event),
                event.detail,
            )
            for event in listed
        ),
    )


def event_type(name: str) -> "EventType.ValueType":
    """The type of event of that name, in any case; `FIELD_INVALID`."""
    wanted = name.upper().replace("-", "_")
    known = {EventType.Name(kind).removeprefix(_PREFIX): kind for kind in EVENT_TYPES}
    if wanted not in known:
        raise OperatorError(
            ErrorReason.ERROR_REASON_FIELD_INVALID,
            texts.NO_EVENT_TYPE,
            texts.NO_EVENT_TYPE_FIX,
            known=", ".join(known),
        )
    return known[wanted]


def _about(event: Event) -> str:
    parts = (_short(event.party), event.resource, event.application_id, event.grant_id)
    return " ".join(part for part in parts if part)


def _short(urn: str) -> str:
    """A party's URN without what all of them begin with."""
    return urn.removeprefix("urn:stayput:")
