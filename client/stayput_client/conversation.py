"""One session with a node, from the consumer's side, without a socket: what to send, and what to believe.

The transport hands in what it receives; whatever disagrees with what was asked raises.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import receipts, requests, sealing
from stayput.errors import StayputError
from stayput.leakage import IDS
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
from stayput.v1.log_pb2 import SESSION_END_COMPLETE, Receipt
from stayput.v1.signing_pb2 import Envelope
from stayput_client.accounts import Account, require_same, violation
from stayput_client.models.resources import Description
from stayput_client.models.vocabulary import Granularity, Mode, moment
from stayput_client.results import Concluded, Left, SignedReceipt

SESSION_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session is about; all of it must come back in the receipt. `ticket` opens it.

    `day`, `chunk_records`, `blinding_key` and `first_chunk` do not: by them this side turns records into
    chunks (`stayput.receipts.Opener`). Suite and epoch are set in oblivious mode, `fetched_generation` in a
    session that fetches its fingerprints.
    """

    consumer: str
    grant_id: str
    key: str
    checks: tuple[str, ...]
    mode: Mode
    granularity: Granularity
    operator: str
    purpose: str
    case_number: str
    day: date
    chunk_records: int
    ticket: str = field(repr=False)
    oblivious_suite: str = ""
    key_epoch: str = ""
    fetched_generation: str = ""
    blinding_key: bytes | None = field(default=None, repr=False)
    first_chunk: int = 0


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

    def __init__(
        self, description: Description, terms: Terms, session_key: bytes, signer: Signer, account: Account
    ) -> None:
        self._description = description
        self._terms = terms
        self._signer = signer
        self._account = account
        self._session = sealing.Session(session_key)
        self._commitment_key = self._session.commitment_key()
        self._transcript = receipts.Transcript(self._commitment_key)
        self._sent = self._answered = 0
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
            mode=self._terms.mode.value,
            granularity=self._terms.granularity.value,
            sealing_key_id=sealing.key_id(self._description.sealing_key),
            oblivious_suite=self._terms.oblivious_suite,
            key_epoch=self._terms.key_epoch,
        )
        opening.sealed_session_key = sealing.seal_session_key(
            self._description.sealing_key, session_key, sealing.session_info(opening)
        )
        return opening

    def seal(self, content: bytes, *, final: bool) -> SealedChunk:
        """The next chunk to send. With the final one goes what was asked in the whole session."""
        sequence, self._sent = self._sent, self._sent + 1
        self._transcript.ask(content)
        self._account.ask(content)
        return SealedChunk(
            sequence=sequence,
            final=final,
            sealed=self._session.seal_request(sequence, final, content),
            request=self.state() if final else None,
        )

    def state(self) -> Envelope:
        """This side's signed statement of what it has asked in the session."""
        self._statement = requests.sign(self._said(), self._signer.key)
        return self._statement

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
            records=self._account.records,
            elements=self._account.elements,
            fetched_generation=terms.fetched_generation,
            request_commitment=self._transcript.request_commitment(),
        )
        statement.signed_at.FromDatetime(self._signer.clock())
        return statement

    def opened(self, message: SessionOpened) -> None:
        """The node has opened the session."""
        if self._opened is not None or len(message.session_id) != SESSION_ID_BYTES:
            raise violation("opened")
        self._opened = message
        self._responses = self._session.response(message.session_id)

    def unseal(self, message: SealedOutcomes) -> bytes:
        """The next answer; `SEAL_INVALID`, or `PROTOCOL_VIOLATION` if it cannot be one to what was asked."""
        if self._responses is None or message.sequence != self._answered:
            raise violation("outcomes")
        answer = self._responses.open(message.sequence, message.sealed)
        self._account.take(answer)
        self._answered += 1
        self._transcript.answer(answer)
        return answer

    def concluded(self, envelope: Envelope, allowance: Allowance) -> Concluded:
        """The receipt, if the node's key signed it and it says what happened; else `RECEIPT_INVALID`.

        An allowance that is none of this grant's, or cannot be right, counts as not said: nobody signs it and
        nothing depends on it, so it must not spoil answers that are good.
        """
        if self._opened is None or self._statement is None or not self._account.settled:
            raise violation("receipt")
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
            blinding_key=self._terms.blinding_key,
            first_chunk=self._terms.first_chunk,
        )

    def _agrees(self, receipt: Receipt, opened: SessionOpened) -> None:
        description, terms, account = self._description, self._terms, self._account
        require_same(
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
            ("mode", receipt.mode, terms.mode.value),
            ("granularity", receipt.granularity, terms.granularity.value),
            ("leakage", receipt.leakage, IDS[terms.mode.value, terms.granularity.value]),
            ("key", receipt.key, terms.key),
            ("checks", tuple(receipt.checks), terms.checks),
            ("records", receipt.records, account.records),
            ("elements", receipt.elements, account.elements),
            ("profile", receipt.profile, description.contract.profile),
            ("suite", receipt.suite, description.contract.suite),
            ("oblivious_suite", receipt.oblivious_suite, terms.oblivious_suite),
            ("key_epoch", receipt.key_epoch, terms.key_epoch),
            ("fetch", receipt.HasField("fetch"), bool(terms.fetched_generation)),
            ("end", receipt.end, SESSION_END_COMPLETE),
        )
        account.check(receipt)
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
            raise violation("opened")
        return self._opened


def _bytes(envelope: Envelope) -> bytes:
    return envelope.SerializeToString(deterministic=True)


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
