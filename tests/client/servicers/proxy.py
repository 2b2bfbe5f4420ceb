"""A TCP proxy between a consumer and a node, which cuts connections when a test wants it to."""

import asyncio
from typing import Self


class Proxy:
    """Listens on `port` of 127.0.0.1 and forwards to `target`, another one; `async with` it."""

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self._open: set[asyncio.StreamWriter] = set()
        self._forwarding: set[asyncio.Task[None]] = set()
        self.port = 0
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """No connection is accepted any more, and none is left."""
        self._server.close()
        self.cut()
        await asyncio.gather(*self._forwarding, return_exceptions=True)

    def cut(self) -> None:
        """Ends all connections without a word."""
        self.cuts += 1
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_node, from_node = await asyncio.open_connection("127.0.0.1", self.target)
        self._open |= {writer, from_node}
        for source, sink in ((reader, from_node), (to_node, writer)):
            task = asyncio.create_task(self._forward(source, sink))
            self._forwarding.add(task)
            task.add_done_callback(self._forwarding.discard)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            return
        finally:
            self._open.discard(sink)
            sink.close()
