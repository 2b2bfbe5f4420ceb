"""Who finds what in the log. Each search by an auditor is itself an event."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, Literal

from google.protobuf.timestamp_pb2 import Timestamp

from comparator.domain import fields
from comparator.domain.policy import Call
from comparator.store.database import Store
from comparator.store.events import About
from comparator.store.models import Role
from comparator.store.search import Wanted
from stayput.errors import field_invalid
from stayput.grants import GRANT_ID
from stayput.identity import CODE, Kind
from stayput.v1.log_pb2 import EntryKind, EventType, SearchLogRequest, SearchLogResponse

_LARGEST_NUMBER: Final = 2**63 - 1
# As in a request for a ticket.
_LONGEST_TEXT: Final = 100
_OVERSEERS: Final = frozenset({Role.AUDITOR, Role.OPERATOR})
_NO_FILTER: Final = ("page_size", "page_token")


def search(call: Call, request: SearchLogRequest) -> tuple[SearchLogResponse, Callable[[Call], None] | None]:
    """A page of the entries that the caller may see, newest first, and what has to be written of the search.

    Only an auditor's search is an event, which names the filters and none of their values. It must be durable
    before the auditor has the page. Raises `FIELD_INVALID`.
    """
    asked = _wanted(request)
    visible = _visible(call, asked)
    found = SearchLogResponse() if visible is None else _page(call.store, visible, request.page_size)
    return found, partial(_record, filters=_filters(request)) if Role.AUDITOR in call.roles else None


def _record(call: Call, filters: str) -> None:
    kind = EventType.EVENT_TYPE_LOG_SEARCHED
    call.store.events.add(kind, call.party.urn, call.now, About(), filters)


def search_all(store: Store, request: SearchLogRequest) -> SearchLogResponse:
    """The same over all entries, for the operator at the store itself; `FIELD_INVALID`."""
    return _page(store, _wanted(request), request.page_size)


def _page(store: Store, wanted: Wanted, page_size: int) -> SearchLogResponse:
    size = fields.page_size(page_size)
    found = store.search.page(wanted, size + 1)
    shown = found[:size]
    token = str(shown[-1].index) if len(found) > size else ""
    return SearchLogResponse(records=shown, next_page_token=token)


def _visible(call: Call, asked: Wanted) -> Wanted | None:
    """What of that the caller may see; None for nothing."""
    if call.roles & _OVERSEERS:
        return asked
    department = call.department.id
    if call.party.kind is Kind.NODE:
        seen = replace(asked, provider=department, only_node=call.party.id)
        return seen if asked.provider in {None, department} else None
    return replace(asked, consumer=department) if asked.consumer in {None, department} else None


def _wanted(request: SearchLogRequest) -> Wanted:
    fields.page_size(request.page_size)
    fields.some_of("event_types", request.event_types, EventType)
    fields.distinct("event_types", request.event_types)
    if request.kind:
        fields.choice("kind", request.kind, EntryKind)
    kinds = tuple(request.event_types)
    if request.kind == EntryKind.ENTRY_KIND_EVENT and not kinds:
        kinds = tuple(value for value in EventType.values() if value)
    since, until = _time(request, "from_time"), _time(request, "until_time")
    if since is not None and until is not None and since >= until:
        raise field_invalid("until_time", "must be after from_time", "give a later time, or leave one out")
    return Wanted(
        before=fields.page_number(request.page_token),
        since=since,
        until=until,
        consumer=_code("consumer", request.consumer),
        provider=_code("provider", request.provider),
        resource=_code("resource", request.resource),
        grant_id=_grant(request.grant_id),
        operator=fields.text("operator", request.operator, least=0, most=_LONGEST_TEXT) or None,
        case_number=fields.text("case_number", request.case_number, least=0, most=_LONGEST_TEXT) or None,
        kinds=kinds,
        receipts=request.kind == EntryKind.ENTRY_KIND_RECEIPT,
        least_records=fields.number("least_records", request.least_records, 0, _LARGEST_NUMBER),
    )


def _time(request: SearchLogRequest, field: Literal["from_time", "until_time"]) -> datetime | None:
    if not request.HasField(field):
        return None
    stamp: Timestamp = getattr(request, field)
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise field_invalid(field, "is not a time between the years 1 and 9999") from None


def _code(field: str, value: str) -> str | None:
    if value and not CODE.fullmatch(value):
        raise field_invalid(
            field, "must be a code of lower-case letters, digits and hyphens", "list the resources for codes"
        )
    return value or None


def _grant(grant_id: str) -> str | None:
    if grant_id and not GRANT_ID.fullmatch(grant_id):
        raise field_invalid(
            "grant_id", "must be G- and 26 letters and digits", "list the grants for their ids"
        )
    return grant_id or None


def _filters(request: SearchLogRequest) -> str:
    """The filters that were used, by name."""
    names = [descriptor.name for descriptor, _ in request.ListFields() if descriptor.name not in _NO_FILTER]
    return ", ".join(names) or "no filter"
