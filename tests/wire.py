"""A proxy that ends TLS between consumer and node, as government networks have them: it sees every message.

It holds both parties' TLS keys, which in a deployment would be the worst proxy there could be.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

import grpc
import grpc.aio

from stayput.rpc import tls


class Direction(Enum):
    """Which way a message went."""

    TO_NODE = "to node"
    TO_CONSUMER = "to consumer"


@dataclass(frozen=True, slots=True)
class Seen:
    """One gRPC message as it was on the wire below TLS."""

    method: str
    direction: Direction
    message: bytes


Reaction = Callable[[Seen], Awaitable[None]]


@dataclass
class Proxy:
    """Forwards every call and keeps what it saw. `reaction` runs before a message is passed on."""

    reaction: Reaction | None = None
    upstream: grpc.aio.Channel | None = None
    seen: list[Seen] = field(default_factory=list)

    async def pass_on(self, method: str, direction: Direction, message: bytes) -> bytes:
        """Keeps one message."""
        seen = Seen(method, direction, message)
        self.seen.append(seen)
        if self.reaction is not None:
            await self.reaction(seen)
        return message


class _Forward(grpc.GenericRpcHandler):
    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        method = handler_call_details.method

        async def forward(
            requests: AsyncIterator[bytes], context: "grpc.aio.ServicerContext[bytes, bytes]"
        ) -> AsyncIterator[bytes]:
            async def outgoing() -> AsyncIterator[bytes]:
                async for request in requests:
                    yield await self._proxy.pass_on(method, Direction.TO_NODE, request)

            assert self._proxy.upstream is not None
            forwarded: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._proxy.upstream.stream_stream(
                method
            )
            call = forwarded(outgoing())
            try:
                async for response in call:
                    yield await self._proxy.pass_on(method, Direction.TO_CONSUMER, response)
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "", error.trailing_metadata() or ())

        return grpc.stream_stream_rpc_method_handler(forward)


async def start_proxy(
    credentials: tls.Credentials, reaction: Reaction | None = None
) -> tuple[grpc.aio.Server, Proxy, int]:
    """A proxy that shows `credentials` (the node's), with its port; it needs its `upstream` before a call."""
    proxy = Proxy(reaction)
    server = tls.server([])
    server.add_generic_rpc_handlers((_Forward(proxy),))
    port = tls.listen(server, "127.0.0.1:0", credentials)
    await server.start()
    return server, proxy, port
