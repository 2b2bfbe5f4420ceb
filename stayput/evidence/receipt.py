"""Whether a receipt, and the consumer's statement in it, contradict themselves or each other."""

from collections.abc import Iterator
from typing import Final

from google.protobuf.message import DecodeError

from stayput import leakage, limits, requests, signing
from stayput.errors import StayputError
from stayput.evidence.failures import Part, evidence_invalid
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.contract_pb2 import Granularity, Mode, OutcomeCode
from stayput.v1.log_pb2 import Receipt, SessionEnd

_SESSION_ID_BYTES: Final = 16
_HASH_BYTES: Final = 32
LARGEST_COUNT: Final = 2**53
"""Noise included: what any program can add up, and far more than there are people."""


def check_receipt(receipt: Receipt) -> None:
    """Passes if the receipt is complete and its figures agree; else `EVIDENCE_INVALID`: RECEIPT."""
    for field in contradictions(receipt):
        raise evidence_invalid(Part.RECEIPT, f"{field} is missing or contradicts the rest")


def contradictions(receipt: Receipt) -> Iterator[str]:
    """What `check_receipt` finds wrong: names of fields that are missing or contradict the rest."""
    return (field for field, good in _well_formed(receipt) if not good)


def _well_formed(receipt: Receipt) -> Iterator[tuple[str, bool]]:
    crashed = receipt.end == SessionEnd.SESSION_END_NODE_CRASHED
    commitments = {len(receipt.request_commitment), len(receipt.response_commitment)}
    yield "session_id", len(receipt.session_id) == _SESSION_ID_BYTES
    yield "sequence", receipt.sequence >= 1
    yield "previous_hash", len(receipt.previous_hash) == _HASH_BYTES
    yield "end", receipt.end != 0 and receipt.end in SessionEnd.values()
    yield "mode", receipt.mode != 0 and receipt.mode in Mode.values()
    yield "granularity", receipt.granularity != 0 and receipt.granularity in Granularity.values()
    yield "records", receipt.records >= 0
    yield "commitments", commitments == {0 if crashed else _HASH_BYTES}
    yield "leakage", receipt.leakage == leakage.IDS.get((receipt.mode, receipt.granularity))
    yield from _oblivious(receipt) if receipt.mode == Mode.MODE_OBLIVIOUS else _keyed(receipt)


def _keyed(receipt: Receipt) -> Iterator[tuple[str, bool]]:
    yield "elements", not receipt.elements and not receipt.repeated_elements
    yield "key_epoch", not receipt.key_epoch and not receipt.oblivious_suite
    yield "fetch", not receipt.HasField("fetch")
    if receipt.granularity == Granularity.GRANULARITY_COUNT:
        yield from _totals(receipt)
        return
    parts = 1 + len(receipt.checks)
    crashed = receipt.end == SessionEnd.SESSION_END_NODE_CRASHED
    yield "distinct_records", not receipt.distinct_records and not receipt.count_minimum
    yield "noise_epsilon_milli", not receipt.noise_epsilon_milli
    yield "outcome_bytes", receipt.outcome_bytes == receipt.records * parts
    yield "tallies", _tallies_agree(receipt, parts) or (crashed and not receipt.tallies)


def _totals(receipt: Receipt) -> Iterator[tuple[str, bool]]:
    """Granularity COUNT: nothing is told before the end, and then nothing below the minimum."""
    complete = receipt.end == SessionEnd.SESSION_END_COMPLETE
    counts = [count for tally in receipt.tallies for count in tally.counts]
    known = all(count.outcome in OutcomeCode.values() for count in counts)
    yield "outcome_bytes", not receipt.outcome_bytes
    yield "count_minimum", limits.RANGES["count_minimum"].permits(receipt.count_minimum)
    yield "noise_epsilon_milli", limits.RANGES["noise_epsilon_milli"].permits(receipt.noise_epsilon_milli)
    yield "distinct_records", 0 <= receipt.distinct_records <= receipt.records
    yield "tallies", len(receipt.tallies) == (1 + len(receipt.checks) if complete else 0)
    yield (
        "tallies",
        known
        and _each_once(receipt)
        and all(receipt.count_minimum <= count.count <= LARGEST_COUNT for count in counts),
    )


def _oblivious(receipt: Receipt) -> Iterator[tuple[str, bool]]:
    yield "tallies", not receipt.tallies and not receipt.outcome_bytes
    yield "distinct_records", not receipt.distinct_records and not receipt.count_minimum
    yield "noise_epsilon_milli", not receipt.noise_epsilon_milli
    yield "oblivious_suite", bool(receipt.oblivious_suite)
    yield "key_epoch", bool(receipt.key_epoch)
    yield "elements", receipt.records <= receipt.elements
    yield "repeated_elements", 0 <= receipt.repeated_elements <= receipt.elements
    if receipt.HasField("fetch"):
        fetch = receipt.fetch
        yield "fetch", receipt.elements == 0 <= fetch.fingerprints
        yield "fetch", fetch.charged_elements in (0, fetch.held_elements) and fetch.held_elements >= 0


def _tallies_agree(receipt: Receipt, parts: int) -> bool:
    if not receipt.tallies and receipt.records == 0:
        return True
    counts = [count for tally in receipt.tallies for count in tally.counts]
    known = all(count.outcome in OutcomeCode.values() and count.count > 0 for count in counts)
    sums = [sum(count.count for count in tally.counts) for tally in receipt.tallies]
    return known and _each_once(receipt) and sums == [receipt.records] * parts


def _each_once(receipt: Receipt) -> bool:
    """Whether no tally counts an outcome twice."""
    return all(
        len({count.outcome for count in tally.counts}) == len(tally.counts) for tally in receipt.tallies
    )


def check_statement(receipt: Receipt) -> None:
    """Passes if a complete session's receipt, and no other, keeps a statement, and that agrees with it.

    The consumer's signature is not verified here. Raises `EVIDENCE_INVALID`: STATEMENT.
    """
    complete = receipt.end == SessionEnd.SESSION_END_COMPLETE
    if receipt.HasField("request") != complete:
        raise evidence_invalid(Part.STATEMENT, "must be there if the session was complete, and only then")
    if not complete:
        return
    if receipt.request.payload_type != signing.PayloadType.REQUEST:
        raise evidence_invalid(Part.STATEMENT, "it is a signed statement of another type")
    try:
        statement = RequestStatement.FromString(receipt.request.payload)
        requests.check_agrees(statement, receipt)
    except DecodeError:
        raise evidence_invalid(Part.STATEMENT, "the payload is no statement about a request") from None
    except StayputError as error:
        raise evidence_invalid(Part.STATEMENT, error.message) from None
    if len(statement.session_key_hash) != _HASH_BYTES:
        raise evidence_invalid(Part.STATEMENT, "session_key_hash is missing or malformed")
