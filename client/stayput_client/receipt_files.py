"""Receipt files: what a receipt claims, before its signature is verified."""

from google.protobuf.message import DecodeError

from stayput import receipts
from stayput.v1.log_pb2 import Receipt


def claimed(text: str) -> Receipt:
    """The receipt in a receipt file's text, not verified; `RECEIPT_INVALID` if there is none in it."""
    try:
        return Receipt.FromString(receipts.from_file(text).payload)
    except DecodeError:
        raise receipts.receipt_invalid("the payload is no receipt") from None
