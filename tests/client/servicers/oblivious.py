"""A provider's node for tests in oblivious mode: the protocol's other side, on `stayput.oprf`."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate, pairwise

from stayput import oblivious, sealing, tickets
from stayput.errors import StayputError
from stayput.oprf import PrivateKey, VerifiableServer, chosen, random_scalars
from stayput.rpc.server import Context
from stayput.v1.comparison_pb2 import (
    EvaluateRequest,
    EvaluateResponse,
    FetchFingerprintsRequest,
    FetchFingerprintsResponse,
    FingerprintBlock,
    Proof,
    ProofRequest,
    SealedChunk,
    SealedOutcomes,
    SessionOpen,
)
from stayput.v1.contract_pb2 import GRANULARITY_COUNT, Mode, ObliviousSet
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import FingerprintFetch, Receipt
from tests.client.servicers.fingerprints import Fingerprints, Place
from tests.client.servicers.node import NodePeer
from tests.client.servicers.session import Session

Columns = list[list[bytes]]


async def _nothing(_: int) -> None:
    """Before a message, where nothing is to happen."""


@dataclass
class ObliviousFaults:
    """What the node does wrong in this mode, by default nothing; `before` is called with numbers from 0."""

    keys: dict[int, PrivateKey] = field(default_factory=dict)
    evaluated: Callable[[Columns], Columns] = lambda columns: columns
    chosen: Callable[[Sequence[int]], Sequence[int]] = lambda indices: indices
    proof: Callable[[bytes], bytes] = lambda proof: proof
    proofs: Callable[[list[bytes]], list[bytes]] = lambda proofs: proofs
    proof_sequence: int = 0
    set: Callable[[bytes], bytes] = lambda fingerprints: fingerprints
    block: Callable[[FingerprintBlock], FingerprintBlock] = lambda block: block
    before_chunk: Callable[[int], Awaitable[None]] = _nothing
    before_proof: Callable[[int], Awaitable[None]] = _nothing
    before_block: Callable[[int], Awaitable[None]] = _nothing
    late_receipt: bool = False
    """The receipt comes after the last proof."""
    early: bool = False
    """In granularity COUNT elements come at once and not at the end."""


@dataclass
class ObliviousPeer(NodePeer):
    """A node that also offers the oblivious mode of `fingerprints`. Charges as the protocol says."""

    fingerprints: Fingerprints | None = None
    lies: ObliviousFaults = field(default_factory=ObliviousFaults)
    block_fingerprints: int = 5
    charged: Counter[str] = field(default_factory=Counter)
    asked: list[bytes] = field(default_factory=list)
    proved: list[ProofRequest] = field(default_factory=list)
    fetches: list[FetchFingerprintsRequest] = field(default_factory=list)
    most_unproved: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.modes = (Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS)
        self.seen: set[tuple[str, bytes]] = set()
        self.held: Counter[str] = Counter()
        self.had: set[tuple[str, str]] = set()

    @property
    def offered(self) -> Fingerprints:
        assert self.fingerprints is not None
        return self.fingerprints

    def session(self, opening: SessionOpen, ticket: tickets.Ticket, keys: sealing.Session) -> Session:
        if opening.mode != Mode.MODE_OBLIVIOUS:
            return super().session(opening, ticket, keys)
        if opening.key_epoch != self.offered.key_epoch:
            raise StayputError(ErrorReason.ERROR_REASON_KEY_EPOCH_MISMATCH, "another epoch")
        assert opening.oblivious_suite == oblivious.SUITE
        return ObliviousSession(self, opening, ticket, keys)

    def _open_obliviously(self, opening: SessionOpen, context: Context) -> "ObliviousSession":
        session = self._open(opening, context)
        assert isinstance(session, ObliviousSession)
        return session

    async def Evaluate(
        self, request_iterator: AsyncIterator[EvaluateRequest], context: Context
    ) -> AsyncIterator[EvaluateResponse]:
        session: ObliviousSession | None = None
        async for request in request_iterator:
            if session is None:
                session = self._open_obliviously(request.open, context)
                yield EvaluateResponse(opened=session.opened)
            elif request.HasField("chunk"):
                await self.lies.before_chunk(session.chunks)
                for answer in session.evaluate(request.chunk):
                    yield EvaluateResponse(evaluated=answer)
                if request.chunk.final and not self.lies.late_receipt:
                    yield self._receipt(session)
            else:
                await self.lies.before_proof(request.prove.sequence)
                yield EvaluateResponse(proof=session.prove(request.prove))
                if self.lies.late_receipt and request.prove.sequence == session.chunks - 1:
                    yield self._receipt(session)

    def _receipt(self, session: "ObliviousSession") -> EvaluateResponse:
        return EvaluateResponse(receipt=session.receipt(), allowance=self.allowance(session.grant))

    async def FetchFingerprints(
        self, request: FetchFingerprintsRequest, context: Context
    ) -> AsyncIterator[FetchFingerprintsResponse]:
        session = self._open_obliviously(request.open, context)
        if request.generation != self.generation:
            raise StayputError(ErrorReason.ERROR_REASON_GENERATION_CHANGED, "another generation")
        self.fetches.append(request)
        session.begin_fetch(request)
        yield FetchFingerprintsResponse(opened=session.opened)
        for number, block in enumerate(session.blocks(request.held)):
            await self.lies.before_block(number)
            yield FetchFingerprintsResponse(block=self.lies.block(block))
        yield FetchFingerprintsResponse(receipt=session.receipt(), allowance=self.allowance(session.grant))


class ObliviousSession(Session):
    """One session in oblivious mode."""

    _node: ObliviousPeer

    def __init__(
        self, node: ObliviousPeer, opening: SessionOpen, ticket: tickets.Ticket, keys: sealing.Session
    ) -> None:
        super().__init__(node, opening, ticket, keys)
        offer = node.offered.offer()
        self._sets = oblivious.asked_sets(offer, opening.key, opening.checks, opening.granularity)
        self._servers = [
            VerifiableServer(node.lies.keys.get(column, node.offered.keys[_place(one)]))
            for column, one in enumerate(self._sets)
        ]
        self._in_total = opening.granularity == GRANULARITY_COUNT
        self._unproved: dict[int, tuple[Columns, Columns]] = {}
        self._all: tuple[Columns, Columns] = [[] for _ in self._sets], [[] for _ in self._sets]
        self._lengths: list[list[int]] = []
        self._elements = self._repeated = self._answers = 0
        self._fetch: FingerprintFetch | None = None

    @property
    def _counts_only(self) -> bool:
        return False

    def evaluate(self, chunk: SealedChunk) -> Iterator[SealedOutcomes]:
        content = self._session.open_request(chunk.sequence, chunk.final, chunk.sealed)
        assert chunk.sequence == self.chunks
        assert chunk.HasField("request") == chunk.final
        blinded = oblivious.unpacked(content, len(self._sets), "chunk.sealed")
        self._node.asked.append(content)
        self._node.chunk_sizes.append(len(blinded[0]))
        self._charge(content, sum(map(len, blinded)))
        self.records += len(blinded[0])
        self._lengths.append(list(map(len, blinded)))
        evaluated = [server.blind_evaluate(one) for server, one in zip(self._servers, blinded, strict=True)]
        evaluated = self._node.lies.evaluated(evaluated)
        self._transcript.ask(content)
        if chunk.final:
            self._request = chunk.request
            self._check_statement(chunk.request)
        for kept, more in zip((*self._all[0], *self._all[1]), (*blinded, *evaluated), strict=True):
            kept.extend(more)
        if self._in_total and not self._node.lies.early:
            yield self._sealed(b"")
        else:
            self._keep(blinded, evaluated)
            yield self._sealed(oblivious.packed(evaluated))
        self.chunks += 1
        if self._in_total and chunk.final:
            if self.records < self.grant.limits.count_minimum:
                raise StayputError(ErrorReason.ERROR_REASON_LIST_TOO_SHORT, "too short", field="records")
            yield from self._shuffled()

    def _charge(self, content: bytes, elements: int) -> None:
        self._elements += elements
        name = self.grant.id, sha256(content).digest()
        if name in self._node.seen:
            self._repeated += elements
        else:
            self._node.seen.add(name)
            self._node.used_today[self.grant.id] += elements
            self._node.held[self._node.offered.key_epoch] += elements

    def _keep(self, blinded: Columns, evaluated: Columns) -> None:
        self._unproved[self.chunks] = blinded, evaluated
        self._node.most_unproved = max(self._node.most_unproved, len(self._unproved))
        self._unproved.pop(self.chunks - oblivious.UNPROVED_CHUNKS, None)

    def _shuffled(self) -> Iterator[SealedOutcomes]:
        columns = self._all[1]
        for column in columns:
            secrets.SystemRandom().shuffle(column)
        ends = [[0, *accumulate(lengths)] for lengths in zip(*self._lengths, strict=True)]
        for spans in zip(*map(pairwise, ends), strict=True):
            part = [column[first:end] for column, (first, end) in zip(columns, spans, strict=True)]
            yield self._sealed(oblivious.packed(part))

    def _sealed(self, content: bytes) -> SealedOutcomes:
        self._transcript.answer(content)
        sealed = self._sealer.seal(self._answers, content)
        self._answers += 1
        return SealedOutcomes(sequence=self._answers - 1, sealed=sealed)

    def prove(self, request: ProofRequest) -> Proof:
        self._node.proved.append(request)
        if self._in_total:
            assert (request.sequence, list(request.columns)) == (self.chunks - 1, [])
            proofs = [self._prove_total(column) for column in range(len(self._sets))]
        else:
            blinded, evaluated = self._unproved.pop(request.sequence)
            proofs = [
                self._prove(column, one.indices, blinded[column], evaluated[column])
                for column, one in enumerate(request.columns)
            ]
        lies = self._node.lies
        sequence = request.sequence + lies.proof_sequence
        return Proof(sequence=sequence, proofs=lies.proofs(list(map(lies.proof, proofs))))

    def _prove(
        self, column: int, indices: Sequence[int], blinded: Sequence[bytes], evaluated: Sequence[bytes]
    ) -> bytes:
        if not indices:
            return b""
        places = self._node.lies.chosen(indices)
        (nonce,) = random_scalars(1, secrets.token_bytes)
        return self._servers[column].prove(chosen(blinded, places), chosen(evaluated, places), nonce)

    def _prove_total(self, column: int) -> bytes:
        blinded, evaluated = (both[column] for both in self._all)
        # A node that lies by a top bit would leave it out of its own sum.
        evaluated = [one[:-1] + bytes([one[-1] & 0x7F]) for one in evaluated]
        (nonce,) = random_scalars(1, secrets.token_bytes)
        return self._servers[column].prove_total(blinded, evaluated, nonce) if blinded else b""

    def begin_fetch(self, request: FetchFingerprintsRequest) -> None:
        held = self._node.held[self._node.offered.key_epoch]
        first = (self._node.offered.key_epoch, self._node.generation) not in self._node.had
        self._node.had.add((self._node.offered.key_epoch, self._node.generation))
        self._fetch = FingerprintFetch(held_elements=held, charged_elements=held if first else 0)
        self._node.used_today[self.grant.id] += self._fetch.charged_elements
        self._request = request.request
        self._check_statement(request.request)

    def blocks(self, held: Sequence[int]) -> Iterator[FingerprintBlock]:
        assert self._fetch is not None
        size = self._node.block_fingerprints
        for column, one in enumerate(self._sets):
            whole = self._node.lies.set(self._node.offered.sets[_place(one)])
            for first in range(held[column] if held else 0, len(whole) // 8, size):
                part = whole[first * 8 : (first + size) * 8]
                self._fetch.fingerprints += len(part) // 8
                yield FingerprintBlock(column=column, first=first, fingerprints=part)

    def _said(self) -> Receipt:
        receipt = super()._said()
        del receipt.tallies[:]
        receipt.outcome_bytes = 0
        receipt.elements = self._elements
        receipt.repeated_elements = self._repeated
        receipt.oblivious_suite = oblivious.SUITE
        receipt.key_epoch = self._node.offered.key_epoch
        if self._fetch is not None:
            receipt.fetch.CopyFrom(self._fetch)
        return receipt


def _place(one: ObliviousSet) -> Place:
    return one.key, one.check, one.granularity
