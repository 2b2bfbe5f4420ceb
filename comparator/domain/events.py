"""The list of events, for auditors and operators."""

from comparator.domain import fields
from comparator.domain.applications import application_number
from comparator.domain.policy import Call
from comparator.store.events import About
from stayput.errors import StayputError, field_invalid
from stayput.grants import GRANT_ID
from stayput.v1.log_pb2 import Event, EventType, ListEventsRequest


def page(call: Call, asked: ListEventsRequest) -> tuple[list[Event], str]:
    """A page of events, newest first, and the token of the next page (or none); `FIELD_INVALID`."""
    wanted = fields.page_size(asked.page_size)
    if asked.types:
        fields.choices("types", asked.types, EventType)
    about = About(application=_application(asked.application_id), grant_id=_grant(asked.grant_id))
    found = call.store.events.page(fields.page_number(asked.page_token), wanted + 1, about, asked.types)
    shown = found[:wanted]
    return shown, str(shown[-1].number) if len(found) > wanted else ""


def _application(application_id: str) -> int | None:
    if not application_id:
        return None
    try:
        return application_number(application_id)
    except StayputError:
        raise field_invalid(
            "application_id", "must be A- and a number", "list the applications for their ids"
        ) from None


def _grant(grant_id: str) -> str | None:
    if grant_id and not GRANT_ID.fullmatch(grant_id):
        raise field_invalid(
            "grant_id", "must be G- and 26 letters and digits", "list the grants for their ids"
        )
    return grant_id or None
