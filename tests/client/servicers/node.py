"""A provider's node for tests: the protocol's other side over a register in a dict.

It verifies tickets, grants, contracts and seals, answers exact outcome bytes and signs receipts. What a test
wants it to do wrong is set in `Faults`.
"""

import asyncio
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import cast

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.timestamp_pb2 import Timestamp
from joserfc.jwk import ECKey

from stayput import elements, grants, identity, outcomes, receipts, sealing, signing, tickets
from stayput.contract import key_fields, require_same
from stayput.errors import StayputError
from stayput.rpc.server import Context, caller
from stayput.v1.access_pb2 import Grant
from stayput.v1.comparison_pb2 import (
    CompareRecordsRequest,
    CompareRecordsResponse,
    CompareRequest,
    CompareResponse,
    DescribeRequest,
    DescribeResponse,
    Description,
    SealedChunk,
    SealedOutcomes,
    SessionOpen,
    SessionOpened,
)
from stayput.v1.comparison_pb2_grpc import ComparisonServiceServicer
from stayput.v1.contract_pb2 import Contract, Mode, OutcomeCode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import SESSION_END_COMPLETE, OutcomeCount, Receipt, Tally
from stayput.v1.signing_pb2 import Envelope

NODE = identity.node("vehicles-1")
PROVIDER = "traffic-police"
AS_OF = Timestamp(seconds=1_790_000_000)
GENERATION = "generation-7"


class Register:
    """Digests of keys, and of each check of a subject's rows; rows hold canonical values by field."""

    def __init__(self, contract: Contract, rows: Sequence[Mapping[str, str]]) -> None:
        self.contract = contract
        self._checks: dict[tuple[str, bytes, str], set[bytes]] = defaultdict(set)
        self._keys: set[tuple[str, bytes]] = set()
        for key in contract.keys:
            encoded = [
                self._encoded(row, [one.name for one in key_fields(contract, key.name)]) for row in rows
            ]
            digests = elements.key_digests(elements.context(contract, key.name), encoded)
            self._keys.update((key.name, digest) for digest in digests)
            for check in contract.checks:
                context = elements.context(contract, key.name, check.name)
                for row, subject, digest in zip(rows, encoded, digests, strict=True):
                    if all(row[name] for name in check.fields):
                        value = self._encoded(row, check.fields)
                        (found,) = elements.check_digests(context, [subject], [value])
                        self._checks[key.name, digest, check.name].add(found)

    @staticmethod
    def _encoded(row: Mapping[str, str], fields: Sequence[str]) -> bytes:
        (encoded,) = elements.encode([[row[name]] for name in fields])
        assert isinstance(encoded, bytes)
        return encoded

    def has(self, key: str, subject: bytes) -> bool:
        return (key, subject) in self._keys

    def outcome(self, key: str, subject: bytes, check: str, digest: bytes) -> int:
        if not self.has(key, subject):
            return outcomes.NOT_FOUND
        if digest == elements.NO_VALUE:
            return outcomes.NOT_ASKED
        known = self._checks.get((key, subject, check))
        if not known:
            return outcomes.NO_VALUE
        return outcomes.MATCH if digest in known else outcomes.MISMATCH


@dataclass
class Faults:
    """What the node does wrong; by default nothing."""

    receipt: Callable[[Receipt], None] = lambda receipt: None
    receipt_key: Ed25519PrivateKey | None = None
    description: Callable[[Description], None] = lambda description: None
    description_key: Ed25519PrivateKey | None = None
    outcomes: Callable[[bytes], bytes] = lambda plain: plain
    die_on_chunk: int | None = None
    hang_on_chunk: int | None = None
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    refuse_after_chunks: int | None = None
    receipt_after_chunks: int | None = None
    end_without_receipt: bool = False
    sequence_offset: int = 0
    open_twice: bool = False
    tamper: bool = False


@dataclass
class NodePeer(ComparisonServiceServicer):
    """The servicer; `die` ends the server as a crash would."""

    register: Register
    ticket_key: ECKey
    chunk_records: int = 8_192
    modes: tuple["Mode.ValueType", ...] = (Mode.MODE_KEYED,)
    signing_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    sealing_key: sealing.SealingKey = field(default_factory=sealing.SealingKey.generate)
    grants: dict[str, Grant] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    receipts: list[Receipt] = field(default_factory=list)
    chunk_sizes: list[int] = field(default_factory=list)
    unary_calls: int = 0
    server: grpc.aio.Server | None = None

    def __post_init__(self) -> None:
        self.verifier = tickets.TicketVerifier(NODE, [self.ticket_key])

    @property
    def public_key(self) -> bytes:
        return self.signing_key.public_key().public_bytes_raw()

    async def Describe(self, request: DescribeRequest, context: Context) -> DescribeResponse:
        if request.resource != self.register.contract.resource:
            raise StayputError(ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN, "no such resource")
        description = Description(
            node_id=NODE.id,
            provider=PROVIDER,
            contract=self.register.contract,
            sealing_key=self.sealing_key.public_bytes(),
            sealing_key_id=self.sealing_key.id,
            generation=GENERATION,
            as_of=AS_OF,
            modes=self.modes,
            chunk_records=self.chunk_records,
            issued_at=AS_OF,
        )
        self.faults.description(description)
        key = self.faults.description_key or self.signing_key
        return DescribeResponse(description=signing.sign(signing.PayloadType.DESCRIPTION, description, key))

    async def CompareRecords(
        self, request: CompareRecordsRequest, context: Context
    ) -> CompareRecordsResponse:
        self.unary_calls += 1
        session = self._open(request.open, context)
        answer = session.answer(request.chunk)
        return CompareRecordsResponse(opened=session.opened, outcomes=answer, receipt=session.receipt())

    async def Compare(
        self, request_iterator: AsyncIterator[CompareRequest], context: Context
    ) -> AsyncIterator[CompareResponse]:
        session: _Session | None = None
        async for request in request_iterator:
            if session is None:
                session = self._open(request.open, context)
                for _ in range(1 + self.faults.open_twice):
                    yield CompareResponse(opened=session.opened)
                continue
            if session.chunks == self.faults.hang_on_chunk:
                self.faults.hanging.set()
                await asyncio.Event().wait()
            if session.chunks == self.faults.die_on_chunk:
                assert self.server is not None
                await asyncio.shield(self.server.stop(None))
            yield CompareResponse(outcomes=session.answer(request.chunk))
            if session.chunks == self.faults.refuse_after_chunks:
                raise StayputError(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, "grant: the day has no room left")
            if request.chunk.final or session.chunks == self.faults.receipt_after_chunks:
                if not self.faults.end_without_receipt:
                    yield CompareResponse(receipt=session.receipt())
                return

    def _open(self, opening: SessionOpen, context: Context) -> "_Session":
        ticket = self.verifier.verify(opening.ticket, caller(context), datetime.now(UTC))
        grant = self.grants[ticket.scope.grant_id]
        grants.check_scope(
            grant, opening.contract.resource, opening.key, opening.checks, opening.mode, opening.granularity
        )
        require_same(self.register.contract, opening.contract)
        if opening.sealing_key_id != self.sealing_key.id:
            raise StayputError(ErrorReason.ERROR_REASON_SEALING_KEY_UNKNOWN, "no such sealing key")
        key = self.sealing_key.open_session_key(opening.sealed_session_key, sealing.session_info(opening))
        return _Session(self, opening, ticket, sealing.Session(key))


class _Session:
    def __init__(
        self, node: NodePeer, opening: SessionOpen, ticket: tickets.Ticket, session: sealing.Session
    ) -> None:
        self._node, self._opening, self._ticket, self._session = node, opening, ticket, session
        self.opened = SessionOpened(
            session_id=secrets.token_bytes(16),
            generation=GENERATION,
            as_of=AS_OF,
            chunk_records=node.chunk_records,
        )
        self._sealer = session.response(self.opened.session_id)
        self._transcript = receipts.Transcript(session.commitment_key())
        self._tallies: list[Counter[int]] = [Counter() for _ in range(1 + len(opening.checks))]
        self.chunks = self.records = 0

    def answer(self, chunk: SealedChunk) -> SealedOutcomes:
        width = len(self._tallies)
        digests = self._session.open_request(chunk.sequence, chunk.final, chunk.sealed)
        assert chunk.sequence == self.chunks
        assert digests
        assert len(digests) % (16 * width) == 0
        size = len(digests) // (16 * width)
        assert size <= self._node.chunk_records
        self._node.chunk_sizes.append(size)
        split = [digests[at : at + 16] for at in range(0, len(digests), 16)]
        columns = [split[i * size : (i + 1) * size] for i in range(width)]
        plain = self._node.faults.outcomes(b"".join(self._outcomes(columns)))
        for i, tally in enumerate(self._tallies):
            tally.update(plain[i * size : (i + 1) * size])
        self._transcript.add(digests, plain)
        self.chunks, self.records = self.chunks + 1, self.records + size
        sealed = self._sealer.seal(chunk.sequence, plain)
        if self._node.faults.tamper:
            sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        return SealedOutcomes(sequence=chunk.sequence + self._node.faults.sequence_offset, sealed=sealed)

    def _outcomes(self, columns: Sequence[Sequence[bytes]]) -> list[bytes]:
        register, key = self._node.register, self._opening.key
        found = bytes(
            outcomes.MATCH if register.has(key, subject) else outcomes.NOT_FOUND for subject in columns[0]
        )
        checked = (
            bytes(
                register.outcome(key, subject, check, digest)
                for subject, digest in zip(columns[0], column, strict=True)
            )
            for check, column in zip(self._opening.checks, columns[1:], strict=True)
        )
        return list(chain([found], checked))

    def receipt(self) -> Envelope:
        asked, answered = self._transcript.commitments()
        opening, ticket = self._opening, self._ticket
        receipt = Receipt(
            session_id=self.opened.session_id,
            grant_id=ticket.scope.grant_id,
            ticket_id=ticket.id,
            consumer=ticket.consumer.id,
            operator=ticket.operator,
            purpose=ticket.purpose,
            case_number=ticket.case_number,
            provider=PROVIDER,
            node_id=NODE.id,
            resource=opening.contract.resource,
            generation=GENERATION,
            as_of=AS_OF,
            mode=opening.mode,
            granularity=opening.granularity,
            key=opening.key,
            checks=opening.checks,
            records=self.records,
            tallies=[_tally(counts) for counts in self._tallies],
            outcome_bytes=self.records * len(self._tallies),
            request_commitment=asked,
            response_commitment=answered,
            started_at=AS_OF,
            finished_at=AS_OF,
            end=SESSION_END_COMPLETE,
            sequence=len(self._node.receipts) + 1,
            previous_hash=receipts.FIRST_PREVIOUS_HASH,
            profile=opening.contract.profile,
            suite=opening.contract.suite,
            software_version="test",
        )
        self._node.receipts.append(receipt)
        self._node.faults.receipt(receipt)
        return signing.sign(
            signing.PayloadType.RECEIPT, receipt, self._node.faults.receipt_key or self._node.signing_key
        )


def _tally(counts: Counter[int]) -> Tally:
    return Tally(
        counts=[
            OutcomeCount(outcome=cast("OutcomeCode.ValueType", outcome), count=count)
            for outcome, count in sorted(counts.items())
        ]
    )
