"""The node's chain of receipts beside the platform's log: every difference, and in which direction."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from google.protobuf.message import DecodeError

from provider_node.store.receipt_log import KeptReceipt, ReceiptLog
from stayput.receipts import found, payload_hash
from stayput.v1.log_pb2 import LogRecord, Receipt
from stayput.v1.signing_pb2 import Envelope

_SHOWN: Final = (
    "consumer",
    "provider",
    "resource",
    "grant_id",
    "operator",
    "case_number",
    "records",
    "end",
)
"""What the log shows of a receipt under the receipt's own names."""
_FORGOTTEN: Final = frozenset({"operator", "case_number"})
"""What the log no longer shows of a receipt whose payload it has removed after its retention."""


class DifferenceKind(Enum):
    """How node and platform can differ."""

    # The platform has confirmed it and does not show it.
    MISSING = "missing_at_platform"
    # The platform has not confirmed it: it is on its way. This is no difference yet.
    WAITING = "waiting"
    UNKNOWN = "unknown_to_node"
    CONTENT = "other_content"
    # The receipt is the same, but the log shows a field of it otherwise, so a search does not find it.
    SHOWN = "shown_otherwise"
    # The platform shows it twice, or not in its place.
    ORDER = "out_of_order"
    # The node's own copy cannot be read.
    DAMAGED = "damaged_at_node"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, from receipt `first` to `last`; `field` for one that is shown otherwise."""

    kind: DifferenceKind
    first: int
    last: int
    field: str = ""


@dataclass(slots=True)
class Tally:
    """How many receipts were compared so far, and how many of them agree."""

    node: int = 0
    platform: int = 0
    agree: int = 0


async def differences(
    log: ReceiptLog, platform: Callable[[], AsyncIterator[LogRecord]], node_id: str, tally: Tally
) -> AsyncIterator[Difference]:
    """Every difference, the newest first, what is missing in one piece as one; counts in `tally`.

    `platform` gives what the platform's log shows of this node's receipts, the newest first. It is asked
    before the node's own receipts are read, so that what is made meanwhile is not taken for its invention.
    """
    missing: Difference | None = None
    async for one in _single(log, platform, node_id, tally):
        if missing and missing.kind is one.kind and missing.first == one.last + 1:
            missing = replace(missing, first=one.first)
            continue
        if missing:
            yield missing
            missing = None
        if one.kind in (DifferenceKind.MISSING, DifferenceKind.WAITING):
            missing = one
        else:
            yield one
    if missing:
        yield missing


async def _single(
    log: ReceiptLog, platform: Callable[[], AsyncIterator[LogRecord]], node_id: str, tally: Tally
) -> AsyncIterator[Difference]:
    delivered = log.delivered_through()
    ahead = _Ahead(log, tally)
    below: int | None = None
    async for record in platform():
        tally.platform += 1
        number = record.node_sequence
        if record.node_id != node_id:
            yield Difference(DifferenceKind.UNKNOWN, number, number)
            continue
        if below is not None and number >= below:
            yield Difference(DifferenceKind.ORDER, number, number)
            continue
        below = number
        while (kept := ahead.next()) is not None and kept.number > number:
            yield _missing(kept.number, delivered)
            ahead.step()
        if kept is None or kept.number != number:
            yield Difference(DifferenceKind.UNKNOWN, number, number)
            continue
        ahead.step()
        differing = list(_compared(kept, record))
        tally.agree += not differing
        for one in differing:
            yield one
    while (kept := ahead.next()) is not None:
        yield _missing(kept.number, delivered)
        ahead.step()


class _Ahead:
    """The node's receipts, the newest first, with one looked at ahead; read from the first look on."""

    def __init__(self, log: ReceiptLog, tally: Tally) -> None:
        self._walk = log.walk_back()
        self._tally = tally
        self._next: KeptReceipt | None = None

    def next(self) -> KeptReceipt | None:
        """The next one; None after the first of all."""
        if self._next is None:
            self._next = next(self._walk, None)
            self._tally.node += self._next is not None
        return self._next

    def step(self) -> None:
        """Done with it."""
        self._next = None


def _missing(number: int, delivered: int) -> Difference:
    kind = DifferenceKind.WAITING if number > delivered else DifferenceKind.MISSING
    return Difference(kind, number, number)


def _compared(kept: KeptReceipt, record: LogRecord) -> list[Difference]:
    number = kept.number
    try:
        payload = Envelope.FromString(kept.held).payload
        receipt = Receipt.FromString(payload)
    except DecodeError:
        return [Difference(DifferenceKind.DAMAGED, number, number)]
    if payload_hash(payload) != record.receipt_hash:
        return [Difference(DifferenceKind.CONTENT, number, number)]
    shown = (name for name in _SHOWN if not (record.removed and name in _FORGOTTEN))
    fields = [name for name in shown if getattr(receipt, name) != getattr(record, name)]
    if found(receipt) != (record.found if record.HasField("found") else None):
        fields.append("found")
    return [Difference(DifferenceKind.SHOWN, number, number, field) for field in fields]
