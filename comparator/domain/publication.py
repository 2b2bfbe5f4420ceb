"""Publishing a resource: what an entry must hold, who may publish it, and what of it is an event."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from comparator.domain import catalogue, fields
from comparator.domain.policy import Call
from comparator.store.events import About
from stayput import oblivious
from stayput.contract import SALT_BYTES, SUITE, check_contract
from stayput.errors import StayputError, field_invalid
from stayput.identity import checked_code
from stayput.leakage import PARTIES
from stayput.normalise import PROFILE
from stayput.v1.catalogue_pb2 import Category, Resource, Sharing, UpdateFrequency
from stayput.v1.contract_pb2 import Contract, Granularity, Leakage, Mode, ObliviousOffer
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EventType

_LONGEST_TITLE: Final = 200
_LONGEST_CONDITIONS: Final = 2_000
_LONGEST_GENERATION: Final = 100
_LONGEST_LEAKAGE_ID: Final = 100
_LONGEST_LEAKAGE: Final = 1_000
_MOST_REPLICAS: Final = 64
# Time zones and clocks apart, data cannot be of the future; and a date far ahead would never grow stale.
_AHEAD: Final = timedelta(days=1)
_FILLED_IN: Final = ("provider", "node_id", "signing_key", "stale")
_EVENTS_OF_THEIR_OWN: Final = frozenset({"generation", "as_of", "oblivious", "stale"})


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
    after = catalogue.get(call, entry.code)
    _record(call, before, after)
    return after


def _record(call: Call, before: Resource | None, after: Resource) -> None:
    """Stores an event for each sort of thing that the call has changed."""
    names = [one.name for one in Resource.DESCRIPTOR.fields if one.name not in _EVENTS_OF_THEIR_OWN]
    changed = [name for name in names if before and getattr(before, name) != getattr(after, name)]
    if before is None or changed:
        detail = f"changed: {', '.join(changed)}" if changed else "new"
        _note(call, EventType.EVENT_TYPE_RESOURCE_PUBLISHED, after, detail)
    if after.generation and (before is None or before.generation != after.generation):
        _note(call, EventType.EVENT_TYPE_GENERATION_BUILT, after, after.generation)
    keys = _named_keys(after.oblivious)
    if keys and (before is None or _named_keys(before.oblivious) != keys):
        _note(call, EventType.EVENT_TYPE_KEYS_CHANGED, after, keys)


def _named_keys(offer: ObliviousOffer) -> str:
    """The OPRF keys of an offer: suite, epoch, and the SHA-256 of all public keys in their order, in hex."""
    public = hashlib.sha256(b"".join(one.public_key for one in offer.sets)).hexdigest()
    return f"{offer.suite} epoch {offer.key_epoch} sha256 {public}" if offer.sets else ""


def _note(call: Call, kind: EventType.ValueType, resource: Resource, detail: str) -> None:
    call.store.events.add(kind, call.party.urn, call.now, About(resource=resource.code), detail)


def checked(entry: Resource, now: datetime) -> Resource:
    """The entry, if everything that the node has to fill in is well-formed; else `FIELD_INVALID`."""
    checked_code(entry.code, "code")
    fields.text("title", entry.title, most=_LONGEST_TITLE)
    fields.text("title_en", entry.title_en, least=0, most=_LONGEST_TITLE)
    fields.text("conditions", entry.conditions, least=0, most=_LONGEST_CONDITIONS)
    fields.text("legal_basis", entry.legal_basis, least=0, most=_LONGEST_CONDITIONS)
    fields.dialled_address("address", entry.address)
    _check_replicas(entry)
    fields.choice("category", entry.category, Category)
    fields.choice("sharing", entry.sharing, Sharing)
    fields.choice("update_frequency", entry.update_frequency, UpdateFrequency)
    fields.choices("modes", entry.modes, Mode)
    fields.some_of("granularities", entry.granularities, Granularity)
    fields.distinct("granularities", entry.granularities)
    # Fields, keys and checks are those of a contract; the salt is the generation's and not part of the entry.
    contract = check_contract(
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
    _check_oblivious(entry, contract)
    _check_leakages(entry.leakages)
    return entry


def _check_replicas(entry: Resource) -> None:
    if len(entry.replica_addresses) > _MOST_REPLICAS:
        raise field_invalid("replica_addresses", f"must hold {_MOST_REPLICAS} at most")
    known = {entry.address.lower()}
    for number, address in enumerate(entry.replica_addresses):
        field = f"replica_addresses[{number}]"
        fields.dialled_address(field, address)
        if address.lower() in known:
            raise field_invalid(field, "is listed before, or is the node's own address", "name each one once")
        known.add(address.lower())


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


def _check_oblivious(entry: Resource, contract: Contract) -> None:
    offered = Mode.MODE_OBLIVIOUS in entry.modes and bool(entry.generation)
    if entry.HasField("oblivious") != offered:
        raise field_invalid(
            "oblivious", "must be set if oblivious mode is offered and a generation serves, and only then"
        )
    if not offered:
        return
    oblivious.check_offer(entry.oblivious, contract)
    if {one.granularity for one in entry.oblivious.sets} != set(entry.granularities):
        raise field_invalid("oblivious.sets", "must be for all granularities offered, and for no other")
    if any(one.fingerprints or one.sha256 for one in entry.oblivious.sets):
        raise field_invalid("oblivious.sets", "has counts or hashes, which stand in the description alone")


def _check_leakages(leakages: Sequence[Leakage]) -> None:
    fields.distinct("leakages", [(one.mode, one.granularity) for one in leakages])
    for one in leakages:
        fields.text("leakages.id", one.id, most=_LONGEST_LEAKAGE_ID)
        fields.choice("leakages.mode", one.mode, Mode)
        fields.choice("leakages.granularity", one.granularity, Granularity)
        if [line.party for line in one.lines] != list(PARTIES):
            raise field_invalid("leakages.lines", f"must be those of {', '.join(PARTIES)}")
        for line in one.lines:
            fields.text("leakages.lines.zh", line.zh, most=_LONGEST_LEAKAGE)
            fields.text("leakages.lines.en", line.en, most=_LONGEST_LEAKAGE)


def _own(entry: Resource) -> Resource:
    """A copy without what the comparator fills in."""
    own = Resource()
    own.CopyFrom(entry)
    for field in _FILLED_IN:
        own.ClearField(field)
    return own
