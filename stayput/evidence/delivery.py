"""What the log demands of a receipt beside its figures, asked with one answer by who signs and who takes it.

A node that signed a receipt which the log refuses could deliver none after it.
"""

from collections.abc import Iterator
from typing import Final

from stayput.grants import GRANT_ID
from stayput.identity import CODE
from stayput.tickets import kept_texts
from stayput.v1.log_pb2 import Receipt

LARGEST_RECEIPT: Final = 65_536
"""Bytes of a receipt's envelope: some four times what an honest one can have."""
LARGEST_PAYLOAD: Final = LARGEST_RECEIPT - 1_024
"""Bytes of the receipt itself: the rest is more than its envelope adds."""


def malformed_names(receipt: Receipt) -> Iterator[str]:
    """Names of the fields by which receipts are searched that are not what an index takes.

    A ticket says no more in them.
    """
    yield from (name for name, good in _searchable(receipt) if not good)


def _searchable(receipt: Receipt) -> Iterator[tuple[str, bool]]:
    yield "consumer", CODE.fullmatch(receipt.consumer) is not None
    yield "resource", CODE.fullmatch(receipt.resource) is not None
    yield "grant_id", GRANT_ID.fullmatch(receipt.grant_id) is not None
    yield from kept_texts(receipt.ticket_id, receipt.operator, receipt.purpose, receipt.case_number)
