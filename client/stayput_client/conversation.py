"""One session with a node, from the consumer's side, without a socket: what to send, and what to believe.

The transport hands in what it receives; whatever disagrees with what was asked raises.
"""

import hmac
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import outcomes, receipts, requests, sealing
from stayput.elements import DIGEST_BYTES
from stayput.errors import StayputError
from stayput.receipts import receipt_invalid
from stayput.v1.access_pb2 import GRANT_STATE_UNSPECIFIED
from stayput.v1.comparison_pb2 import (
    Allowance,
    RequestStatement,
    SealedChunk,
    SealedOutcomes,
    SessionOpen,
    SessionOpened,
)
from stayput.v1.contract_pb2 import GRANULARITY_RECORD, MODE_KEYED
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import SESSION_END_COMPLETE, Receipt, Tally
from stayput.v1.signing_pb2 import Envelope
from stayput_client.models.resources import Description
from stayput_client.models.vocabulary import moment
from stayput_client.results import Concluded, Left, SignedReceipt

SESSION_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session is about; all of it must come back in the receipt. `ticket` opens it.

    `day` and `chunk_records` do not: by them this side turns records into chunks of digests.
    """

    consumer: str
    grant_id: str
    key: str
    checks: tuple[str, ...]
    operator: str
    purpose: str
    case_number: str
    day: date
    chunk_records: int
    ticket: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signer:
    """With which key this side signs what it asks, and by which clock (aware)."""

    key: Ed25519PrivateKey = field(repr=False)
    clock: Callable[[], datetime]


class Conversation:
    """The state of one session. `session_key` is 32 fresh random bytes.

    Calls must follow the protocol: `seal` for each chunk in order, `opened` once, `unseal` for each answer in
    order, `concluded` at the end.
    """

    def __init__(self, description: Description, terms: Terms, session_key: bytes, signer: Signer) -> None:
        self._description = description
        self._terms = terms
        self._signer = signer
        self._session = sealing.Session(session_key)
        self._commitment_key = self._session.commitment_key()
        self._transcript = receipts.Transcript(self._commitment_key)
        self._asked: deque[bytes] = deque()
        self._sent = self._answered = self._records_sent = self._records = 0
        self._tallies: list[Counter[int]] = [Counter() for _ in range(1 + len(terms.checks))]
        self._statement: Envelope | None = None
        self._opened: SessionOpened | None = None
        self._responses: sealing.ResponseSealer | None = None
        self.opening = self._opening(session_key)

    def _opening(self, session_key: bytes) -> SessionOpen:
        opening = SessionOpen(
            ticket=self._terms.ticket,
            contract=self._description.contract,
            key=self._terms.key,
            checks=self._terms.checks,
            mode=MODE_KEYED,
            granularity=GRANULARITY_RECORD,
            sealing_key_id=sealing.key_id(self._description.sealing_key),
        )
        opening.sealed_session_key = sealing.seal_session_key(
            self._description.sealing_key, session_key, sealing.session_info(opening)
        )
        return opening

    def seal(self, digests: bytes, *, final: bool) -> SealedChunk:
        """The next chunk to send; `digests` are columns of 16 bytes. The final one states what was asked."""
        sequence, self._sent = self._sent, self._sent + 1
        self._asked.append(digests)
        self._transcript.ask(digests)
        self._records_sent += len(digests) // (DIGEST_BYTES * len(self._tallies))
        if final:
            self._statement = requests.sign(self._said(), self._signer.key)
        return SealedChunk(
            sequence=sequence,
            final=final,
            sealed=self._session.seal_request(sequence, final, digests),
            request=self._statement,
        )

    def _said(self) -> RequestStatement:
        opening, terms = self.opening, self._terms
        statement = RequestStatement(
            session_key_hash=requests.session_key_hash(opening.sealed_session_key),
            grant_id=terms.grant_id,
            consumer=terms.consumer,
            operator=terms.operator,
            purpose=terms.purpose,
            case_number=terms.case_number,
            resource=opening.contract.resource,
            key=opening.key,
            checks=opening.checks,
            mode=opening.mode,
            granularity=opening.granularity,
            records=self._records_sent,
            request_commitment=self._transcript.request_commitment(),
        )
        statement.signed_at.FromDatetime(self._signer.clock())
        return statement

    def opened(self, message: SessionOpened) -> None:
        """The node has opened the session."""
        if self._opened is not None or len(message.session_id) != SESSION_ID_BYTES:
            raise _violation("opened")
        self._opened = message
        self._responses = self._session.response(message.session_id)

    def unseal(self, message: SealedOutcomes) -> bytes:
        """Outcome bytes of the oldest chunk not answered yet, in columns.

        Raises `SEAL_INVALID`, or `PROTOCOL_VIOLATION` if they cannot be the answer to that chunk.
        """
        if self._responses is None or not self._asked or message.sequence != self._answered:
            raise _violation("outcomes")
        answer = self._responses.open(message.sequence, message.sealed)
        digests = self._asked.popleft()
        if len(answer) * DIGEST_BYTES != len(digests):
            raise _violation("outcomes")
        self._answered += 1
        self._count(answer)
        self._transcript.answer(answer)
        return answer

    def _count(self, answer: bytes) -> None:
        width = len(self._tallies)
        records = len(answer) // width
        self._records += records
        for i, tally in enumerate(self._tallies):
            counts = outcomes.tally(answer[i * records : (i + 1) * records])
            if not counts.keys() <= (outcomes.CHECK_CODES if i else outcomes.KEY_CODES):
                raise _violation("outcomes")
            tally.update(counts)

    def concluded(self, envelope: Envelope, allowance: Allowance) -> Concluded:
        """The receipt, if the node's key signed it and it says what happened; else `RECEIPT_INVALID`.

        An allowance that is none of this grant's, or cannot be right, counts as not said: nobody signs it and
        nothing depends on it, so it must not spoil answers that are good.
        """
        if self._opened is None or self._asked or self._statement is None:
            raise _violation("receipt")
        receipt = receipts.verify(envelope, self._description.signing_key)
        self._agrees(receipt, self._opened)
        if _bytes(receipt.request) != _bytes(self._statement):
            raise receipt_invalid("request is not the statement that this side signed")
        left = _left(allowance, self._terms.grant_id)
        return Concluded(SignedReceipt(receipt, envelope, self._opener()), left)

    def _opener(self) -> receipts.Opener:
        return receipts.Opener(
            commitment_key=self._commitment_key,
            contract=self._description.contract,
            day=self._terms.day,
            chunk_records=self._terms.chunk_records,
        )

    def _agrees(self, receipt: Receipt, opened: SessionOpened) -> None:
        description, terms = self._description, self._terms
        for name, said, happened in (
            ("session_id", receipt.session_id, opened.session_id),
            ("grant_id", receipt.grant_id, terms.grant_id),
            ("consumer", receipt.consumer, terms.consumer),
            ("operator", receipt.operator, terms.operator),
            ("purpose", receipt.purpose, terms.purpose),
            ("case_number", receipt.case_number, terms.case_number),
            ("provider", receipt.provider, description.provider),
            ("node_id", receipt.node_id, description.node),
            ("resource", receipt.resource, description.contract.resource),
            ("generation", receipt.generation, opened.generation),
            ("as_of", receipt.as_of, opened.as_of),
            ("mode", receipt.mode, MODE_KEYED),
            ("granularity", receipt.granularity, GRANULARITY_RECORD),
            ("key", receipt.key, terms.key),
            ("checks", tuple(receipt.checks), terms.checks),
            ("records", receipt.records, self._records),
            ("tallies", _counts(receipt.tallies), [sorted(tally.items()) for tally in self._tallies]),
            ("outcome_bytes", receipt.outcome_bytes, self._records * len(self._tallies)),
            ("profile", receipt.profile, description.contract.profile),
            ("suite", receipt.suite, description.contract.suite),
            ("end", receipt.end, SESSION_END_COMPLETE),
        ):
            if said != happened:
                raise receipt_invalid(f"{name} is not what this side asked for or received")
        asked, answered = self._transcript.commitments()
        for name, commitment, own in (
            ("request_commitment", receipt.request_commitment, asked),
            ("response_commitment", receipt.response_commitment, answered),
        ):
            if not hmac.compare_digest(commitment, own):
                raise receipt_invalid(f"{name} is not of what this side asked for or received")

    @property
    def session(self) -> SessionOpened:
        """What the node said when it opened the session; `PROTOCOL_VIOLATION` before it did."""
        if self._opened is None:
            raise _violation("opened")
        return self._opened


def _bytes(envelope: Envelope) -> bytes:
    return envelope.SerializeToString(deterministic=True)


def _counts(tallies: Sequence[Tally]) -> list[list[tuple[int, int]]]:
    return [sorted((int(one.outcome), one.count) for one in tally.counts) for tally in tallies]


def _left(allowance: Allowance, grant_id: str) -> Left:
    # Without a state, which is never left out, its zeros say nothing.
    if allowance.grant_id != grant_id or allowance.state == GRANT_STATE_UNSPECIFIED:
        return Left(None, None)
    records = allowance.records_left_today
    try:
        renewed_at = moment(allowance.day_ends) if allowance.HasField("day_ends") else None
    except StayputError:
        renewed_at = None
    return Left(records if records >= 0 else None, renewed_at)


def _violation(field: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
        f"{field}: the node's answer does not follow the protocol",
        field=field,
        remedy="nothing of this answer was used; tell the provider",
    )
