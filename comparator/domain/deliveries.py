"""Receipts as nodes deliver them, verified before the transaction that stores them.

Signatures take most of the time that a receipt takes, and nobody else can write while one transaction does.
What is verified here depends on nothing in the store but which keys are whose. That may have changed by the
time of the transaction, which therefore compares the keys used with those registered then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from comparator.store.log import Link
from stayput import receipts, requests, signing
from stayput.errors import StayputError, field_invalid
from stayput.evidence import Part, check_receipt, check_statement
from stayput.evidence.delivery import LARGEST_RECEIPT, malformed_names
from stayput.identity import Kind, Party
from stayput.receipts import receipt_invalid
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope

LARGEST_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Delivered:
    """A receipt that is complete and verified: its place in the chain, who asked, and by which keys.

    `consumer_key`, by which the consumer's statement verifies, is None if the receipt needs no statement.
    """

    receipt: Receipt
    envelope: Envelope
    link: Link
    consumer: Party
    node_key: bytes
    consumer_key: bytes | None


class Keyring:
    """Signing keys that were found registered, by party and key id. Thread-safe.

    An id is a hash of its key, so it never comes to name another. A statement may have waited while its
    signer's key was replaced: every key that a party was ever enrolled with counts.
    """

    def __init__(self, load: Callable[[Party], Sequence[bytes]]) -> None:
        """`load` reads a party's keys from the store."""
        self._load = load
        self._known: dict[Party, Mapping[str, bytes]] = {}

    def named(self, party: Party, envelope: Envelope) -> bytes | None:
        """The party's key that the envelope says it is signed with; None if it names none of them."""
        found = self._find(party, envelope)
        if found is None and (keys := self._load(party)):
            self._known[party] = {signing.key_id(key): key for key in keys}
            found = self._find(party, envelope)
        return found

    def _find(self, party: Party, envelope: Envelope) -> bytes | None:
        known = self._known.get(party, {})
        return next((known[one.key_id] for one in envelope.signatures if one.key_id in known), None)


def verified(delivered: Sequence[tuple[Party, Envelope]], keys: Keyring) -> list[Delivered | StayputError]:
    """Each receipt that is good, else why it is not: `RECEIPT_INVALID`.

    It is good if the node it comes from signed it, it is complete, and its consumer's statement bears it out.
    That the statement is about this very session only the node can tell: the receipt does not hold the sealed
    session key.
    """
    return [_verdict(node, envelope, keys) for node, envelope in delivered]


def batch(receipts: Sequence[Delivered | StayputError]) -> list[Delivered] | StayputError:
    """What one call delivers, if all of it is good and as much as a call may; else the first refusal."""
    if not 1 <= len(receipts) <= LARGEST_BATCH:
        return field_invalid("receipts", f"must hold 1 to {LARGEST_BATCH}")
    good: list[Delivered] = []
    for one in receipts:
        if isinstance(one, StayputError):
            return one
        good.append(one)
    return good


def unregistered_node_key() -> StayputError:
    """`RECEIPT_INVALID`: the receipt is not signed with a key of the calling node."""
    return receipt_invalid("it is not signed with a key of the calling node")


def unregistered_consumer_key() -> StayputError:
    """`RECEIPT_INVALID`: the consumer's statement is not signed with a key of that consumer."""
    return receipt_invalid("request is not signed with a key of its consumer")


def _verdict(node: Party, envelope: Envelope, keys: Keyring) -> Delivered | StayputError:
    try:
        return _verified(node, envelope, keys)
    except StayputError as refusal:
        return refusal


def _verified(node: Party, envelope: Envelope, keys: Keyring) -> Delivered:
    node_key = keys.named(node, envelope)
    if node_key is None:
        raise unregistered_node_key()
    if envelope.ByteSize() > LARGEST_RECEIPT:
        raise receipt_invalid(f"it has more than {LARGEST_RECEIPT} bytes")
    receipt = receipts.verify(envelope, node_key)
    if node.kind is not Kind.NODE or receipt.node_id != node.id:
        raise receipt_invalid("node_id must be that of the calling node")
    for field in malformed_names(receipt):
        raise receipt_invalid(f"{field} is missing or malformed")
    try:
        check_receipt(receipt)
    except StayputError as error:
        raise receipt_invalid(error.message.removeprefix(f"{Part.RECEIPT}: ")) from None
    return Delivered(
        receipt=receipt,
        envelope=envelope,
        link=Link(receipt.sequence, receipts.payload_hash(envelope.payload)),
        consumer=(consumer := Party(Kind.DEPARTMENT, receipt.consumer)),
        node_key=node_key,
        consumer_key=_statement_key(receipt, consumer, keys),
    )


def _statement_key(receipt: Receipt, consumer: Party, keys: Keyring) -> bytes | None:
    """The key by which the consumer's statement verifies, if there has to be one."""
    try:
        check_statement(receipt)
        if not receipt.HasField("request"):
            return None
        key = keys.named(consumer, receipt.request)
        if key is not None:
            requests.verify(receipt.request, key)
    except StayputError as error:
        raise receipt_invalid(f"request does not bear the receipt out: {error.message}") from None
    if key is None:
        raise unregistered_consumer_key()
    return key
