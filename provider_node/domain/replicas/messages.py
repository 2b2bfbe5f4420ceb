"""What a node and its replica say about a session's account, to messages and back."""

from datetime import UTC
from typing import Final

import numpy as np
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc import StatusCode

from provider_node.domain.access import Admission, TicketFacts
from provider_node.domain.breaker import Climb
from provider_node.domain.costs import (
    Cost,
    CountedList,
    Entry,
    EvaluatedChunk,
    FetchedFingerprints,
    Records,
)
from provider_node.domain.guards import Observation
from provider_node.domain.receipt_log import is_time
from provider_node.domain.sequence import Asked
from provider_node.store.evaluations import CHUNK_NAME_BYTES
from provider_node.store.sorted_runs import Numbers
from stayput.errors import StayputError, field_invalid
from stayput.rpc.status import from_status, to_status
from stayput.v1 import replica_pb2
from stayput.v1.log_pb2 import Receipt
from stayput.v1.replica_pb2 import AccountFailure, ChargeAnswer, Observed, SessionAdmitted

_NAME: Final = np.dtype("<u8")
_RANK: Final = np.dtype("<u4")


def names_sent(names: Numbers) -> bytes:
    """Names of 64 bits, little-endian."""
    return names.astype(_NAME, copy=False).tobytes()


def names_received(content: bytes, field: str) -> Numbers:
    """The names; `FIELD_INVALID` if they are not whole."""
    return _numbers(content, _NAME, field).astype(np.uint64, copy=False)


def admission_sent(admission: Admission) -> SessionAdmitted:
    """Under which ticket and grant a session may be opened."""
    facts = admission.ticket
    ticket = replica_pb2.TicketFacts(
        id=facts.id,
        operator=facts.operator,
        purpose=facts.purpose,
        case_number=facts.case_number,
        signing_key=facts.signing_key,
    )
    admitted = SessionAdmitted(grant=admission.grant, ticket=ticket)
    admitted.until.FromDatetime(admission.until)
    return admitted


def admission_received(admitted: SessionAdmitted) -> Admission:
    """The same at the other end."""
    told = admitted.ticket
    facts = TicketFacts(told.id, told.operator, told.purpose, told.case_number, told.signing_key)
    return Admission(facts, admitted.grant, admitted.until.ToDatetime(UTC))


def charge_sent(draft: Receipt, entry: Entry, *, final: bool) -> ChargeAnswer:
    """An answer to be charged; the names of a `CountedList` go before it, in parcels."""
    charge = ChargeAnswer(draft=draft, final=final)
    charge.begun_at.FromDatetime(entry.begun_at)
    match entry.cost:
        case Records(records):
            charge.records = records
        case EvaluatedChunk(name, elements):
            charge.evaluated.name, charge.evaluated.elements = name, elements
        case CountedList(records):
            charge.counted_records = records
        case FetchedFingerprints():
            charge.fetched.SetInParent()
    if entry.observed is not None:
        climb, ranks = entry.observed.climb, entry.observed.asked.ranks
        charge.observed.CopyFrom(
            Observed(
                ranks=ranks.astype(_RANK).tobytes(),
                climb_total=climb.total,
                climb_highest=climb.highest,
                climb_end=climb.end,
                climb_peak=climb.peak,
            )
        )
    return charge


def entry_received(charge: ChargeAnswer, names: bytes) -> Entry:
    """The same at the other end, with the names that came before it; `FIELD_INVALID` if it is malformed."""
    observed = None
    if charge.HasField("observed"):
        told = charge.observed
        climb = Climb(told.climb_total, told.climb_highest, told.climb_end, told.climb_peak)
        ranks = _numbers(told.ranks, _RANK, "observed.ranks").astype(np.uint32, copy=False)
        observed = Observation(climb, Asked(ranks))
    cost = _cost(charge, names)
    if not is_time(charge.begun_at):
        raise field_invalid("charge.begun_at", "is no time", "use the same release at node and replica")
    return Entry(cost, charge.begun_at.ToDatetime(UTC), observed)


def _cost(charge: ChargeAnswer, names: bytes) -> Cost:
    match charge.WhichOneof("cost"):
        case "records" if charge.records >= 0:
            return Records(charge.records)
        case "evaluated" if len(charge.evaluated.name) == CHUNK_NAME_BYTES and charge.evaluated.elements >= 0:
            return EvaluatedChunk(charge.evaluated.name, charge.evaluated.elements)
        case "counted_records" if charge.counted_records >= 0:
            return CountedList(charge.counted_records, names_received(names, "parcel.names"))
        case "fetched":
            return FetchedFingerprints()
    raise field_invalid("charge.cost", "is missing or cannot be", "use the same release at node and replica")


def _numbers(content: bytes, kind: np.dtype[np.unsignedinteger], field: str) -> Numbers:
    if len(content) % kind.itemsize:
        raise field_invalid(field, "is not whole", "use the same release at node and replica")
    return np.frombuffer(content, kind)


def failure_sent(error: StayputError) -> AccountFailure:
    """An error as the other end shall raise it."""
    _, status = to_status(error)
    return AccountFailure(status=status.SerializeToString())


def failure_received(failure: AccountFailure) -> StayputError:
    """The same at the other end."""
    try:
        status = status_pb2.Status.FromString(failure.status)
    except DecodeError:
        status = status_pb2.Status(code=StatusCode.INTERNAL.value[0])
    code = next((one for one in StatusCode if one.value[0] == status.code), StatusCode.UNKNOWN)
    return from_status(code, status.message, failure.status)
