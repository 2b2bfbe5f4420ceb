"""A provider's node for tests: the protocol's other side over a register in a dict.

It verifies tickets, grants, contracts and seals, answers exact outcome bytes and signs receipts. What a test
wants it to do wrong is set in `Faults`.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey

from stayput import china_time, grants, leakage, sealing, signing, tickets
from stayput.contract import require_same
from stayput.errors import StayputError
from stayput.rpc.server import Context, caller
from stayput.v1.access_pb2 import Grant, GrantStanding
from stayput.v1.comparison_pb2 import (
    Allowance,
    CompareRecordsRequest,
    CompareRecordsResponse,
    CompareRequest,
    CompareResponse,
    DescribeRequest,
    DescribeResponse,
    Description,
    EvaluateRequest,
    EvaluateResponse,
    FetchFingerprintsRequest,
    FetchFingerprintsResponse,
    SessionOpen,
)
from stayput.v1.comparison_pb2_grpc import ComparisonServiceServicer
from stayput.v1.contract_pb2 import Granularity, Mode, ObliviousOffer
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from tests.client.servicers.clock import Clock, now
from tests.client.servicers.faults import Faults
from tests.client.servicers.register import AS_OF, GENERATION, NODE, PROVIDER, Register
from tests.client.servicers.session import Session


@dataclass
class NodePeer(ComparisonServiceServicer):
    """The servicer; `die` ends the server as a crash would."""

    register: Register
    ticket_key: ECKey
    chunk_records: int = 8_192
    modes: tuple["Mode.ValueType", ...] = (Mode.MODE_KEYED,)
    granularities: tuple["Granularity.ValueType", ...] = (
        Granularity.GRANULARITY_RECORD,
        Granularity.GRANULARITY_COUNT,
    )
    oblivious: ObliviousOffer | None = None
    generation: str = GENERATION
    signing_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    sealing_key: sealing.SealingKey = field(default_factory=sealing.SealingKey.generate)
    grants: dict[str, Grant] = field(default_factory=dict)
    standings: dict[str, GrantStanding] = field(default_factory=dict)
    clock: Clock = now
    caught_up: bool = True
    used_today: Counter[str] = field(default_factory=Counter)
    attempts: dict[tuple[str, bytes], set[tuple[str, bytes]]] = field(
        default_factory=lambda: defaultdict(set)
    )
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
            generation=self.generation,
            as_of=AS_OF,
            modes=self.modes,
            granularities=self.granularities,
            oblivious=self.oblivious,
            leakages=leakage.leakages(self.modes, self.granularities),
            chunk_records=self.chunk_records,
            issued_at=AS_OF,
        )
        self.faults.description(description)
        key = self.faults.description_key or self.signing_key
        held = [one for one in self.grants.values() if one.consumer == caller(context).party.id]
        allowances = [self.allowance(one) for one in held if _valid(one, self.clock())]
        return DescribeResponse(
            description=signing.sign(signing.PayloadType.DESCRIPTION, description, key),
            allowances=[one for one in allowances if one is not None],
        )

    def allowance(self, grant: Grant) -> Allowance | None:
        """What is left of a grant, as `Faults.allowance` has it told."""
        used = self.used_today[grant.id]
        allowance = Allowance(
            grant_id=grant.id,
            state=grants.effective_state(self.standing(grant.id)),
            limits=grant.limits,
            records_used_today=used,
            records_left_today=max(0, grant.limits.records_per_day - used),
        )
        allowance.day_ends.FromDatetime(china_time.day_ends(self.clock()))
        return self.faults.allowance(allowance)

    def standing(self, grant_id: str) -> GrantStanding:
        """What the node knows of whether the grant may be used."""
        return self.standings.get(grant_id) or grants.active_standing(grant_id)

    async def CompareRecords(
        self, request: CompareRecordsRequest, context: Context
    ) -> CompareRecordsResponse:
        self.unary_calls += 1
        session = self._open(request.open, context)
        answer = session.answer(request.chunk)
        return CompareRecordsResponse(
            opened=session.opened,
            outcomes=answer,
            receipt=session.receipt(),
            allowance=self.allowance(session.grant),
        )

    async def Compare(
        self, request_iterator: AsyncIterator[CompareRequest], context: Context
    ) -> AsyncIterator[CompareResponse]:
        session: Session | None = None
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
                raise self.faults.refusal
            if request.chunk.final or session.chunks == self.faults.receipt_after_chunks:
                if not self.faults.end_without_receipt:
                    receipt = session.receipt()
                    yield CompareResponse(receipt=receipt, allowance=self.allowance(session.grant))
                return

    def Evaluate(
        self, request_iterator: AsyncIterator[EvaluateRequest], context: Context
    ) -> AsyncIterator[EvaluateResponse]:
        raise _not_offered()

    def FetchFingerprints(
        self, request: FetchFingerprintsRequest, context: Context
    ) -> AsyncIterator[FetchFingerprintsResponse]:
        raise _not_offered()

    def _open(self, opening: SessionOpen, context: Context) -> Session:
        if not self.caught_up:
            raise StayputError(ErrorReason.ERROR_REASON_CATCHING_UP, "the node is catching up")
        if self.faults.refuse_after_chunks == 0:
            raise self.faults.refusal
        at = self.clock()
        ticket = self.verifier.verify(opening.ticket, caller(context), at)
        grant = self.grants[ticket.scope.grant_id]
        grants.check_standing(self.standing(grant.id))
        grants.check_use(grant, ticket.operator, ticket.case_number, at)
        grants.check_scope(
            grant, opening.contract.resource, opening.key, opening.checks, opening.mode, opening.granularity
        )
        require_same(self.register.contract, opening.contract)
        if opening.sealing_key_id != self.sealing_key.id:
            raise StayputError(ErrorReason.ERROR_REASON_SEALING_KEY_UNKNOWN, "no such sealing key")
        key = self.sealing_key.open_session_key(opening.sealed_session_key, sealing.session_info(opening))
        return self.session(opening, ticket, sealing.Session(key))

    def session(self, opening: SessionOpen, ticket: tickets.Ticket, keys: sealing.Session) -> Session:
        """A session that is admitted."""
        return Session(self, opening, ticket, keys)


def _not_offered() -> StayputError:
    return StayputError(ErrorReason.ERROR_REASON_FIELD_INVALID, "mode: not offered here", field="mode")


def _valid(grant: Grant, at: datetime) -> bool:
    return grant.valid_from.ToDatetime(UTC) <= at < grant.valid_until.ToDatetime(UTC)
