"""The catalogue: what an entry must hold, who may publish it, how it is found, when its data are stale."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from comparator.domain import fields
from comparator.domain.policy import Call
from comparator.store.catalogue import Search, folded
from comparator.store.events import About
from stayput.contract import SALT_BYTES, SUITE, check_contract
from stayput.errors import StayputError, field_invalid
from stayput.identity import CODE, Kind, Party, checked_code
from stayput.normalise import PROFILE
from stayput.v1.catalogue_pb2 import Category, ListResourcesRequest, Resource, Sharing, UpdateFrequency
from stayput.v1.contract_pb2 import Contract, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EventType

_LONGEST_TITLE = 200
_LONGEST_CONDITIONS = 2_000
_LONGEST_GENERATION = 100
_LONGEST_QUERY = 200
# Time zones and clocks apart, data cannot be of the future; and a date far ahead would never grow stale.
_AHEAD = timedelta(days=1)
# How old data of each frequency may be. "Several times a day" is taken as at least twice.
_ALLOWANCE: Mapping[int, timedelta] = {
    UpdateFrequency.UPDATE_FREQUENCY_REALTIME: timedelta(hours=12),
    UpdateFrequency.UPDATE_FREQUENCY_DAILY: timedelta(days=1),
    UpdateFrequency.UPDATE_FREQUENCY_WEEKLY: timedelta(days=7),
    UpdateFrequency.UPDATE_FREQUENCY_MONTHLY: timedelta(days=31),
    UpdateFrequency.UPDATE_FREQUENCY_QUARTERLY: timedelta(days=92),
    UpdateFrequency.UPDATE_FREQUENCY_YEARLY: timedelta(days=366),
}


def publish(call: Call, entry: Resource) -> Resource:
    """Stores a node's entry, over its earlier one; `FIELD_INVALID` or `RESOURCE_TAKEN`."""
    checked(entry, call.now)
    before = call.store.catalogue.get(entry.code)
    if before is not None and before.provider != call.department.id:
        raise StayputError(
            ErrorReason.ERROR_REASON_RESOURCE_TAKEN,
            "code: published by another provider already",
            field="code",
            remedy="choose another code",
        )
    call.store.catalogue.put(_own(entry), call.department, call.party, call.now)
    after = get(call, entry.code)
    _record(call, before, after)
    return after


def _record(call: Call, before: Resource | None, after: Resource) -> None:
    """Stores an event, if something has changed by the call."""
    names = [field.name for field in Resource.DESCRIPTOR.fields if field.name != "stale"]
    changed = [name for name in names if before and getattr(before, name) != getattr(after, name)]
    if before is not None and not changed:
        return
    call.store.events.add(
        EventType.EVENT_TYPE_RESOURCE_PUBLISHED,
        call.party.urn,
        call.now,
        About(resource=after.code),
        f"changed: {', '.join(changed)}" if changed else "new",
    )


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
    allowance = _ALLOWANCE.get(resource.update_frequency)
    if allowance is not None and resource.HasField("as_of"):
        resource.stale = now - resource.as_of.ToDatetime(UTC) > allowance
    return resource


def checked(entry: Resource, now: datetime) -> Resource:
    """The entry, if everything that the node has to fill in is well-formed; else `FIELD_INVALID`."""
    checked_code(entry.code, "code")
    fields.text("title", entry.title, most=_LONGEST_TITLE)
    fields.text("title_en", entry.title_en, least=0, most=_LONGEST_TITLE)
    fields.text("conditions", entry.conditions, least=0, most=_LONGEST_CONDITIONS)
    fields.text("legal_basis", entry.legal_basis, least=0, most=_LONGEST_CONDITIONS)
    fields.dialled_address("address", entry.address)
    fields.choice("category", entry.category, Category)
    fields.choice("sharing", entry.sharing, Sharing)
    fields.choice("update_frequency", entry.update_frequency, UpdateFrequency)
    fields.choices("modes", entry.modes, Mode)
    # Fields, keys and checks are those of a contract; the salt is the generation's and not part of the entry.
    check_contract(
        Contract(
            resource=entry.code,
            profile=PROFILE,
            suite=SUITE,
            salt=bytes(SALT_BYTES),
            fields=entry.fields,
            keys=entry.keys,
            checks=entry.checks,
        )
    )
    _check_generation(entry, now)
    return entry


def _check_generation(entry: Resource, now: datetime) -> None:
    if bool(entry.generation) != entry.HasField("as_of"):
        raise field_invalid("as_of", "must be set with the generation, and only with it")
    fields.text("generation", entry.generation, least=0, most=_LONGEST_GENERATION)
    if entry.HasField("as_of"):
        try:
            as_of = entry.as_of.ToDatetime(UTC)
        except (ValueError, OverflowError):
            raise field_invalid("as_of", "is no time") from None
        if as_of > now + _AHEAD:
            raise field_invalid(
                "as_of", "must not be in the future", "correct the clock or the declared time"
            )


def _own(entry: Resource) -> Resource:
    """A copy without what the comparator fills in."""
    own = Resource()
    own.CopyFrom(entry)
    for field in ("provider", "node_id", "signing_key", "stale"):
        own.ClearField(field)
    return own
