"""The replicas that are connected: what each is told, and what it says of itself."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

from provider_node.config.node import Address
from provider_node.domain.replicas.admission import replica_name
from provider_node.domain.replicas.offering import Offering
from provider_node.store.directory import GENERATION
from provider_node.store.replicas import Replicas
from stayput.errors import StayputError, field_invalid
from stayput.identity import Caller, checked_code
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.replica_pb2 import FollowRequest, FollowResponse

_ADDRESS: Final[TypeAdapter[str]] = TypeAdapter(Address)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Follower:
    """A replica that is connected: where consumers reach it, and by resource the generation it serves."""

    name: str
    address: str
    since: datetime
    serving: Mapping[str, str]


@dataclass
class _Line:
    """A connection. `look` is set when there may be something to do on it."""

    follower: Follower
    replaced: bool = False
    look: asyncio.Event = field(default_factory=asyncio.Event)


class Followers:
    """Tells each replica what it serves with, for as long as it is connected. For one event loop."""

    def __init__(
        self,
        *,
        replicas: Replicas,
        offering: Offering,
        software_version: str,
        clock: Callable[[], datetime],
        poll_seconds: float = 1.0,
    ) -> None:
        """Looks for changes each `poll_seconds`, and at `wake`."""
        self._replicas = replicas
        self._offering = offering
        self._software_version = software_version
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._lines: dict[str, _Line] = {}
        self._stopping = False

    def all(self) -> list[Follower]:
        """Those that are connected, by name."""
        return [line.follower for _, line in sorted(self._lines.items())]

    def wake(self) -> None:
        """Has it looked at once whether anything has changed."""
        for line in self._lines.values():
            line.look.set()

    def stop(self) -> None:
        """Ends all connections with `SHUTTING_DOWN`: the node is stopping."""
        self._stopping = True
        self.wake()

    async def follow(
        self, who: Caller, requests: AsyncIterator[FollowRequest]
    ) -> AsyncGenerator[FollowResponse, None]:
        """What a replica serves with, now and whenever it changes, until it hangs up.

        Raises `NOT_PERMITTED` as soon as the replica is not on the list (any more), `UNSUPPORTED` for one of
        another release, `FIELD_INVALID`, `SESSION_CUT` when the same replica has connected again, and
        `SHUTTING_DOWN`.
        """
        name = replica_name(who, self._replicas)
        first = await anext(requests, None)
        if first is None:
            return
        with self._connected(self._told(name, first, self._clock())) as line:
            hearing = asyncio.create_task(self._hear(line, requests))
            hearing.add_done_callback(lambda _: line.look.set())
            sent: FollowResponse | None = None
            try:
                while not hearing.done():
                    line.look.clear()
                    self._check(who, line)
                    offered = await asyncio.to_thread(self._offering.current)
                    if offered is not sent:
                        sent = offered
                        yield offered
                    with suppress(TimeoutError):
                        await asyncio.wait_for(line.look.wait(), self._poll_seconds)
                hearing.result()
            finally:
                hearing.cancel()

    @contextmanager
    def _connected(self, follower: Follower) -> Iterator[_Line]:
        """Takes the place of the replica's connection before, which may be dead without knowing it."""
        name, line = follower.name, _Line(follower)
        before = self._lines.get(name)
        if before is not None:
            before.replaced = True
            before.look.set()
        self._lines[name] = line
        _log.info("replica connected", replica=name)
        try:
            yield line
        finally:
            if self._lines.get(name) is line:
                del self._lines[name]
                _log.info("replica disconnected", replica=name)

    async def _hear(self, line: _Line, requests: AsyncIterator[FollowRequest]) -> None:
        while (request := await anext(requests, None)) is not None:
            line.follower = self._told(line.follower.name, request, line.follower.since)

    def _check(self, who: Caller, line: _Line) -> None:
        """Passes if the connection may go on."""
        replica_name(who, self._replicas)
        if self._stopping:
            raise StayputError(
                ErrorReason.ERROR_REASON_SHUTTING_DOWN, "the node is stopping", remedy="connect again later"
            )
        if line.replaced:
            raise StayputError(
                ErrorReason.ERROR_REASON_SESSION_CUT,
                "the replica has connected again, and is told by that connection",
                remedy="if two machines use this bundle, give each one of its own",
            )

    def _told(self, name: str, request: FollowRequest, since: datetime) -> Follower:
        if request.software_version != self._software_version:
            raise StayputError(
                ErrorReason.ERROR_REASON_UNSUPPORTED,
                "node and replica are of different releases",
                field="software_version",
                remedy="install the same release on both",
                details={"node": self._software_version, "replica": request.software_version},
            )
        for one in request.serving:
            checked_code(one.resource, "serving.resource")
            if not GENERATION.fullmatch(one.generation):
                raise field_invalid("serving.generation", "is no id of a generation", "send what serves")
        serving = {one.resource: one.generation for one in request.serving}
        return Follower(name, _checked_address(request.address), since, serving)


def _checked_address(address: str) -> str:
    try:
        return _ADDRESS.validate_python(address)
    except ValidationError:
        raise field_invalid(
            "address", "must be host:port", "start the replica with the address where consumers reach it"
        ) from None
