"""One session in oblivious mode on its stream: what goes out, in order, and what comes in, one by one."""

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Self, TypeAlias

import grpc.aio

from stayput.errors import StayputError
from stayput.oblivious import UNPROVED_CHUNKS
from stayput.v1.comparison_pb2 import EvaluateRequest, EvaluateResponse, ProofRequest
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.accounts import violation
from stayput_client.blinded_question import Blinded
from stayput_client.conversation import Conversation
from stayput_client.exchange import CALL_OVER, SessionBroken, broken, ended_early, send
from stayput_client.replayed import Replayed
from stayput_client.results import Concluded

if TYPE_CHECKING:  # exists for the type checker only
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

# The node proves the last answers only: one less, since it answers a chunk before it reads the next message.
_CHUNKS_UNDER_WAY: Final = UNPROVED_CHUNKS - 1
_Call: TypeAlias = "grpc.aio.StreamStreamCall[EvaluateRequest, EvaluateResponse]"


class EvaluateStream:
    """Sends the chunks of `replayed` as they are drawn, a few at a time; `async with` it.

    `asked` are those sent and not answered, oldest first, which the user takes out; `final` says that none
    follows them. Nothing is sent before the node has said that `generation` answers.
    """

    def __init__(
        self,
        stub: "ComparisonServiceAsyncStub",
        conversation: Conversation,
        generation: str,
        replayed: Replayed,
    ) -> None:
        self._stub = stub
        self._conversation = conversation
        self._generation = generation
        self._replayed = replayed
        self._outgoing: asyncio.Queue[EvaluateRequest | None] = asyncio.Queue()
        self._opened = asyncio.Event()
        self._under_way = asyncio.Semaphore(_CHUNKS_UNDER_WAY)
        self.asked: deque[Blinded] = deque()
        self.final = False
        self.concluded: Concluded | None = None

    async def open(self) -> None:
        """Waits until the session is open; raises as `read`."""
        await self.__aenter__()
        try:
            await self.read()
            if not self.opened:
                raise violation("message")
        except BaseException:
            await self.__aexit__()
            raise

    async def __aenter__(self) -> Self:
        if self.opened:
            return self
        self._call: _Call = self._stub.Evaluate()
        self._outgoing.put_nowait(EvaluateRequest(open=self._conversation.opening))
        self._writer = asyncio.create_task(self._write())
        self._feeder = asyncio.create_task(self._feed())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._feeder.cancel()
        self._writer.cancel()
        self._call.cancel()
        await asyncio.gather(self._feeder, self._writer, return_exceptions=True)

    @property
    def opened(self) -> bool:
        """The node has opened the session."""
        return self._opened.is_set()

    async def read(self) -> EvaluateResponse:
        """The next answer or proof; what opens and concludes the session is taken in here.

        Raises `SessionBroken` when the call fails or another generation answers, and what the
        source of the chunks raises.
        """
        response = await self._response()
        match response.WhichOneof("message"):
            case "opened":
                self._conversation.opened(response.opened)
                if response.opened.generation != self._generation:
                    raise SessionBroken(generation_changed())
                self._opened.set()
            case "receipt":
                self.concluded = self._conversation.concluded(response.receipt, response.allowance)
        return response

    def unseal(self, response: EvaluateResponse) -> bytes:
        """The content of an answer."""
        return self._conversation.unseal(response.evaluated)

    def prove(self, request: ProofRequest) -> None:
        """Asks for proof, before anything that is sent from now on."""
        self._outgoing.put_nowait(EvaluateRequest(prove=request))

    def done_with_one(self) -> None:
        """A chunk is dealt with: another may follow."""
        self._under_way.release()

    def end(self) -> None:
        """Nothing more will be sent."""
        self._outgoing.put_nowait(None)

    async def _feed(self) -> None:
        await self._opened.wait()
        async with aclosing(self._replayed.chunks()) as chunks:
            # A chunk waits until it is known whether another follows, as the final one is sealed as such.
            waiting = await anext(chunks)
            async for chunk in chunks:
                await self._ask(waiting, final=False)
                waiting = chunk
            await self._ask(waiting, final=True)

    async def _ask(self, chunk: Blinded, *, final: bool) -> None:
        await self._under_way.acquire()
        self.asked.append(chunk)
        self.final = final
        sealed = self._conversation.seal(chunk.content, final=final)
        self._outgoing.put_nowait(EvaluateRequest(chunk=sealed))

    async def _write(self) -> None:
        try:
            while (message := await self._outgoing.get()) is not None:
                await send(self._call, message)
            await self._call.done_writing()
        except CALL_OVER:
            # Reading tells how it ended.
            return

    async def _response(self) -> EvaluateResponse:
        reading = asyncio.ensure_future(self._call.read())
        try:
            if not self._feeder.done():
                await asyncio.wait({reading, self._feeder}, return_when=asyncio.FIRST_COMPLETED)
            if self._feeder.done() and (error := self._feeder.exception()) is not None:
                raise error
            response = await reading
        except grpc.aio.AioRpcError as error:
            raise broken(error) from None
        finally:
            reading.cancel()
        if not isinstance(response, EvaluateResponse):  # the end of the stream
            raise ended_early()
        return response


def generation_changed() -> StayputError:
    """`GENERATION_CHANGED`: the answers would be about other data than the fingerprints."""
    return StayputError(
        ErrorReason.ERROR_REASON_GENERATION_CHANGED,
        "the provider has switched to another generation since it was described",
        field="generation",
        remedy="compare again what has no answer; answers of one list should be about the same data",
    )
