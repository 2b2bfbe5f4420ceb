"""The comparison log: receipts are taken only from the node that made them, in its own unbroken order."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from comparator.domain.deliveries import Delivered, unregistered_consumer_key, unregistered_node_key
from comparator.domain.policy import Call
from comparator.store.database import Store
from comparator.store.events import PLATFORM, About
from comparator.store.log import Chains
from stayput import receipts
from stayput.errors import StayputError
from stayput.identity import Party
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import EventType

Batch: TypeAlias = Sequence[Delivered]


class _ChainBroken(Exception):
    """A batch does not go on where the node's chain ends: what is told to the node, and what is logged."""

    def __init__(self, refusal: StayputError, cause: str) -> None:
        super().__init__(cause)
        self.refusal = refusal
        self.cause = cause


def append(store: Store, batches: Sequence[tuple[Call, Batch]], now: datetime) -> list[int | StayputError]:
    """Stores batches in one transaction, each all of it or nothing.

    For each the number of its node's last receipt is returned, or why nothing of it is stored:
    `RECEIPT_INVALID`, `LOG_SEQUENCE` or `LOG_FORK`. What is stored already with the same content is passed
    over. That a chain has a gap or a fork is an event, which is stored although the batch is refused.
    """
    nodes = {call.party for call, _ in batches}
    consumers = {one.consumer for _, batch in batches for one in batch}
    registered, chains = store.log.signing_keys(nodes | consumers), store.log.chains(nodes)
    accepted: list[Delivered] = []
    outcomes: list[int | StayputError] = []
    for call, batch in batches:
        try:
            _check_standing(call, batch, registered)
            fresh = _following(chains, call.party, batch)
        except StayputError as refusal:
            outcomes.append(refusal)
        except _ChainBroken as broken:
            _report(call, broken.cause)
            outcomes.append(broken.refusal)
        else:
            chains.extend(call.party, [one.link for one in fresh])
            accepted += fresh
            outcomes.append(chains.head(call.party).sequence)
    store.log.append([(one.receipt, one.envelope) for one in accepted], now)
    return outcomes


def _check_standing(call: Call, batch: Batch, registered: Mapping[Party, frozenset[bytes]]) -> None:
    """What was verified before the transaction must hold for who calls, and for the keys as they stand."""
    for one in batch:
        if one.receipt.provider != call.department.id:
            raise receipts.receipt_invalid("provider must be the calling node's department")
        if one.node_key not in registered[call.party]:
            raise unregistered_node_key()
        if one.consumer_key is not None and one.consumer_key not in registered[one.consumer]:
            raise unregistered_consumer_key()


def _following(chains: Chains, node: Party, batch: Batch) -> list[Delivered]:
    """What of the batch is not stored yet, if all of it goes on where the node's chain ends."""
    head = chains.head(node)
    known = dict(chains.hashes(node, [one.link.sequence for one in batch]))
    fresh: list[Delivered] = []
    for one in batch:
        link = one.link
        if link.sequence <= head.sequence:
            if known[link.sequence] != link.payload_hash:
                raise _ChainBroken(_fork(), f"fork: another receipt {link.sequence} than the one stored")
            continue
        if link.sequence != head.sequence + 1:
            missing = head.sequence + 1
            raise _ChainBroken(_out_of_sequence(missing), f"gap: receipt {missing} is missing")
        if one.receipt.previous_hash != head.payload_hash:
            raise _ChainBroken(
                receipts.receipt_invalid("previous_hash is not the hash of the receipt before"),
                f"fork: receipt {link.sequence} does not follow the one stored before it",
            )
        fresh.append(one)
        known[link.sequence] = link.payload_hash
        head = link
    return fresh


def _report(call: Call, cause: str) -> None:
    """Stores the event, once: a node repeats what was refused until somebody mends it."""
    kind, node = EventType.EVENT_TYPE_CHAIN_BROKEN, call.party.urn
    if not call.store.events.stored(kind, node, cause):
        call.store.events.add(kind, PLATFORM, call.now, About(party=node), cause)


def _fork() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_LOG_FORK,
        "a receipt of this sequence number with another content is stored already",
        field="receipts",
        remedy="the node's history was changed, or two nodes run under one id: stop it and tell the operator",
    )


def _out_of_sequence(expected: int) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_LOG_SEQUENCE,
        "the batch does not follow the last receipt stored for this node",
        field="receipts",
        remedy="deliver from the expected sequence number on",
        details={"expected": str(expected)},
    )
