"""The node's end of the calls by which its replicas have sessions accounted for."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from itertools import chain

from provider_node.domain.accounts import Clock
from provider_node.domain.desk import NodeDesk
from provider_node.domain.identity import NodeNames
from provider_node.domain.replicas import messages
from provider_node.domain.replicas.kept_session import KeptSession
from provider_node.domain.replicas.violations import violation
from stayput.errors import StayputError
from stayput.identity import Caller, department
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.replica_pb2 import AccountRequest, AccountResponse, AdmitSession


class Keeper:
    """Keeps the accounts of sessions at replicas."""

    def __init__(
        self,
        *,
        desk: NodeDesk,
        names: NodeNames,
        clock: Clock,
        check_ready: Callable[[], None],
        may_serve: Callable[[str, str], None],
    ) -> None:
        """`check_ready` raises if no new session may begin.

        `may_serve` raises if a resource's generation may not answer (any more); it may take long and is
        called in a thread.
        """
        self.desk = desk
        self.names = names
        self.clock = clock
        self.check_ready = check_ready
        self.may_serve = may_serve
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
        """One session's account, to the end of the call."""
        told: asyncio.Queue[AccountResponse | None] = asyncio.Queue()
        call = _Call(self, told.put_nowait)
        self._calls[replica].add(call)
        working = asyncio.create_task(call.answer(asked))
        working.add_done_callback(lambda _: told.put_nowait(None))
        try:
            while (response := await told.get()) is not None:
                yield response
            await working
        finally:
            working.cancel()
            self._calls[replica].discard(call)
            # It comes to its end even if this is cancelled once more.
            await asyncio.shield(asyncio.create_task(_closed(working, call)))


async def _closed(working: "asyncio.Task[None]", call: "_Call") -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.wait([working])
    await call.close()


class _Call:
    """One call, for one session."""

    def __init__(self, keeper: Keeper, tell: Callable[[AccountResponse], None]) -> None:
        self._keeper = keeper
        self._tell = tell
        self._session: KeptSession | None = None
        self._working: asyncio.Task[AccountResponse | None] | None = None

    async def answer(self, asked: AsyncIterator[AccountRequest]) -> None:
        """Answers everything that is asked, in turn."""
        async for request in asked:
            # What was begun is brought to its end even if the call breaks meanwhile: `close` waits for it.
            self._working = asyncio.create_task(self._answered(request))
            response = await asyncio.shield(self._working)
            if response is not None:
                self._tell(response)

    async def close(self) -> None:
        """Ends the account."""
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
        keeper.check_ready()
        caller = Caller(department(admit.consumer), admit.thumbprint)
        admitted = await keeper.desk.admit(admit.open, caller, keeper.clock())
        self._session = KeptSession(admit.open, admitted, keeper.names, keeper.clock, keeper.may_serve)
        admitted.account.open(self.stop)
        return AccountResponse(admitted=messages.admission_sent(admitted.admission))

    def stop(self, error: StayputError) -> None:
        """Has the replica end the session with that error."""
        self._tell(AccountResponse(stopped=messages.failure_sent(error)))
