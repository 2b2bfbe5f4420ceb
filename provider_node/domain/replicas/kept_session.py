"""One session at a replica, as the node keeps it.

What a replica says of a session is the provider's own word, and yet it is looked at: the session stays the
one that was admitted, and the consumer's statement is verified before the receipt is signed.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import structlog

from provider_node.domain.accounts import Attempts, Clock
from provider_node.domain.costs import Entry
from provider_node.domain.desk import Admitted
from provider_node.domain.identity import NodeNames
from provider_node.domain.replicas import messages
from provider_node.domain.signatory import Signatory
from stayput import requests
from stayput.errors import StayputError
from stayput.limits import DEFAULTS, complete
from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.replica_pb2 import (
    AttemptsReserved,
    ChargeAnswer,
    ReserveAttempts,
    SessionAccounted,
    SessionFinished,
)
from stayput.v1.signing_pb2 import Envelope

_NAME_BYTES: Final = 8
_ADDED: Final = (
    "records",
    "elements",
    "repeated_elements",
    "distinct_records",
    "outcome_bytes",
    "tallies",
    "fetch",
    "request",
    "request_commitment",
    "response_commitment",
    "finished_at",
    "end",
)
"""Fields of a receipt that a session adds to as it goes on; the others stay as they were at its beginning."""

_log = structlog.get_logger(__name__)


class KeptSession:
    """A session that was admitted. What raises has changed nothing."""

    def __init__(
        self,
        asked: SessionOpen,
        admitted: Admitted,
        names: NodeNames,
        clock: Clock,
        may_serve: Callable[[str, str], None],
    ) -> None:
        admission = admitted.admission
        self._account = admitted.account
        self._limits = complete(admission.grant.limits, DEFAULTS)
        self._signatory = Signatory(
            admission.ticket.signing_key, requests.session_key_hash(asked.sealed_session_key)
        )
        self._expected = _expected(asked, admitted, names)
        self._clock = clock
        self._may_serve = may_serve
        self._draft: Receipt | None = None
        self._finished = False
        self._names = bytearray()
        self._too_many_names = False
        self._held: AbstractContextManager[Attempts] | None = None

    def add_names(self, names: bytes) -> None:
        """Names of records that a charge will be about, no more than the session may have records."""
        if len(self._names) + len(names) > _NAME_BYTES * self._limits.records_per_session:
            self._too_many_names = True
        else:
            self._names += names

    async def begin(self, draft: Receipt) -> SessionAccounted:
        """Journals it. Raises also `RESOURCE_NOT_READY` if its generation may not serve (any more)."""
        if self._draft is not None:
            raise violation("begin", "comes once")
        for field, value in self._expected.ListFields():
            if getattr(draft, field.name) != value:
                raise violation(f"draft.{field.name}", "is not that of the session admitted")
        await asyncio.to_thread(self._may_serve, draft.resource, draft.generation)
        await self._account.begin(draft)
        return self._kept(draft)

    async def reserve(self, reserve: ReserveAttempts) -> AttemptsReserved:
        """Holds attempts until the charge that follows."""
        self._check_begun()
        self.let_go(violation("reserve", "comes once for an answer"))
        subjects = messages.names_received(reserve.subjects, "reserve.subjects")
        questions = messages.names_received(reserve.questions, "reserve.questions")
        if len(subjects) != len(questions):
            raise violation("reserve.questions", "are not as many as subjects")
        self._held = self._account.answering(reserve.day)
        attempts, allowed = self._held.__enter__(), self._limits.attempts_per_subject
        refused = await asyncio.to_thread(attempts.reserve, subjects, questions, allowed)
        return AttemptsReserved(refused=refused.tobytes())

    async def charge(self, charge: ChargeAnswer) -> SessionAccounted:
        """Accounts for an answer."""
        entry = await self._entry(charge)
        await self._account.charge(charge.draft, entry)
        self._settled()
        return self._kept(charge.draft)

    async def finish(self, charge: ChargeAnswer) -> SessionFinished:
        """Accounts for the final answer; the receipt."""
        entry = await self._entry(charge)
        self._signatory.check(charge.draft, charge.draft, self._clock())
        receipt = await self._account.finish(charge.draft, entry)
        self._settled()
        return self._ended(receipt)

    async def cut(self, draft: Receipt) -> SessionFinished:
        """Ends it without an answer; the receipt."""
        self._check_same(draft)
        if draft.end == SessionEnd.SESSION_END_COMPLETE:
            self._signatory.check(draft, draft, self._clock())
        self.let_go(violation("cut", "comes in the place of an answer"))
        return self._ended(await self._account.cut(draft))

    def let_go(self, error: StayputError) -> None:
        """The answer that attempts were reserved for will not be given."""
        self._names.clear()
        held, self._held = self._held, None
        if held is not None:
            held.__exit__(type(error), error, None)

    async def close(self) -> None:
        """Ends the account. A session that was begun and has no receipt gets one: its replica is gone."""
        self.let_go(violation("call", "has ended"))
        try:
            if self._draft is not None and not self._finished:
                self._draft.end = SessionEnd.SESSION_END_NODE_CRASHED
                self._draft.finished_at.FromDatetime(self._clock())
                await self._account.cut(self._draft)
                _log.warning("receipt made for a session that its replica left")
        finally:
            await self._account.close()

    async def _entry(self, charge: ChargeAnswer) -> Entry:
        self._check_same(charge.draft)
        if self._too_many_names:
            raise violation("parcel.names", "are more than the session may have records")
        return await asyncio.to_thread(messages.entry_received, charge, bytes(self._names))

    def _kept(self, draft: Receipt) -> SessionAccounted:
        self._draft = Receipt()
        self._draft.CopyFrom(draft)
        return SessionAccounted(draft=draft)

    def _ended(self, receipt: Envelope) -> SessionFinished:
        self._finished = True
        return SessionFinished(receipt=receipt, allowance=self._account.allowance())

    def _settled(self) -> None:
        """The answer is durable, and with it what was reserved for it."""
        self._names.clear()
        held, self._held = self._held, None
        if held is not None:
            held.__exit__(None, None, None)

    def _check_begun(self) -> Receipt:
        if self._draft is None or self._finished:
            raise violation("message", "is not what can follow")
        return self._draft

    def _check_same(self, draft: Receipt) -> None:
        if _constant(draft) != _constant(self._check_begun()):
            raise violation("draft", "is not of the session that was begun")


def violation(field: str, problem: str) -> StayputError:
    """`PROTOCOL_VIOLATION` naming a field: node and replica are not of one release."""
    return StayputError(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
        f"{field}: {problem}",
        field=field,
        remedy="use the same release at node and replica",
    )


def _expected(asked: SessionOpen, admitted: Admitted, names: NodeNames) -> Receipt:
    """What the receipt of a session will say that was asked for and admitted so."""
    grant, ticket = admitted.admission.grant, admitted.admission.ticket
    return Receipt(
        grant_id=grant.id,
        ticket_id=ticket.id,
        consumer=grant.consumer,
        operator=ticket.operator,
        purpose=ticket.purpose,
        case_number=ticket.case_number,
        provider=names.department,
        node_id=names.node_id,
        resource=asked.contract.resource,
        mode=asked.mode,
        granularity=asked.granularity,
        key=asked.key,
        checks=asked.checks,
        software_version=names.software_version,
    )


def _constant(draft: Receipt) -> Receipt:
    constant = Receipt()
    constant.CopyFrom(draft)
    for name in _ADDED:
        constant.ClearField(name)
    return constant
