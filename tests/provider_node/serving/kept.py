"""Receipts as a node keeps them, made without comparing, and a node's state changed behind its back."""

from collections.abc import Mapping
from pathlib import Path

import lmdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provider_node.store.receipt_log import MAP_BYTES, MAX_DATABASES, RECEIPTS, KeptReceipt
from provider_node.store.state import SignReceipt, State
from stayput import requests, signing
from stayput.leakage import IDS
from stayput.receipts import FIRST_PREVIOUS_HASH, payload_hash
from stayput.v1.comparison_pb2 import RequestStatement
from stayput.v1.contract_pb2 import Granularity, Mode, OutcomeCode
from stayput.v1.log_pb2 import OutcomeCount, Receipt, SessionEnd, Tally
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving import register
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NODE, NOW, PROVIDER, LocalNode

ASKS = Ed25519PrivateKey.generate()


def draft(number: int, end: "SessionEnd.ValueType" = SessionEnd.SESSION_END_COMPLETE) -> Receipt:
    """The receipt of one session, as far as its own number does not matter; the end changes nothing else."""
    columns = 1 + len(register.CHECKS)
    made = Receipt(
        session_id=number.to_bytes(16, "big"),
        grant_id=GRANT_ID,
        consumer=CONSUMER.id,
        operator="li.na" if number % 2 else "wang.wei",
        purpose="低收入家庭经济状况核对",
        case_number=f"低保〔2026〕{number}号",
        provider=PROVIDER,
        node_id=NODE.id,
        resource=register.CODE,
        mode=Mode.MODE_KEYED,
        granularity=Granularity.GRANULARITY_RECORD,
        key=register.KEY,
        checks=register.CHECKS,
        records=2 * number,
        tallies=[_tally(number) for _ in range(columns)],
        outcome_bytes=2 * number * columns,
        leakage=IDS[Mode.MODE_KEYED, Granularity.GRANULARITY_RECORD],
        request_commitment=bytes(32),
        response_commitment=bytes(32),
        end=end,
    )
    made.finished_at.FromSeconds(int(NOW.timestamp()) + 60 * number)
    if end == SessionEnd.SESSION_END_COMPLETE:
        made.request.CopyFrom(requests.sign(statement(made), ASKS))
    return made


def _tally(number: int) -> Tally:
    outcomes = (OutcomeCode.OUTCOME_CODE_MATCH, OutcomeCode.OUTCOME_CODE_NOT_FOUND)
    return Tally(counts=[OutcomeCount(outcome=one, count=number) for one in outcomes])


def statement(receipt: Receipt) -> RequestStatement:
    """What the consumer says it asked, agreeing with the receipt."""
    shared = {name: getattr(receipt, name) for name in requests.SHARED}
    return RequestStatement(session_key_hash=bytes(32), **shared)


async def keep(node: LocalNode, count: int) -> None:
    """Gives the node receipts of so many complete sessions."""
    for number in range(1, count + 1):
        await node.state.cut(draft(number), node.material.identity.sign_receipt)


async def put(state: State, number: int, held: bytes | None) -> None:
    """Puts other bytes, or nothing, where the state keeps a receipt."""
    await state._writer.write(lambda txn: _put(txn, state._receipts, number, held))


def tamper(directory: Path, changes: Mapping[int, bytes | None]) -> None:
    """The same in the files of a node that another process runs, or none."""
    with lmdb.open(str(directory), map_size=MAP_BYTES, max_dbs=MAX_DATABASES) as env:
        receipts = env.open_db(RECEIPTS)
        with env.begin(write=True) as txn:
            for number, held in changes.items():
                _put(txn, receipts, number, held)


def _put(txn: lmdb.Transaction, receipts: lmdb._Database, number: int, held: bytes | None) -> None:
    key = number.to_bytes(8, "big")
    if held is None:
        txn.delete(key, db=receipts)
    else:
        txn.put(key, held, db=receipts)


def signed(receipt: Receipt, key: Ed25519PrivateKey) -> bytes:
    """What the state would hold of the receipt if that key signed it."""
    return signing.sign(signing.PayloadType.RECEIPT, receipt, key).SerializeToString()


def receipt_of(held: bytes) -> Receipt:
    """What a kept receipt says."""
    return Receipt.FromString(Envelope.FromString(held).payload)


def chained(count: int, sign: SignReceipt, previous: KeptReceipt | None = None) -> list[KeptReceipt]:
    """So many receipts, each naming the one before; the first follows `previous`."""
    found: list[KeptReceipt] = []
    for _ in range(count):
        receipt = draft(previous.number + 1 if previous else 1)
        receipt.sequence = previous.number + 1 if previous else 1
        receipt.previous_hash = FIRST_PREVIOUS_HASH
        if previous:
            receipt.previous_hash = payload_hash(Envelope.FromString(previous.held).payload)
        previous = KeptReceipt(receipt.sequence, sign(receipt).SerializeToString())
        found.append(previous)
    return found
