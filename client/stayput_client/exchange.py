"""A conversation over gRPC: as one call for a few records, or as a stream with several chunks under way."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self, TypeAlias, TypeVar

import grpc.aio
from google.protobuf.message import Message
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from stayput.errors import StayputError
from stayput.rpc.client import error_of, translated
from stayput.v1.comparison_pb2 import CompareRecordsRequest, CompareRequest, CompareResponse
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.accounts import violation
from stayput_client.conversation import Conversation
from stayput_client.question import Prepared
from stayput_client.results import Concluded

if TYPE_CHECKING:  # exists for the type checker only
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

MOST_RECORDS_IN_ONE_CALL: Final = 1_000
ONE_CALL_SECONDS: Final = 30.0
# Enough that the node never waits for this side over a link of some 50 ms; each is mostly under 1 MB.
_CHUNKS_UNDER_WAY: Final = 8
_PEER: Final = "node"

CALL_OVER: Final = (grpc.aio.AioRpcError, asyncio.InvalidStateError, cygrpc.InternalError)
"""What writing raises when the call has ended. Answers that came before may still be unread."""

M = TypeVar("M", bound=Message)
R = TypeVar("R")
_Call: TypeAlias = "grpc.aio.StreamStreamCall[CompareRequest, CompareResponse]"


class SessionBroken(Exception):
    """The call failed under way; `cause` says why. What was answered before is good."""

    def __init__(self, cause: StayputError) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def one_call(
    stub: "ComparisonServiceAsyncStub", conversation: Conversation, digests: bytes
) -> tuple[bytes, Concluded]:
    """A whole session of at most 1,000 records: outcome bytes, and how it ended with a verified receipt."""
    request = CompareRecordsRequest(open=conversation.opening, chunk=conversation.seal(digests, final=True))
    with translated(_PEER):
        response = await stub.CompareRecords(request, timeout=ONE_CALL_SECONDS)
    conversation.opened(response.opened)
    answer = conversation.unseal(response.outcomes)
    return answer, conversation.concluded(response.receipt, response.allowance)


class Exchange:
    """A session on the stream. Asks about `first`, then about what `following` gives, drawn as it sends.

    `async with` it, iterate `answers()` to the end; then `concluded` is there. Nothing is asked before that.
    """

    def __init__(
        self,
        stub: "ComparisonServiceAsyncStub",
        conversation: Conversation,
        first: Prepared,
        following: AsyncIterator[Prepared],
    ) -> None:
        self._stub = stub
        self._conversation = conversation
        self._first = first
        self._following = following
        self._under_way = asyncio.Semaphore(_CHUNKS_UNDER_WAY)
        self._waiting_call: _Call | None = None
        self.concluded: Concluded | None = None

    async def open(self) -> None:
        """Waits until the session is open, where it must be known before anything is asked.

        Else the first chunks go out with the opening. Raises what the node refuses it with.
        """
        call = self._stub.Compare()
        try:
            with suppress(*CALL_OVER):  # reading tells how it ended
                await self._send_opening(call)
            response = await _received(call)
            if not response.HasField("opened"):
                raise violation("message")
            self._conversation.opened(response.opened)
        except BaseException as error:
            call.cancel()
            if isinstance(error, SessionBroken):
                raise error.cause from None
            raise
        self._waiting_call = call

    async def __aenter__(self) -> Self:
        opened = self._waiting_call is not None
        self._call: _Call = self._waiting_call or self._stub.Compare()
        self._sender = asyncio.create_task(self._send(self._call, opened=opened))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sender.cancel()
        self._call.cancel()
        await asyncio.gather(self._sender, return_exceptions=True)

    async def _send_opening(self, call: _Call) -> None:
        await call.write(CompareRequest(open=self._conversation.opening))

    async def _send(self, call: _Call, *, opened: bool) -> None:
        try:
            if not opened:
                await self._send_opening(call)
            # A chunk waits until it is known whether another follows, as the final one is sealed as such.
            waiting = self._first
            async for prepared in self._following:
                await self._send_chunk(call, waiting, final=False)
                waiting = prepared
            await self._send_chunk(call, waiting, final=True)
            await call.done_writing()
        except CALL_OVER:
            # Reading tells how it ended.
            return

    async def _send_chunk(self, call: _Call, prepared: Prepared, *, final: bool) -> None:
        await self._under_way.acquire()
        chunk = self._conversation.seal(prepared.digests, final=final)
        await send(call, CompareRequest(chunk=chunk))

    async def answers(self) -> AsyncGenerator[bytes]:
        """Outcome bytes of each chunk, in order. Ends when the receipt has been verified.

        Raises `SessionBroken` when the call fails, and what `following` raises.
        """
        while self.concluded is None:
            response = await self._read()
            match response.WhichOneof("message"):
                case "opened":
                    self._conversation.opened(response.opened)
                case "outcomes":
                    answer = self._conversation.unseal(response.outcomes)
                    self._under_way.release()
                    yield answer
                case "receipt":
                    self.concluded = self._conversation.concluded(response.receipt, response.allowance)
                case _:
                    raise ended_early()

    async def _read(self) -> CompareResponse:
        reading = asyncio.ensure_future(_received(self._call))
        if not self._sender.done():
            await asyncio.wait({reading, self._sender}, return_when=asyncio.FIRST_COMPLETED)
        if self._sender.done() and (error := self._sender.exception()) is not None:
            reading.cancel()
            raise error
        return await reading


async def _received(call: _Call) -> CompareResponse:
    try:
        response = await call.read()
    except grpc.aio.AioRpcError as error:
        raise broken(error) from None
    if not isinstance(response, CompareResponse):  # the end of the stream
        raise ended_early()
    return response


async def send(call: "grpc.aio.StreamStreamCall[M, R]", message: M) -> None:
    """Writes on a stream; raises one of `CALL_OVER` if the call has ended."""
    # When the node ends the call, a `call.write` under way would put INTERNAL in place of the reason and
    # drop the answers not read yet (grpc/grpc issue 36066), so the write goes to the layer below it.
    below = call._cython_call  # type: ignore[attr-defined]  # noqa: SLF001
    await below.send_serialized_message(message.SerializeToString())


def broken(error: grpc.aio.AioRpcError) -> SessionBroken:
    """How a failed read of a node's stream is told."""
    return SessionBroken(error_of(error, _PEER))


def ended_early() -> StayputError:
    """`PROTOCOL_VIOLATION`: the stream ended, and there was no receipt."""
    return StayputError(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
        "the node ended the session without a receipt",
        remedy="nothing of this answer was used; tell the provider",
    )
