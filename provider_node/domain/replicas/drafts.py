"""What a replica says of a session's receipt, beside what the node knows of the session.

A draft is kept only if the node could make a receipt of it as it stands, and a receipt is signed only if the
platform takes it: one that it refused would keep all later ones of the node from it.
"""

from datetime import datetime
from typing import Final

from provider_node.domain.costs import Cost, CountedList, EvaluatedChunk, FetchedFingerprints, Records
from provider_node.domain.interrupted import ENDING, malformed
from provider_node.domain.replicas.violations import violation
from stayput.errors import StayputError
from stayput.evidence import check_statement
from stayput.leakage import IDS
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import FingerprintFetch, Receipt, SessionEnd

_GROWING: Final = ("records", "elements", "distinct_records", "outcome_bytes", "tallies", "fetch")
"""What an answer may add to, before the end."""
_CHAINED: Final = ("sequence", "previous_hash")
_OF_ITS_OWN: Final = ("session_id", "generation", "as_of", "started_at", "repeated_elements")
_ADMITTED: Final = tuple(
    name
    for name in Receipt.DESCRIPTOR.fields_by_name
    if name not in {*_GROWING, *ENDING, *_CHAINED, *_OF_ITS_OWN}
)
"""All else, empty or not, follows from what was asked for and admitted."""
_CUT: Final = (SessionEnd.SESSION_END_CUT_BY_CONSUMER, SessionEnd.SESSION_END_CUT_BY_NODE)
_COMPLETE: Final = SessionEnd.SESSION_END_COMPLETE
_CRASHED: Final = SessionEnd.SESSION_END_NODE_CRASHED


def check_asked(asked: SessionOpen) -> None:
    """Passes for what a replica may ask admission for: it refuses everything else itself."""
    if (asked.mode, asked.granularity) not in IDS:
        raise violation("admit.open", "asks for no mode or granularity that there is")
    if len(set(asked.checks)) != len(asked.checks):
        raise violation("admit.open", "names a check twice")


def begun(said: Receipt, admitted: Receipt, now: datetime) -> Receipt:
    """The draft that a session begins with, which says that nothing was answered; it begins now.

    `admitted` is as `admitted_draft` has it.
    """
    for name in _ADMITTED:
        if getattr(said, name) != getattr(admitted, name):
            raise violation(f"draft.{name}", "is not that of the session admitted")
    draft = _without(said, *ENDING, *_CHAINED)
    for name in (*_GROWING, "repeated_elements"):
        if getattr(draft, name) and not (name == "fetch" and draft.fetch == FingerprintFetch()):
            raise violation(f"draft.{name}", "says what was answered before anything was")
    draft.started_at.FromDatetime(now)
    _check_can_be_left(draft)
    return draft


def answered(before: Receipt, said: Receipt, cost: Cost) -> Receipt:
    """The draft with an answer that is not the final one and costs so much."""
    draft = _without(said, *ENDING)
    _check_same(before, draft)
    _check_grown(before, draft, cost, final=False)
    _check_can_be_left(draft)
    return draft


def finished(before: Receipt, said: Receipt, cost: Cost, now: datetime) -> Receipt:
    """The receipt with the final answer; `check_receipt` it as soon as the statement in it is verified."""
    receipt = _ended(said, now)
    _check_same(before, receipt)
    _check_grown(before, receipt, cost, final=True)
    if receipt.end != _COMPLETE:
        raise violation("draft.end", "is not that of a session that had its final answer")
    return receipt


def cut(before: Receipt, said: Receipt, now: datetime, *, fetched: bool) -> Receipt:
    """The receipt of a session that ends without an answer, to be checked as that of `finished`.

    It says what was answered before; of a fetch that was charged (`fetched`) how much was sent.
    """
    receipt = _ended(said, now)
    _check_same(before, receipt)
    if _without(receipt, *ENDING, "fetch") != _without(before, "fetch"):
        raise violation("draft", "says that more was answered than was charged")
    sent, held = receipt.fetch, before.fetch
    if (sent.held_elements, sent.charged_elements) != (held.held_elements, held.charged_elements):
        raise violation("draft.fetch", "is not charged as the node said")
    complete_fetch = fetched and sent.fingerprints == held.fingerprints
    if sent.fingerprints > held.fingerprints or not (
        receipt.end in _CUT or (receipt.end == _COMPLETE and complete_fetch)
    ):
        raise violation("draft.end", "is not how a session ends without an answer")
    return receipt


def check_receipt(receipt: Receipt) -> None:
    """Passes if the platform will take it; but for what the chain adds, and for the signature in it."""
    _check_form(receipt)
    try:
        check_statement(receipt)
    except StayputError:
        raise violation("draft.request", "is there in a session that was cut, or says another one") from None


def _ended(said: Receipt, now: datetime) -> Receipt:
    receipt = _without(said, *_CHAINED)
    receipt.finished_at.FromDatetime(now)
    return receipt


def _check_same(before: Receipt, said: Receipt) -> None:
    changing = (*_GROWING, *ENDING)
    same = _without(said, *changing) == _without(before, *changing)
    if not same or said.HasField("fetch") != before.HasField("fetch"):
        raise violation("draft", "is not of the session that was begun")


def _check_grown(before: Receipt, said: Receipt, cost: Cost, *, final: bool) -> None:
    if not _is_cost_of(before, cost, final=final):
        raise violation("charge.cost", "is not what an answer of this session costs")
    more = {name: getattr(said, name) - getattr(before, name) for name in ("records", "elements")}
    match cost:
        case Records(records) | CountedList(records):
            _check_equal("records", more["records"], records)
            if not 0 <= said.distinct_records - before.distinct_records <= records:
                raise violation("draft.distinct_records", "grow by more than the records")
        case EvaluatedChunk(_, elements):
            _check_equal("elements", more["elements"], elements)
            if not 0 <= more["records"] <= elements:
                raise violation("draft.records", "grow by more than the elements")
        case FetchedFingerprints():
            _check_equal("records", more["records"], 0)
            if (said.fetch.held_elements, said.fetch.charged_elements) != (0, 0):
                raise violation("draft.fetch", "says what the node has to say")
    if isinstance(cost, CountedList):
        _check_equal("distinct_records", said.distinct_records, len(cost.names))


def _is_cost_of(before: Receipt, cost: Cost, *, final: bool) -> bool:
    """Whether an answer of this kind is charged so; a fetch of fingerprints only once."""
    if before.mode == Mode.MODE_OBLIVIOUS:
        if before.HasField("fetch"):
            return isinstance(cost, FetchedFingerprints) and not final
        return isinstance(cost, EvaluatedChunk)
    totals = before.granularity == Granularity.GRANULARITY_COUNT and final
    return isinstance(cost, CountedList if totals else Records)


def _check_equal(field: str, grown: int, charged: int) -> None:
    if grown != charged:
        raise violation(f"draft.{field}", "do not grow by what is charged")


def _check_can_be_left(draft: Receipt) -> None:
    """Passes if the node could make a receipt of the draft, if its replica were gone now."""
    left = _without(draft)
    left.end = _CRASHED
    _check_form(left)


def _check_form(receipt: Receipt) -> None:
    for name in malformed(receipt):
        raise violation(f"draft.{name}", "is missing or contradicts the rest")


def _without(said: Receipt, *names: str) -> Receipt:
    """A copy without these fields, and without any that nobody knows."""
    receipt = Receipt()
    receipt.CopyFrom(said)
    receipt.DiscardUnknownFields()
    for name in names:
        receipt.ClearField(name)  # type: ignore[arg-type]  # names of its fields
    return receipt
