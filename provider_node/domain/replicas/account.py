"""Accounts of a replica's sessions: kept by its node, over one call for each session.

A call that breaks leaves the session to the node, which makes its receipt: see `keeping`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc.aio
import structlog

from provider_node.domain.access import Admission, check_department
from provider_node.domain.costs import CountedList, Entry
from provider_node.domain.desk import Admitted
from provider_node.domain.open_sessions import OpenSessions, Stop
from provider_node.domain.replicas import messages
from provider_node.store.attempts import Flags
from provider_node.store.sorted_runs import Numbers
from stayput.errors import StayputError
from stayput.identity import Caller
from stayput.rpc.client import error_of
from stayput.v1.comparison_pb2 import Allowance, SessionOpen
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt, SessionEnd
from stayput.v1.replica_pb2 import (
    AccountRequest,
    AccountResponse,
    AdmitSession,
    BeginSession,
    CutSession,
    NameParcel,
    ReserveAttempts,
)
from stayput.v1.signing_pb2 import Envelope

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

import numpy as np

PARCEL_NAMES: Final = 1024 * 1024 // 8
"""Names in one message: 1 MiB."""
_HANG_UP_SECONDS: Final = 10.0

_Call: TypeAlias = "grpc.aio.StreamStreamCall[AccountRequest, AccountResponse]"

_log = structlog.get_logger(__name__)


class RemoteDesk:
    """Has the node admit sessions."""

    def __init__(self, stub: "ReplicaServiceAsyncStub") -> None:
        self._stub = stub
        self.under_way = OpenSessions()

    async def admit(self, asked: SessionOpen, caller: Caller, now: datetime) -> Admitted:  # noqa: ARG002
        """See `Desk`; raises also `CATCHING_UP` if the node cannot be reached. The node has its own clock."""
        check_department(caller)
        account = RemoteAccount(self._stub.Account(), self.under_way)
        try:
            return Admitted(await account.admit(asked, caller), account)
        except BaseException:
            await account.close()
            raise


class RemoteAccount:
    """The account of one session; see `Account`."""

    def __init__(self, call: _Call, under_way: OpenSessions) -> None:
        self._call = call
        self._under_way = under_way
        self._loop = asyncio.get_running_loop()
        self._grant_id = ""
        self._stop: Stop | None = None
        self._stopped_by: StayputError | None = None
        self._waiting: asyncio.Future[AccountResponse] | None = None
        self._allowance = Allowance()
        self._hearing = asyncio.create_task(self._hear())

    async def admit(self, asked: SessionOpen, caller: Caller) -> Admission:
        """The first word about the session; raises as `Access.admit`, and `CATCHING_UP`."""
        admit = AdmitSession(open=asked, consumer=caller.party.id, thumbprint=caller.thumbprint)
        try:
            answer = await self._asked(AccountRequest(admit=admit))
        except _LostError as error:
            raise _no_node(error) from None
        self._grant_id = answer.admitted.grant.id
        return messages.admission_received(answer.admitted)

    def open(self, stop: Stop) -> None:
        """See `Account`."""
        self._stop = stop
        self._under_way.add(self._grant_id, stop)
        if self._stopped_by is not None:
            stop(self._stopped_by)

    async def begin(self, draft: Receipt) -> None:
        """See `Account`. Completes the draft: the session begins by the node's clock."""
        answer = await self._answered(AccountRequest(begin=BeginSession(draft=draft)))
        draft.CopyFrom(answer.done.draft)

    @contextmanager
    def answering(self, day: str) -> Iterator["_Attempts"]:
        """See `Account`. The node lets go of what was reserved if no charge follows."""
        yield _Attempts(self, day)

    async def charge(self, draft: Receipt, entry: Entry) -> None:
        """See `Account`."""
        answer = await self._charged(draft, entry, final=False)
        draft.CopyFrom(answer.done.draft)

    async def finish(self, draft: Receipt, entry: Entry) -> Envelope:
        """See `Account`."""
        answer = await self._charged(draft, entry, final=True)
        self._allowance = answer.finished.allowance
        return answer.finished.receipt

    async def cut(self, draft: Receipt) -> Envelope:
        """See `Account`. If the call is broken the node has made the receipt already, which is empty here.

        Raises `SESSION_CUT` then if the session was to be complete: its receipt may say otherwise.
        """
        try:
            answer = await self._asked(AccountRequest(cut=CutSession(draft=draft)))
        except _LostError:
            if draft.end == SessionEnd.SESSION_END_COMPLETE:
                raise _lost() from None
            _log.warning("receipt left to the node")
            return Envelope()
        self._allowance = answer.finished.allowance
        return answer.finished.receipt

    def allowance(self) -> Allowance:
        """See `Account`: as the node told it with the receipt."""
        return self._allowance

    async def close(self) -> None:
        """See `Account`."""
        if self._stop is not None:
            self._under_way.discard(self._grant_id, self._stop)
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await self._call.done_writing()
        # The node hangs up when it has ended its part.
        await asyncio.wait([self._hearing], timeout=_HANG_UP_SECONDS)
        self._call.cancel()

    def reserved(self, reserve: ReserveAttempts) -> bytes:
        """The node's answer, for a thread of the event loop's to wait for."""
        asked = self._answered(AccountRequest(reserve=reserve))
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result().reserved.refused

    async def _charged(self, draft: Receipt, entry: Entry, *, final: bool) -> AccountResponse:
        if isinstance(entry.cost, CountedList):
            names = entry.cost.names
            for first in range(0, len(names), PARCEL_NAMES):
                parcel = NameParcel(names=messages.names_sent(names[first : first + PARCEL_NAMES]))
                await self._say(AccountRequest(parcel=parcel))
        return await self._answered(AccountRequest(charge=messages.charge_sent(draft, entry, final=final)))

    async def _answered(self, request: AccountRequest) -> AccountResponse:
        """As `_asked`, in the midst of a session."""
        try:
            return await self._asked(request)
        except _LostError:
            raise _lost() from None

    async def _asked(self, request: AccountRequest) -> AccountResponse:
        self._waiting = self._loop.create_future()
        if self._hearing.done():
            raise _LostError
        await self._say(request)
        answer = await self._waiting
        if answer.WhichOneof("message") == "failed":
            raise messages.failure_received(answer.failed)
        return answer

    async def _say(self, request: AccountRequest) -> None:
        try:
            await self._call.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # Why it broke is known to who reads.
            await asyncio.wait([self._hearing])
            raise _LostError from None

    async def _hear(self) -> None:
        """Hands on what the node says, until the call ends."""
        why: StayputError | None = None
        try:
            async for response in self._call:
                if response.WhichOneof("message") == "stopped":
                    self._stopped(messages.failure_received(response.stopped))
                elif self._waiting is not None and not self._waiting.done():
                    self._waiting.set_result(response)
        except grpc.aio.AioRpcError as error:
            why = error_of(error, "node")
            _log.warning("account of a session broke off", reason=why.reason_name)
        except asyncio.CancelledError:
            # So does a call say that it was cancelled here.
            why = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(_LostError(why))

    def _stopped(self, error: StayputError) -> None:
        self._stopped_by = error
        if self._stop is not None:
            self._stop(error)


class _Attempts:
    """See `Attempts`."""

    def __init__(self, account: RemoteAccount, day: str) -> None:
        self._account = account
        self._day = day

    def reserve(self, subjects: Numbers, questions: Numbers, allowed: int) -> Flags:  # noqa: ARG002
        """The node knows how many are allowed."""
        reserve = ReserveAttempts(
            subjects=messages.names_sent(subjects), questions=messages.names_sent(questions), day=self._day
        )
        return np.frombuffer(self._account.reserved(reserve), np.bool_)


class _LostError(Exception):
    """The call has ended; `args[0]` may say why."""


def _no_node(lost: _LostError) -> StayputError:
    why = lost.args[0] if lost.args else None
    if isinstance(why, StayputError) and why.reason in (
        ErrorReason.ERROR_REASON_LOG_BACKLOG,
        ErrorReason.ERROR_REASON_SHUTTING_DOWN,
    ):
        return why
    return StayputError(
        ErrorReason.ERROR_REASON_CATCHING_UP,
        "this replica cannot reach its node, which keeps the account of every session",
        remedy="try again soon, or at another address of the node",
    )


def _lost() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_SESSION_CUT,
        "the replica lost its node, which keeps the account of the session",
        remedy="open a new session for the records not answered",
    )
