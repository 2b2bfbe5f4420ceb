"""What a replica says that guards see, and names of lists: bounded by what is charged."""

from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.domain.answering import CHUNK_RECORDS
from provider_node.domain.breaker import Climb
from provider_node.domain.costs import CountedList, Entry, EvaluatedChunk, Records
from provider_node.domain.guards import Observation
from provider_node.domain.replicas import messages
from provider_node.domain.replicas.observations import check_observed
from provider_node.domain.sequence import Asked
from provider_node.store.state import State
from stayput.limits import complete
from stayput.v1.access_pb2 import Limits
from stayput.v1.log_pb2 import Receipt
from stayput.v1.replica_pb2 import AccountRequest, ChargeAnswer, NameParcel, Observed
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.counting import asking, count, count_grant, counting
from tests.provider_node.serving.dishonest import Dishonest, charge, observed
from tests.provider_node.serving.node import NOW, Clock, Material, grant
from tests.provider_node.serving.replicated import ReplicatedNode

GUARDED = Limits(miss_permille=100, miss_sample=20, sequence_run=0, attempts_per_subject=0)
Change = Callable[[Observed], object]


# What guards see.


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 999))
def test_whatever_an_honest_replica_says_is_believed(found: list[bool], permille: int) -> None:
    ranks = np.arange(sum(found), dtype=np.uint32)
    seen = Observation(Climb.over(np.array(found, np.bool_), permille), Asked(ranks))
    limits = complete(Limits(miss_permille=permille), GUARDED)
    for cost in (Records(len(found)), CountedList(len(found), np.empty(0, np.uint64))):
        check_observed(Entry(cost, NOW, seen), limits)
        check_observed(Entry(cost, NOW), limits)


def test_guards_see_nothing_of_elements() -> None:
    seen = Observation(Climb(0, 0, 0, 0), Asked(np.empty(0, np.uint32)))
    with refused("PROTOCOL_VIOLATION", "charge.observed"):
        check_observed(Entry(EvaluatedChunk(bytes(16), 5), NOW, seen), GUARDED)


@pytest.fixture
async def node(material: Material, state: State, clock: Clock) -> AsyncIterator[ReplicatedNode]:
    made = ReplicatedNode(material, state, clock)
    await made.give(grant(guards=GUARDED))
    async with made.listening():
        yield made


LIES: dict[str, Change] = {
    "a reservoir": lambda seen: setattr(seen, "climb_total", -301),
    "another reservoir": lambda seen: setattr(seen, "climb_end", -1),
    "a fall in spite of misses": lambda seen: setattr(seen, "climb_end", seen.climb_total - 1),
    "more than misses add": lambda seen: setattr(seen, "climb_peak", 2_701),
    "what no number holds": lambda seen: setattr(seen, "climb_total", 2**63 - 1),
    "an end above its peak": lambda seen: setattr(seen, "climb_end", seen.climb_peak + 1),
    "more on the way than its peak": lambda seen: setattr(seen, "climb_highest", seen.climb_peak + 1),
    "more found than asked": lambda seen: setattr(seen, "ranks", bytes(16)),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_three_records_cannot_show_is_refused(replica: Dishonest, lie: str) -> None:
    draft, seen = await replica.begun(), Observed(climb_total=1_700, climb_highest=1_800)
    seen.climb_end = seen.climb_peak = 1_800
    assert (await replica.says(AccountRequest(charge=charge(draft, 3, observed=seen)))).HasField("done")
    draft = replica.node.state.open_sessions()[0]
    LIES[lie](seen)
    error = await replica.refused(AccountRequest(charge=charge(draft, 3, observed=seen)))
    assert (error.reason_name, error.field) == ("PROTOCOL_VIOLATION", "charge.observed")


async def test_no_lie_makes_a_reservoir_of_misses(replica: Dishonest) -> None:
    draft = await replica.begun()
    found = Observed(climb_total=-100, climb_highest=-100)
    for _ in range(3):
        draft = (await replica.says(AccountRequest(charge=charge(draft, observed=found)))).done.draft
    missed = observed(20, permille=100)
    stopped = (await replica.says(AccountRequest(charge=charge(draft, 20, observed=missed)))).stopped
    error = messages.failure_received(stopped)
    assert (error.reason_name, error.details["cause"]) == ("GRANT_NOT_ACTIVE", "MISS_RATIO")


# Names of lists.


@pytest.fixture(scope="module")
def counting_material(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Material:
    return counting(material, tmp_path_factory.mktemp("counting"))


@pytest.fixture
async def counted(counting_material: Material, state: State, clock: Clock) -> AsyncIterator[ReplicatedNode]:
    made = ReplicatedNode(counting_material, state, clock)
    await made.give(count_grant(Limits(records_per_session=100)))
    async with made.listening():
        yield made


async def test_a_list_longer_than_a_session_may_be_is_told_so(counted: ReplicatedNode) -> None:
    people = [register.person(number) for number in range(101)]
    async with counted.called_by() as (consumer, _):
        with refused("QUOTA_EXCEEDED", "records_per_session"):
            await count(counted, consumer, people)


@pytest.fixture
async def counter(counted: ReplicatedNode) -> AsyncIterator[Dishonest]:
    made = Dishonest(counted, asking(counted).open)
    yield made
    made.call.cancel()


def told(draft: Receipt, names: int) -> ChargeAnswer:
    """The totals of a list of so many names, of which this last chunk has them all."""
    made = ChargeAnswer(draft=draft, counted_records=names, final=True)
    made.begun_at.CopyFrom(draft.started_at)
    made.draft.records = made.draft.distinct_records = names
    return made


@pytest.mark.parametrize(("names", "refusal"), [(CHUNK_RECORDS, ""), (CHUNK_RECORDS + 1, "parcel.names")])
async def test_names_are_no_more_than_were_charged_and_a_chunk_has(
    counter: Dishonest, names: int, refusal: str
) -> None:
    draft = await counter.admitted()
    draft.count_minimum = 10
    draft = await counter.begun(draft)
    for size in (CHUNK_RECORDS, names - CHUNK_RECORDS):
        await counter.call.write(AccountRequest(parcel=NameParcel(names=bytes(8 * size))))
    error = await counter.refused(AccountRequest(charge=told(draft, names)))
    assert error.field == (refusal or "draft.end")


async def test_names_before_a_session_is_begun_are_no_more(counter: Dishonest) -> None:
    draft = await counter.admitted()
    draft.count_minimum = 10
    for _ in range(2):
        await counter.call.write(AccountRequest(parcel=NameParcel(names=bytes(8 * CHUNK_RECORDS))))
    draft = await counter.begun(draft)
    assert (await counter.refused(AccountRequest(charge=told(draft, 10)))).field == "parcel.names"
