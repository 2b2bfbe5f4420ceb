"""ComparisonService: sessions over gRPC."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from provider_node.domain.comparison import CALL_RECORDS
from provider_node.domain.describing import Describing
from provider_node.domain.evaluation import Evaluation
from provider_node.domain.session import Session
from provider_node.domain.sessions import Sessions
from stayput.errors import StayputError, field_invalid
from stayput.rpc.server import Context, caller
from stayput.v1.comparison_pb2 import (
    CompareRecordsRequest,
    CompareRecordsResponse,
    CompareRequest,
    CompareResponse,
    DescribeRequest,
    DescribeResponse,
    EvaluateRequest,
    EvaluateResponse,
    FetchFingerprintsRequest,
    FetchFingerprintsResponse,
)
from stayput.v1.comparison_pb2_grpc import ComparisonServiceServicer
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import SessionEnd

_Request = TypeVar("_Request", CompareRequest, EvaluateRequest)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a consumer may take to send its next message: as a rule, and when the node is stopping."""

    usual: float = 120.0
    stopping: float = 1.0


class ComparisonServicer(ComparisonServiceServicer):
    """Converts and forwards. `check_ready` raises if no new session may begin."""

    def __init__(
        self,
        sessions: Sessions,
        describing: Describing,
        check_ready: Callable[[], None],
        patience: Patience,
    ) -> None:
        self._sessions = sessions
        self._describing = describing
        self._check_ready = check_ready
        self._patience = patience

    async def Describe(self, request: DescribeRequest, context: Context) -> DescribeResponse:
        """The signed description of a resource."""
        return await self._describing.describe(request.resource, caller(context).party)

    async def Compare(
        self, request_iterator: AsyncIterator[CompareRequest], context: Context
    ) -> AsyncIterator[CompareResponse]:
        """One session."""
        self._check_ready()
        who = caller(context)
        async with aclosing(self._in_time(request_iterator)) as requests:
            first = await anext(requests, None)
        if first is None or first.WhichOneof("message") != "open":
            raise _violation("a session begins with `open`")
        async with (
            self._sessions.open(first.open, who) as session,
            aclosing(self._in_time(request_iterator, session)) as requests,
        ):
            yield CompareResponse(opened=session.opened)
            async for request in requests:
                if request.WhichOneof("message") != "chunk":
                    raise _violation("after `open` only chunks follow")
                outcomes, receipt = await session.answer(request.chunk)
                yield CompareResponse(outcomes=outcomes)
                if receipt is not None:
                    yield CompareResponse(receipt=receipt, allowance=session.allowance())
                    return
            await _cut_short(session)

    async def CompareRecords(
        self, request: CompareRecordsRequest, context: Context
    ) -> CompareRecordsResponse:
        """A whole session in one call."""
        self._check_ready()
        if not request.chunk.final:
            raise field_invalid(
                "chunk.final", "must be set: the call holds a whole session", "use Compare for several chunks"
            )
        async with self._sessions.open(request.open, caller(context)) as session:
            outcomes, receipt = await session.answer(request.chunk, CALL_RECORDS)
            return CompareRecordsResponse(
                opened=session.opened,
                outcomes=outcomes,
                receipt=receipt,
                allowance=session.allowance(),
            )

    async def Evaluate(
        self, request_iterator: AsyncIterator[EvaluateRequest], context: Context
    ) -> AsyncIterator[EvaluateResponse]:
        """One session in oblivious mode."""
        self._check_ready()
        who = caller(context)
        async with aclosing(self._in_time(request_iterator)) as requests:
            first = await anext(requests, None)
        if first is None or first.WhichOneof("message") != "open":
            raise _violation("a session begins with `open`")
        async with (
            self._sessions.open_evaluation(first.open, who) as session,
            aclosing(self._in_time(request_iterator, session)) as requests,
        ):
            yield EvaluateResponse(opened=session.opened)
            async for request in requests:
                async for response in self._evaluated(session, request):
                    yield response
            if not session.ended:
                await _cut_short(session)

    async def _evaluated(
        self, session: Evaluation, request: EvaluateRequest
    ) -> AsyncGenerator[EvaluateResponse, None]:
        match request.WhichOneof("message"):
            case "chunk":
                evaluated, receipt = await session.answer(request.chunk)
                yield EvaluateResponse(evaluated=evaluated)
                async for more in session.more():
                    yield EvaluateResponse(evaluated=more)
                if receipt is not None:
                    yield EvaluateResponse(receipt=receipt, allowance=session.allowance())
            case "prove":
                yield EvaluateResponse(proof=await session.prove(request.prove))
            case _:
                raise _violation("after `open` only chunks and requests for proof follow")

    async def FetchFingerprints(
        self, request: FetchFingerprintsRequest, context: Context
    ) -> AsyncIterator[FetchFingerprintsResponse]:
        """The fingerprints of the serving generation."""
        self._check_ready()
        async with (
            self._sessions.open_fetch(request, caller(context)) as session,
            aclosing(session.blocks()) as blocks,
        ):
            yield FetchFingerprintsResponse(opened=session.opened)
            async for block in blocks:
                yield FetchFingerprintsResponse(block=block)
            yield FetchFingerprintsResponse(receipt=session.receipt, allowance=session.allowance())

    async def _in_time(
        self, requests: AsyncIterator[_Request], session: Session | None = None
    ) -> AsyncGenerator[_Request, None]:
        """The consumer's messages, before a session is open or in it.

        Raises `SESSION_CUT` if they do not come, `SHUTTING_DOWN`, or what the session is stopped with.
        """
        stopping: asyncio.Task[bool] = asyncio.create_task(self._sessions.stopping.wait())
        events: list[asyncio.Task[bool]] = [stopping]
        if session is not None:
            events.append(asyncio.create_task(session.stopped.wait()))
        try:
            while True:
                coming = asyncio.ensure_future(anext(requests, None))
                try:
                    await asyncio.wait(
                        [coming, *events],
                        timeout=self._patience.usual,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                    if session is not None:
                        session.check_running()
                    if stopping.done():
                        await asyncio.wait([coming], timeout=self._patience.stopping)
                    if not coming.done():
                        raise self._out_of_patience()
                finally:
                    coming.cancel()
                request = coming.result()
                if request is None:
                    return
                yield request
        finally:
            for event in events:
                event.cancel()

    def _out_of_patience(self) -> StayputError:
        if self._sessions.stopping.is_set():
            return StayputError(
                ErrorReason.ERROR_REASON_SHUTTING_DOWN,
                "the node is stopping",
                remedy="open a new session when it is back",
            )
        return _session_cut(f"nothing came for {self._patience.usual:g} seconds")


async def _cut_short(session: Session) -> NoReturn:
    await session.cut(SessionEnd.SESSION_END_CUT_BY_CONSUMER)
    raise _session_cut("the session ended before its final chunk")


def _session_cut(problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_SESSION_CUT, problem, remedy="open a new session and send all its chunks"
    )


def _violation(problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION, problem, remedy="follow docs/protocol.md"
    )
