"""The catalogue as it is read: how an entry is found, and when its data are stale."""

from datetime import datetime

from comparator.domain import fields
from comparator.domain.policy import Call
from comparator.store.catalogue import Search, folded
from stayput.errors import StayputError
from stayput.freshness import is_stale
from stayput.identity import CODE, Kind, Party, checked_code
from stayput.v1.catalogue_pb2 import Category, ListResourcesRequest, Resource, Sharing
from stayput.v1.contract_pb2 import Mode
from stayput.v1.errors_pb2 import ErrorReason

_LONGEST_QUERY = 200


def get(call: Call, code: str) -> Resource:
    """One entry; `RESOURCE_UNKNOWN`."""
    resource = call.store.catalogue.get(code) if CODE.fullmatch(code) else None
    if resource is None:
        raise StayputError(
            ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN,
            "no resource of this code is in the catalogue",
            field="code",
            remedy="list the resources for their codes",
        )
    return with_staleness(resource, call.now)


def page(call: Call, request: ListResourcesRequest) -> tuple[list[Resource], str]:
    """A page of the entries found by code, and the token of the next page (empty at the end)."""
    wanted = fields.page_size(request.page_size)
    after = fields.page_code(request.page_token)
    found = call.store.catalogue.page(searched(request), after, wanted + 1)
    shown = [with_staleness(resource, call.now) for resource in found[:wanted]]
    return shown, shown[-1].code if len(found) > wanted else ""


def searched(request: ListResourcesRequest) -> Search:
    """What a request searches for; `FIELD_INVALID`."""
    fields.text("query", request.query, least=0, most=_LONGEST_QUERY)
    for field, values, among in (
        ("categories", request.categories, Category),
        ("sharings", request.sharings, Sharing),
        ("modes", request.modes, Mode),
    ):
        fields.some_of(field, values, among)
    return Search(
        words=frozenset(folded(request.query).split()),
        categories=frozenset(request.categories),
        sharings=frozenset(request.sharings),
        provider=Party(Kind.DEPARTMENT, checked_code(request.provider, "provider"))
        if request.provider
        else None,
        modes=frozenset(request.modes),
    )


def with_staleness(resource: Resource, now: datetime) -> Resource:
    """The entry, marked stale if its data are older at `now` than the declared frequency allows."""
    if resource.HasField("as_of"):
        resource.stale = is_stale(resource.update_frequency, resource.as_of, now)
    return resource
