"""The receipt of a session that was interrupted, made of what was journaled of it.

The platform refuses a receipt that contradicts itself, and with it every later one of the node. So what a
draft says that cannot be is not signed: it is taken back to what is certain.
"""

from hashlib import sha256
from typing import Final

import structlog

from provider_node.domain.receipt_log import is_time
from stayput import leakage, limits
from stayput.evidence.delivery import LARGEST_PAYLOAD, malformed_names
from stayput.evidence.receipt import contradictions
from stayput.tickets import kept_texts
from stayput.v1.access_pb2 import Limits
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.log_pb2 import Receipt, SessionEnd

LONGEST_NAME: Final = 100
"""Characters of what names a generation, a profile, a suite or a key epoch."""
NAMES: Final = ("generation", "profile", "suite", "oblivious_suite", "key_epoch")
ENDING: Final = ("request", "request_commitment", "response_commitment", "finished_at", "end")
"""Fields of a receipt that a session has at its end only."""
UNKNOWN: Final = "unknown"
"""What a receipt says for a name that its draft should have, and has not."""
_SESSION_ID_BYTES: Final = 16
_FIGURES: Final = ("records", "elements", "repeated_elements", "distinct_records")
_MOST: Final = limits.RANGES["records_per_session"].most

_log = structlog.get_logger(__name__)


def interrupted(draft: Receipt, grant_limits: Limits) -> Receipt:
    """The receipt but for what the chain adds and for `finished_at`; that of a sound draft says all it says.

    `grant_limits` are complete, and are taken where the draft says of them what cannot be.
    """
    receipt = Receipt()
    receipt.CopyFrom(draft)
    receipt.DiscardUnknownFields()
    for name in ENDING:
        receipt.ClearField(name)
    receipt.end = SessionEnd.SESSION_END_NODE_CRASHED
    if wrong := malformed(receipt):
        _log.error("journaled draft of a receipt is malformed and was made good", fields=wrong)
        _make_good(receipt, grant_limits)
    return receipt


def malformed(draft: Receipt) -> list[str]:
    """Names of the fields that are missing, contradict the others or are not what such a field can be.

    What the chain adds is not looked at.
    """
    whole = Receipt(sequence=1, previous_hash=bytes(32))
    whole.MergeFrom(draft)
    wrong = [*contradictions(whole), *malformed_names(whole)]
    wrong += [name for name in ("as_of", "started_at") if not is_time(getattr(draft, name))]
    wrong += [name for name in NAMES if len(getattr(draft, name)) > LONGEST_NAME]
    return wrong + (["size"] if whole.ByteSize() > LARGEST_PAYLOAD else [])


def _make_good(receipt: Receipt, grant_limits: Limits) -> None:
    if len(receipt.session_id) != _SESSION_ID_BYTES:
        receipt.session_id = sha256(receipt.session_id).digest()[:_SESSION_ID_BYTES]
    for name in ("as_of", "started_at"):
        if not is_time(getattr(receipt, name)):
            receipt.ClearField(name)
    for name in NAMES:
        if len(getattr(receipt, name)) > LONGEST_NAME:
            setattr(receipt, name, UNKNOWN)
    texts = kept_texts(receipt.ticket_id, receipt.operator, receipt.purpose, receipt.case_number)
    for name in [name for name, good in texts if not good]:
        setattr(receipt, name, UNKNOWN)
    for name in _FIGURES:
        setattr(receipt, name, min(max(0, getattr(receipt, name)), _MOST))
    receipt.leakage = leakage.IDS.get((receipt.mode, receipt.granularity), "")
    if receipt.mode == Mode.MODE_OBLIVIOUS:
        _only_elements(receipt)
    else:
        _only_records(receipt, grant_limits)


def _only_elements(receipt: Receipt) -> None:
    for name in ("tallies", "outcome_bytes", "distinct_records", "count_minimum", "noise_epsilon_milli"):
        receipt.ClearField(name)
    receipt.oblivious_suite = receipt.oblivious_suite or UNKNOWN
    receipt.key_epoch = receipt.key_epoch or UNKNOWN
    if receipt.HasField("fetch"):
        fetch = receipt.fetch
        receipt.elements = 0
        fetch.fingerprints, fetch.held_elements = max(0, fetch.fingerprints), max(0, fetch.held_elements)
        fetch.charged_elements = fetch.held_elements if fetch.charged_elements > 0 else 0
    receipt.records = min(receipt.records, receipt.elements)
    receipt.repeated_elements = min(receipt.repeated_elements, receipt.elements)


def _only_records(receipt: Receipt, grant_limits: Limits) -> None:
    for name in ("elements", "repeated_elements", "key_epoch", "oblivious_suite", "fetch"):
        receipt.ClearField(name)
    if receipt.granularity == Granularity.GRANULARITY_COUNT:
        receipt.ClearField("tallies")
        receipt.ClearField("outcome_bytes")
        receipt.distinct_records = min(receipt.distinct_records, receipt.records)
        for limit in ("count_minimum", "noise_epsilon_milli"):
            if not limits.RANGES[limit].permits(getattr(receipt, limit)):
                setattr(receipt, limit, getattr(grant_limits, limit))
        return
    for total in ("distinct_records", "count_minimum", "noise_epsilon_milli"):
        receipt.ClearField(total)
    receipt.outcome_bytes = receipt.records * (1 + len(receipt.checks))
    if "tallies" in contradictions(receipt):
        receipt.ClearField("tallies")
