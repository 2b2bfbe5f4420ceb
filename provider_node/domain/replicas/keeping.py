"""The node's end of the calls by which its replicas have sessions accounted for."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import chain
from typing import TypeAlias

from provider_node.domain.accounts import Clock
from provider_node.domain.desk import NodeDesk
from provider_node.domain.identity import NodeNames
from provider_node.domain.replicas import drafts, messages
from provider_node.domain.replicas.kept_session import KeptSession
from provider_node.domain.replicas.violations import violation
from stayput.errors import StayputError
from stayput.identity import Caller, department
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput.v1.replica_pb2 import AccountRequest, AccountResponse, AdmitSession

_Told: TypeAlias = "asyncio.Queue[AccountResponse | None]"


class Keeper:
    """Keeps the accounts of sessions at replicas."""

    def __init__(
        self,
        *,
        desk: NodeDesk,
        names: NodeNames,
        clock: Clock,
        check_ready: Callable[[], None],
        may_serve: Callable[[Receipt], None],
    ) -> None:
        """`check_ready` raises if no new session may begin.

        `may_serve` raises if the generation of a draft may not answer (any more), or is not as the draft
        says; it may take long and is called in a thread.
        """
        self.desk = desk
        self.names = names
        self.clock = clock
        self.check_ready = check_ready
        self.may_serve = may_serve
        self.session_ids: set[bytes] = set()
        self._calls: defaultdict[str, set[_Call]] = defaultdict(set)

    def open_sessions(self, replica: str) -> int:
        """Sessions under way at a replica."""
        return len(self._calls.get(replica, ()))

    def stop(self) -> None:
        """The node is stopping: the replicas shall end their sessions."""
        for call in chain(*self._calls.values()):
            call.stop(
                StayputError(
                    ErrorReason.ERROR_REASON_SHUTTING_DOWN,
                    "the node is stopping",
                    remedy="open a new session when it is back",
                )
            )

    async def keep(
        self, replica: str, asked: AsyncIterator[AccountRequest]
    ) -> AsyncGenerator[AccountResponse, None]:
        """One session's account, to the end of the call.

        Raises `TICKET_EXPIRED` long after the session's time: a replica that does not end it is as good as
        gone.
        """
        told: _Told = asyncio.Queue()
        call = _Call(self, told)
        self._calls[replica].add(call)
        serving = asyncio.create_task(call.serve(asked))
        serving.add_done_callback(lambda _: told.put_nowait(None))
        try:
            while (response := await told.get()) is not None:
                yield response
                told.task_done()
            await serving
        finally:
            serving.cancel()
            self._calls[replica].discard(call)
            await asyncio.wait([serving])
            await call.closed()


class _Call:
    """One call, for one session."""

    def __init__(self, keeper: Keeper, told: _Told) -> None:
        self._keeper = keeper
        self._told = told
        self._session: KeptSession | None = None
        self._working: asyncio.Task[AccountResponse | None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def serve(self, asked: AsyncIterator[AccountRequest]) -> None:
        """Answers everything that is asked, in turn, and ends the account."""
        try:
            async with asyncio.timeout(None) as patience:
                async for request in asked:
                    response = await self._answer(request)
                    if self._session is not None and response in ("admitted", "done"):
                        now = asyncio.get_running_loop().time()
                        patience.reschedule(now + self._session.seconds_left())
                    # Answers that nobody reads must not pile up.
                    await self._told.join()
        except TimeoutError:
            raise _outlived() from None
        finally:
            await self.closed()

    async def closed(self) -> None:
        """Returns when the account is ended; it comes to its end even if whoever waits is cancelled."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _answer(self, request: AccountRequest) -> str | None:
        """The kind of what was answered."""
        # What was begun is brought to its end even if the call breaks meanwhile: `_close` waits for it.
        self._working = asyncio.create_task(self._answered(request))
        response = await asyncio.shield(self._working)
        if response is None:
            return None
        self._told.put_nowait(response)
        return response.WhichOneof("message")

    async def _close(self) -> None:
        if self._working is not None:
            await asyncio.wait([self._working])
        if self._session is not None:
            await self._session.close()

    async def _answered(self, request: AccountRequest) -> AccountResponse | None:
        if request.WhichOneof("message") == "parcel":
            if self._session is not None:
                self._session.add_names(request.parcel.names)
            return None
        try:
            return await self._done(request)
        except StayputError as error:
            if self._session is not None:
                self._session.let_go(error)
            return AccountResponse(failed=messages.failure_sent(error))

    async def _done(self, request: AccountRequest) -> AccountResponse:
        kind, session = request.WhichOneof("message"), self._session
        if session is None:
            if kind == "admit":
                return await self._admit(request.admit)
            raise violation("message", "is not what can follow")
        match kind:
            case "begin":
                return AccountResponse(done=await session.begin(request.begin.draft))
            case "reserve":
                return AccountResponse(reserved=await session.reserve(request.reserve))
            case "charge" if request.charge.final:
                return AccountResponse(finished=await session.finish(request.charge))
            case "charge":
                return AccountResponse(done=await session.charge(request.charge))
            case "cut":
                return AccountResponse(finished=await session.cut(request.cut.draft))
        raise violation("message", "is not what can follow")

    async def _admit(self, admit: AdmitSession) -> AccountResponse:
        keeper = self._keeper
        drafts.check_asked(admit.open)
        keeper.check_ready()
        caller = Caller(department(admit.consumer), admit.thumbprint)
        admitted = await keeper.desk.admit(admit.open, caller, keeper.clock())
        self._session = KeptSession(
            admit.open, admitted, keeper.names, keeper.clock, keeper.may_serve, keeper.session_ids
        )
        admitted.account.open(self.stop)
        return AccountResponse(admitted=messages.admission_sent(admitted.admission))

    def stop(self, error: StayputError) -> None:
        """Has the replica end the session with that error."""
        self._told.put_nowait(AccountResponse(stopped=messages.failure_sent(error)))


def _outlived() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_TICKET_EXPIRED,
        "the session has outlived by far what its ticket and grant allow",
        field="ticket",
        remedy="open a new session with a new ticket for the records not answered",
    )
