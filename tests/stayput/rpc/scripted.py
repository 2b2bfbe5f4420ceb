"""A servicer whose every call first does what a test wants, and the types of the fixtures that serve it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from stayput.rpc.server import Context
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

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

Act = Callable[[Context], Awaitable[None]]
Serve = Callable[[Act], Awaitable["ComparisonServiceAsyncStub"]]


class Scripted(ComparisonServiceServicer):
    """Answers each request, and each message of a stream, with an empty message after `act`."""

    def __init__(self, act: Act) -> None:
        self._act = act

    async def Describe(self, request: DescribeRequest, context: Context) -> DescribeResponse:  # noqa: N802
        await self._act(context)
        return DescribeResponse()

    async def Compare(  # noqa: N802
        self, request_iterator: AsyncIterator[CompareRequest], context: Context
    ) -> AsyncIterator[CompareResponse]:
        async for _ in request_iterator:
            await self._act(context)
            yield CompareResponse()

    async def CompareRecords(  # noqa: N802
        self, request: CompareRecordsRequest, context: Context
    ) -> CompareRecordsResponse:
        await self._act(context)
        return CompareRecordsResponse()

    async def Evaluate(  # noqa: N802
        self, request_iterator: AsyncIterator[EvaluateRequest], context: Context
    ) -> AsyncIterator[EvaluateResponse]:
        async for _ in request_iterator:
            await self._act(context)
            yield EvaluateResponse()

    async def FetchFingerprints(  # noqa: N802
        self, request: FetchFingerprintsRequest, context: Context
    ) -> AsyncIterator[FetchFingerprintsResponse]:
        await self._act(context)
        yield FetchFingerprintsResponse()


async def do_nothing(context: Context) -> None:
    """For calls that simply succeed."""
