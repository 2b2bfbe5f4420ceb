"""What an entry says of modes, and which events its changes leave."""

from collections.abc import Callable

import pytest

from comparator.domain.publication import checked
from comparator.store.events import About
from stayput import oblivious
from stayput.errors import StayputError
from stayput.leakage import leakages
from stayput.v1.access_pb2 import ApplyRequest
from stayput.v1.catalogue_pb2 import Resource
from stayput.v1.contract_pb2 import Contract, Granularity, Mode, ObliviousOffer, ObliviousSet
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Event, EventType
from tests.comparator import documents
from tests.comparator.platform import Clock, Member, Platform, refused

_RECORD, _COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT


def _oblivious(generation: str = "generation-1", epoch: str = "0123456789abcdef") -> Resource:
    """An entry that offers both modes in both granularities."""
    entry = documents.resource()
    entry.modes.append(Mode.MODE_OBLIVIOUS)
    entry.granularities.extend([_RECORD, _COUNT])
    entry.generation = generation
    entry.as_of.seconds = 1_790_000_000
    contract = Contract(keys=entry.keys, checks=entry.checks)
    entry.oblivious.CopyFrom(
        ObliviousOffer(
            suite=oblivious.SUITE,
            key_epoch=epoch,
            sets=[
                ObliviousSet(
                    key=key, check=check or "", granularity=granularity, public_key=bytes([place]) * 32
                )
                for place, (key, check, granularity) in enumerate(
                    oblivious.places(contract, [_RECORD, _COUNT]), start=1
                )
            ],
        )
    )
    entry.leakages.extend(leakages(entry.modes, entry.granularities))
    return entry


def _events(platform: Platform) -> list[Event]:
    kinds = [
        EventType.EVENT_TYPE_RESOURCE_PUBLISHED,
        EventType.EVENT_TYPE_GENERATION_BUILT,
        EventType.EVENT_TYPE_KEYS_CHANGED,
    ]
    with platform.database.reading() as store:
        return list(reversed(store.events.page(None, None, About(), kinds)))


async def test_generations_and_keys_have_events_of_their_own(platform: Platform, node: Member) -> None:
    for entry in (
        _oblivious(),
        _oblivious(),
        _oblivious("generation-2"),
        _oblivious("generation-2", "fedcba9876543210"),
    ):
        await documents.publish(node, entry)
    told = [(event.type, event.detail) for event in _events(platform)]
    keys = [detail for kind, detail in told if kind == EventType.EVENT_TYPE_KEYS_CHANGED]
    assert told == [
        (EventType.EVENT_TYPE_RESOURCE_PUBLISHED, "new"),
        (EventType.EVENT_TYPE_GENERATION_BUILT, "generation-1"),
        (EventType.EVENT_TYPE_KEYS_CHANGED, keys[0]),
        (EventType.EVENT_TYPE_GENERATION_BUILT, "generation-2"),
        (EventType.EVENT_TYPE_KEYS_CHANGED, keys[1]),
    ]
    assert [detail.split()[:3] for detail in keys] == [
        ["oblivious/1", "epoch", "0123456789abcdef"],
        ["oblivious/1", "epoch", "fedcba9876543210"],
    ]


async def test_another_signing_key_is_an_event(platform: Platform) -> None:
    with platform.database.reading() as store:
        before = len(store.events.page(None, None, About(), [EventType.EVENT_TYPE_KEYS_CHANGED]))
    first = await platform.node("vehicles-1", "traffic-police")
    second = await platform.node("vehicles-1", "traffic-police")
    assert first.keys.signing != second.keys.signing
    with platform.database.reading() as store:
        [event] = store.events.page(None, None, About(), [EventType.EVENT_TYPE_KEYS_CHANGED])
    assert before == 0
    assert event.party == second.party.urn
    assert event.detail.startswith("signing key ")


async def test_a_granularity_that_is_not_offered_takes_no_application(node: Member, consumer: Member) -> None:
    await documents.publish(node)
    asked = documents.application()
    asked.granularity = _COUNT
    with refused("FIELD_INVALID", "granularity"):
        await consumer.access.Apply(ApplyRequest(application=asked))


def _without_generation(entry: Resource) -> None:
    entry.ClearField("generation")
    entry.ClearField("as_of")


_WRONG: list[tuple[str, Callable[[Resource], object]]] = [
    ("granularities", lambda entry: entry.granularities.append(_RECORD)),
    ("granularities", lambda entry: entry.granularities.append(Granularity.GRANULARITY_UNSPECIFIED)),
    ("oblivious", lambda entry: entry.ClearField("oblivious")),
    ("oblivious", lambda entry: entry.modes.remove(Mode.MODE_OBLIVIOUS)),
    ("oblivious", _without_generation),
    ("oblivious.key_epoch", lambda entry: setattr(entry.oblivious, "key_epoch", "0123456789ABCDEF")),
    ("oblivious.sets", lambda entry: entry.oblivious.sets.pop()),
    ("oblivious.sets", lambda entry: entry.oblivious.ClearField("sets")),
    ("oblivious.sets", lambda entry: entry.oblivious.sets.reverse()),
    ("oblivious.sets", lambda entry: entry.granularities.remove(_COUNT)),
    ("oblivious.sets", lambda entry: setattr(entry.oblivious.sets[0], "fingerprints", 7)),
    ("oblivious.sets", lambda entry: setattr(entry.oblivious.sets[0], "sha256", bytes(32))),
    ("oblivious.sets.public_key", lambda entry: setattr(entry.oblivious.sets[0], "public_key", bytes(31))),
    ("leakages", lambda entry: entry.leakages.append(entry.leakages[0])),
    ("leakages.id", lambda entry: setattr(entry.leakages[0], "id", "")),
    ("leakages.mode", lambda entry: setattr(entry.leakages[0], "mode", Mode.MODE_UNSPECIFIED)),
    ("leakages.lines", lambda entry: entry.leakages[0].lines.pop()),
    ("leakages.lines.zh", lambda entry: setattr(entry.leakages[0].lines[0], "zh", "x" * 1_001)),
    ("leakages.lines.en", lambda entry: setattr(entry.leakages[0].lines[0], "en", "")),
]


@pytest.mark.parametrize(("field", "change"), _WRONG)
def test_what_is_wrong_is_named(clock: Clock, field: str, change: Callable[[Resource], object]) -> None:
    assert checked(_oblivious(), clock())
    entry = _oblivious()
    change(entry)
    with pytest.raises(StayputError) as caught:
        checked(entry, clock())
    assert (caught.value.reason, caught.value.field) == (ErrorReason.ERROR_REASON_FIELD_INVALID, field)


def test_a_suite_that_is_not_known_is_refused(clock: Clock) -> None:
    entry = _oblivious()
    entry.oblivious.suite = "oblivious/9"
    with pytest.raises(StayputError) as caught:
        checked(entry, clock())
    assert caught.value.reason == ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED
