"""Faults on demand in the platform of the tests: calls that fail or hang, and answers that are lost."""

import asyncio
from dataclasses import dataclass, field

import grpc

from stayput.errors import StayputError
from stayput.rpc.server import Context


@dataclass
class Hold:
    """A point that a call reaches and does not leave."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def here(self) -> None:
        """The call has come."""
        self.reached.set()
        await self.released.wait()


@dataclass
class Faults:
    """What goes wrong: calls that fail, answers lost after what was asked is done, calls that hang.

    `holds` has points by name: `before CALL` when it has come, `after CALL` when what was asked is done.
    """

    errors: dict[str, StayputError] = field(default_factory=dict)
    lose: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)

    def hold(self, point: str) -> Hold:
        """Calls hang there from now on."""
        self.holds[point] = Hold()
        return self.holds[point]

    async def before(self, call: str) -> None:
        """Hangs or fails."""
        if f"before {call}" in self.holds:
            await self.holds[f"before {call}"].here()
        if call in self.errors:
            raise self.errors[call]

    async def after(self, call: str, context: Context) -> None:
        """Hangs or loses the answer."""
        if f"after {call}" in self.holds:
            await self.holds[f"after {call}"].here()
        if self.lose.get(call, 0):
            self.lose[call] -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")
