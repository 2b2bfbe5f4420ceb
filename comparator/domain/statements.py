"""What consumers say they asked: each receipt of a complete session carries it, signed by the consumer."""

from collections.abc import Iterable, Mapping

from comparator.domain.policy import Call
from stayput import requests, signing
from stayput.errors import StayputError
from stayput.identity import Kind, Party
from stayput.receipts import receipt_invalid
from stayput.v1.log_pb2 import Receipt, SessionEnd


def check(call: Call, receipts: Iterable[Receipt]) -> None:
    """Passes if each complete session's receipt holds its consumer's statement, and no other receipt one.

    Raises `RECEIPT_INVALID` naming `request`. That a statement is about this very session only the node can
    tell: the receipt does not hold the sealed session key.
    """
    keys: dict[str, Mapping[str, bytes]] = {}
    for receipt in receipts:
        complete = receipt.end == SessionEnd.SESSION_END_COMPLETE
        if receipt.HasField("request") != complete:
            raise receipt_invalid("request must be there if the session was complete, and only then")
        if not complete:
            continue
        if receipt.consumer not in keys:
            keys[receipt.consumer] = _ever_enrolled(call, receipt.consumer)
        _check_one(receipt, keys[receipt.consumer])


def _ever_enrolled(call: Call, consumer: str) -> Mapping[str, bytes]:
    """A receipt may have waited at the node while the consumer's key was replaced."""
    known = call.store.parties.signing_keys(Party(Kind.DEPARTMENT, consumer))
    return {signing.key_id(key): key for key in known}


def _check_one(receipt: Receipt, keys: Mapping[str, bytes]) -> None:
    named = (keys[one.key_id] for one in receipt.request.signatures if one.key_id in keys)
    key = next(named, None)
    if key is None:
        raise receipt_invalid("request is not signed with a key of its consumer")
    try:
        requests.check_agrees(requests.verify(receipt.request, key), receipt)
    except StayputError as error:
        raise receipt_invalid(f"request does not bear the receipt out: {error.message}") from None
