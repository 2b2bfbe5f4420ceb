"""One session at a node for tests: exact outcome bytes, and a receipt of what happened."""

import secrets
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, cast

from stayput import grants, leakage, outcomes, receipts, requests, sealing, signing, tickets
from stayput.errors import StayputError
from stayput.outcomes import MATCH, MISMATCH, NOT_FOUND
from stayput.v1.comparison_pb2 import SealedChunk, SealedOutcomes, SessionOpen, SessionOpened
from stayput.v1.contract_pb2 import GRANULARITY_COUNT, OutcomeCode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import SESSION_END_COMPLETE, OutcomeCount, Receipt, Tally
from stayput.v1.signing_pb2 import Envelope
from tests.client.servicers.register import AS_OF, NODE, PROVIDER

if TYPE_CHECKING:  # the node makes its sessions, so it imports this module
    from tests.client.servicers.node import NodePeer


class Session:
    def __init__(
        self, node: "NodePeer", opening: SessionOpen, ticket: tickets.Ticket, session: sealing.Session
    ) -> None:
        self._node, self._opening, self._ticket, self._session = node, opening, ticket, session
        self.grant = node.grants[ticket.scope.grant_id]
        self.opened = SessionOpened(
            session_id=secrets.token_bytes(16),
            generation=node.generation,
            as_of=AS_OF,
            chunk_records=node.chunk_records,
        )
        self._sealer = session.response(self.opened.session_id)
        self._transcript = receipts.Transcript(session.commitment_key())
        self._tallies: list[Counter[int]] = [Counter() for _ in range(1 + len(opening.checks))]
        self._different: dict[bytes, tuple[int, ...]] = {}
        self._request: Envelope | None = None
        self.chunks = self.records = 0

    @property
    def _counts_only(self) -> bool:
        return self._opening.granularity == GRANULARITY_COUNT

    def answer(self, chunk: SealedChunk) -> SealedOutcomes:
        width = len(self._tallies)
        digests = self._session.open_request(chunk.sequence, chunk.final, chunk.sealed)
        assert chunk.sequence == self.chunks
        assert digests
        assert len(digests) % (16 * width) == 0
        size = len(digests) // (16 * width)
        assert size <= self._node.chunk_records
        assert chunk.HasField("request") == chunk.final
        self._node.chunk_sizes.append(size)
        grants.check_standing(self._node.standing(self.grant.id))
        self._node.used_today[self.grant.id] += size
        split = [digests[at : at + 16] for at in range(0, len(digests), 16)]
        columns = [split[i * size : (i + 1) * size] for i in range(width)]
        plain = self._node.faults.outcomes(self._told(columns))
        for i, tally in enumerate(self._tallies):
            tally.update(plain[i * size : (i + 1) * size])
        self._transcript.ask(digests)
        self._transcript.answer(plain)
        self.chunks, self.records = self.chunks + 1, self.records + size
        if chunk.final:
            self._request = chunk.request
            self._check_statement(chunk.request)
            self._check_length()
        sealed = self._sealer.seal(chunk.sequence, plain)
        if self._node.faults.tamper:
            sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        return SealedOutcomes(sequence=chunk.sequence + self._node.faults.sequence_offset, sealed=sealed)

    def _told(self, columns: Sequence[Sequence[bytes]]) -> bytes:
        """Outcome bytes; none in granularity COUNT, where each different record is remembered once."""
        found = self._outcomes(columns)
        if not self._counts_only:
            return b"".join(found)
        for subject, codes in zip(columns[0], zip(*found, strict=True), strict=True):
            self._different.setdefault(subject, codes)
        return b""

    def _check_length(self) -> None:
        minimum = self.grant.limits.count_minimum
        if self._counts_only and len(self._different) < minimum:
            raise StayputError(
                ErrorReason.ERROR_REASON_LIST_TOO_SHORT,
                "the list is too short",
                field="records",
                details={"limit": str(minimum)},
            )

    def _check_statement(self, request: Envelope) -> None:
        statement = requests.verify(request, self._ticket.signing_key)
        named = requests.session_key_hash(self._opening.sealed_session_key)
        requests.check_session(statement, named, self._node.clock())
        requests.check_agrees(statement, self._said())

    def _outcomes(self, columns: Sequence[Sequence[bytes]]) -> list[bytes]:
        register, key = self._node.register, self._opening.key
        found = bytes(
            outcomes.MATCH if register.has(key, subject) else outcomes.NOT_FOUND for subject in columns[0]
        )
        checked = (
            bytes(
                self._limited(subject, check, digest, register.outcome(key, subject, check, digest))
                for subject, digest in zip(columns[0], column, strict=True)
            )
            for check, column in zip(self._opening.checks, columns[1:], strict=True)
        )
        return list(chain([found], checked))

    def _limited(self, subject: bytes, check: str, digest: bytes, outcome: int) -> int:
        """The outcome, while the grant's attempts at this subject last; asking the same again is none."""
        most = self.grant.limits.attempts_per_subject
        if not most or outcome not in (outcomes.MATCH, outcomes.MISMATCH):
            return outcome
        asked = self._node.attempts[self.grant.id, subject]
        if len(asked | {(check, digest)}) > most:
            return outcomes.ATTEMPTS
        asked.add((check, digest))
        return outcome

    def receipt(self) -> Envelope:
        receipt = self._said()
        self._node.receipts.append(receipt)
        self._node.faults.receipt(receipt)
        return signing.sign(
            signing.PayloadType.RECEIPT, receipt, self._node.faults.receipt_key or self._node.signing_key
        )

    def _said(self) -> Receipt:
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
            generation=self._node.generation,
            as_of=AS_OF,
            mode=opening.mode,
            granularity=opening.granularity,
            key=opening.key,
            checks=opening.checks,
            records=self.records,
            tallies=[_tally(counts) for counts in self._tallies],
            outcome_bytes=0 if self._counts_only else self.records * len(self._tallies),
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
            leakage=leakage.IDS[opening.mode, opening.granularity],
            request=self._request,
        )
        if self._counts_only:
            limits = self.grant.limits
            receipt.distinct_records = len(self._different)
            receipt.count_minimum = limits.count_minimum
            receipt.noise_epsilon_milli = limits.noise_epsilon_milli
            del receipt.tallies[:]
            cells = ((MATCH, NOT_FOUND), *((MATCH, MISMATCH) for _ in opening.checks))
            columns = [Counter(one) for one in zip(*self._different.values(), strict=True)]
            receipt.tallies.extend(
                _told_of(counts, told, limits.count_minimum)
                for counts, told in zip(columns, cells, strict=True)
            )
        return receipt


def _told_of(counts: Counter[int], cells: Sequence[int], minimum: int) -> Tally:
    """What may be told of a column: no total below the minimum, and none that gives such a one away."""
    told = Counter({cell: counts[cell] for cell in cells if counts[cell] >= minimum})
    # Who is in the register and who is not are all there are, so that both together give nothing away.
    while told.keys() != {MATCH, NOT_FOUND} and told and counts.total() - told.total() < minimum:
        del told[min(told, key=told.__getitem__)]
    return _tally(told)


def _tally(counts: Counter[int]) -> Tally:
    return Tally(
        counts=[
            OutcomeCount(outcome=cast("OutcomeCode.ValueType", outcome), count=count)
            for outcome, count in sorted(counts.items())
        ]
    )
