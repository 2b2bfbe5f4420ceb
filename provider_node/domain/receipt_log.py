"""The node's own receipts, searched and taken out by its provider, without the platform."""

from collections.abc import Iterator
from datetime import UTC
from itertools import takewhile
from typing import Final

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from provider_node.store.receipt_log import KeptReceipt, ReceiptLog
from stayput.errors import StayputError, field_invalid
from stayput.receipts import receipt_invalid
from stayput.v1.admin_pb2 import ListReceiptsRequest, ListReceiptsResponse, NodeReceipt
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

_LARGEST_PAGE: Final = 1_000
_DEFAULT_PAGE: Final = 100
_LOOKED_AT: Final = 10_000
"""One call must not keep a serving node busy for long; the next goes on where it ended."""
_LARGEST_NUMBER: Final = 2**63 - 1
_EXACTLY: Final = ("consumer", "operator", "case_number", "grant_id", "resource", "end")


def search(log: ReceiptLog, asked: ListReceiptsRequest) -> ListReceiptsResponse:
    """A page of receipts, the newest first, as `ListReceiptsResponse` says. Raises `FIELD_INVALID`."""
    size = _page_size(asked.page_size)
    if asked.least_records < 0:
        raise field_invalid("least_records", "must be 0 or more", "give the least number of records")
    delivered = log.delivered_through()
    page = ListReceiptsResponse()
    for looked_at, kept in enumerate(log.walk_back(_place(asked.page_token)), start=1):
        receipt = read(kept)
        if receipt is None or _is_asked_for(receipt, asked):
            found = NodeReceipt(sequence=kept.number, receipt=receipt, delivered=kept.number <= delivered)
            page.receipts.append(found)
        if len(page.receipts) == size or looked_at == _LOOKED_AT:
            page.next_page_token = str(kept.number)
            break
    return page


def envelopes(
    log: ReceiptLog, asked: ListReceiptsRequest, first: int = 1, last: int = _LARGEST_NUMBER
) -> Iterator[Envelope]:
    """The envelopes of receipts `first` to `last` that a search would show, the oldest first.

    Raises `RECEIPT_INVALID` at one that is damaged: what is taken out must be complete.
    """
    for kept in takewhile(lambda kept: kept.number <= last, log.walk(first - 1)):
        receipt = read(kept)
        if receipt is None:
            raise receipt_invalid(f"number {kept.number} in the node's state is damaged")
        if _is_asked_for(receipt, asked):
            yield Envelope.FromString(kept.held)


def read(kept: KeptReceipt) -> Receipt | None:
    """What a kept receipt says, unverified; None if it is damaged."""
    try:
        receipt = Receipt.FromString(Envelope.FromString(kept.held).payload)
    except DecodeError:
        return None
    return receipt if is_time(receipt.finished_at) else None


def is_time(time: Timestamp) -> bool:
    """Whether the message holds a time that there is."""
    try:
        time.ToDatetime(UTC)
    except (ValueError, OverflowError):
        return False
    return True


def _is_asked_for(receipt: Receipt, asked: ListReceiptsRequest) -> bool:
    if any(getattr(asked, name) not in (0, "", getattr(receipt, name)) for name in _EXACTLY):
        return False
    made = _order(receipt.finished_at)
    if asked.HasField("from_time") and made < _order(asked.from_time):
        return False
    if asked.HasField("until_time") and made >= _order(asked.until_time):
        return False
    return receipt.records >= asked.least_records


def _order(time: Timestamp) -> tuple[int, int]:
    return time.seconds, time.nanos


def _page_size(size: int) -> int:
    if not 0 <= size <= _LARGEST_PAGE:
        raise field_invalid("page_size", f"must be 1 to {_LARGEST_PAGE:,}, or 0", "give a number in range")
    return size or _DEFAULT_PAGE


def _place(token: str) -> int | None:
    if not token:
        return None
    if not (token.isascii() and token.isdigit() and len(token) <= len(str(_LARGEST_NUMBER))):
        raise _token_invalid()
    place = int(token)
    if place > _LARGEST_NUMBER:
        raise _token_invalid()
    return place


def _token_invalid() -> StayputError:
    return field_invalid("page_token", "is none of this node's", "send the token of the page before")
