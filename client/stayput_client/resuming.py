"""A comparison in oblivious mode through one session, or through several when connections break.

What was answered stays. What was not is sent again byte for byte, for which the node charges nothing on the
same day. All sessions must be answered from one generation.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Self

from stayput.errors import StayputError
from stayput_client.evaluation import Evaluation
from stayput_client.exchange import SessionBroken
from stayput_client.replayed import Replayed
from stayput_client.results import Concluded, SignedReceipt
from stayput_client.retries import Retries


class Resumed:
    """Outcomes of each record. `async with` it, iterate `answers()` to the end; then `concluded` is there."""

    def __init__(
        self, opening: Callable[[Replayed], Awaitable[Evaluation]], replayed: Replayed, retries: Retries
    ) -> None:
        self._opening = opening
        self._replayed = replayed
        self._retries = retries
        self._earlier: list[SignedReceipt] = []
        self.concluded: Concluded | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._replayed.close()

    async def answers(self) -> AsyncGenerator[bytes]:
        """Outcome bytes of each chunk, in order, in columns. Raises `SessionBroken` if it cannot go on."""
        while self.concluded is None:
            try:
                async with aclosing(self._session()) as answers:
                    async for codes in answers:
                        yield codes
            except SessionBroken as broken:
                await self._recover(broken.cause)

    async def _session(self) -> AsyncGenerator[bytes]:
        async with (
            await self._opening(self._replayed) as session,
            aclosing(session.answers()) as answers,
        ):
            try:
                async for codes in answers:
                    if codes:
                        self._replayed.unanswered.popleft()
                        self._retries.got_on()
                        yield codes
            finally:
                if session.opened:
                    self._retries.begun()
                self._conclude(session.concluded)

    def _conclude(self, concluded: Concluded | None) -> None:
        if concluded is not None and self._replayed.unanswered:
            # The receipt came, and the connection broke before the last proof.
            self._earlier.append(concluded.receipt)
        elif concluded is not None:
            self.concluded = replace(concluded, earlier=tuple(self._earlier))

    async def _recover(self, cause: StayputError) -> None:
        try:
            await self._retries.wait(cause)
        except StayputError as error:
            raise SessionBroken(error) from None
