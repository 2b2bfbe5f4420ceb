"""The chunks of a comparison in oblivious mode, kept to be sent again as long as they are not answered."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator

from stayput_client.blinded_question import Blinded


class Replayed:
    """`first` and what `following` gives: drawn as they are sent, and kept in `unanswered`.

    Whoever has the answer to the oldest takes it out there. `nothing` is a chunk without records, for a
    session when all is answered and only the receipt is missing.
    """

    def __init__(self, first: Blinded, following: AsyncIterator[Blinded], nothing: Blinded) -> None:
        self._source = _chained(first, following)
        self._nothing = nothing
        self._drawing: asyncio.Future[Blinded | None] | None = None
        self._drawn = 0
        self.unanswered: deque[Blinded] = deque()

    @property
    def first(self) -> int:
        """The number of the chunk with which the next session begins."""
        return self._drawn - len(self.unanswered)

    @property
    def elements(self) -> int:
        """So many may have been evaluated before when the next session begins."""
        return sum(chunk.elements for chunk in self.unanswered)

    async def chunks(self) -> AsyncGenerator[Blinded]:
        """Those of a session: what is not answered, then what was not sent yet; at least one."""
        again, drawn = tuple(self.unanswered), self._drawn
        for chunk in again:
            yield chunk
        while (new := await self._draw()) is not None:
            self.unanswered.append(new)
            yield new
        if not again and drawn == self._drawn:
            yield self._nothing

    async def _draw(self) -> Blinded | None:
        # A session that breaks must not take what is being blinded with it, nor end the source.
        if self._drawing is None:
            self._drawing = asyncio.ensure_future(anext(self._source, None))
        chunk = await asyncio.shield(self._drawing)
        if chunk is not None:
            self._drawing = None
            self._drawn += 1
        return chunk

    async def close(self) -> None:
        """Waits for what is being drawn, so that the source can be closed."""
        if self._drawing is not None:
            await asyncio.gather(self._drawing, return_exceptions=True)
        await self._source.aclose()


async def _chained(first: Blinded, following: AsyncIterator[Blinded]) -> AsyncGenerator[Blinded]:
    yield first
    async for chunk in following:
        yield chunk
