"""The replica's open line to its node: what the replica serves with, and telling the node what it serves.

Until the node has said it once, a replica serves nothing, and while the line is broken it opens no session.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc.aio
import structlog

from stayput.errors import StayputError
from stayput.rpc.client import translated
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.replica_pb2 import FollowRequest, FollowResponse, ServedGeneration

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

NODE: Final = "the node"
"""What the node is called in messages about failed calls to it."""
_FINAL: Final = frozenset({ErrorReason.ERROR_REASON_NOT_PERMITTED, ErrorReason.ERROR_REASON_UNSUPPORTED})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds: the first and the longest wait before trying again what has failed."""

    first_wait: float = 0.2
    longest_wait: float = 10.0


@dataclass(frozen=True, slots=True)
class Introduction:
    """Who follows: the release of its software, and where consumers reach it, `host:port`."""

    software_version: str
    address: str


def not_connected() -> StayputError:
    """`CATCHING_UP`: what only the node can say cannot be asked now."""
    return StayputError(
        ErrorReason.ERROR_REASON_CATCHING_UP,
        "this replica is not connected to its node",
        remedy="try again in a few seconds, or at another address of the resource",
    )


class Following:
    """Hears the node, and calls it again whenever the line breaks."""

    def __init__(
        self,
        stub: "ReplicaServiceAsyncStub",
        node_id: str,
        who: Introduction,
        heard: Callable[[FollowResponse], None],
        rhythm: Rhythm = Rhythm(),
    ) -> None:
        """`heard` is told all that the node says; what it raises breaks the line."""
        self._stub = stub
        self._node_id = node_id
        self._who = who
        self._heard = heard
        self._rhythm = rhythm
        self._serving: Mapping[str, str] = {}
        self._to_tell = asyncio.Event()
        self.connected = False
        self.changed = asyncio.Event()
        """Set when `connected` has changed."""

    def tell(self, serving: Mapping[str, str]) -> None:
        """From now on the replica serves these generations, by the codes of their resources."""
        self._serving = dict(serving)
        self._to_tell.set()

    def check_connected(self) -> None:
        """Passes if the node is there; else `CATCHING_UP`."""
        if not self.connected:
            raise not_connected()

    async def run(self) -> None:
        """Follows until cancelled.

        Raises `NOT_PERMITTED` if the replica is not on the node's list (any more), and `UNSUPPORTED` if the
        two are of different releases: no other try would end otherwise.
        """
        wait, complaint = self._rhythm.first_wait, ""
        while True:
            begun, reason = asyncio.get_running_loop().time(), "hung up"
            try:
                await self._follow()
            except StayputError as error:
                if error.reason in _FINAL:
                    raise
                reason = error.reason_name
            finally:
                was_connected = self.connected
                self._set_connected(now=False)
            if was_connected or reason != complaint:
                _log.warning("node not heard", reason=reason)
            complaint = reason
            # A line that breaks at once each time it is there (two replicas of one bundle) is not hurried.
            if was_connected and asyncio.get_running_loop().time() - begun > self._rhythm.longest_wait:
                wait = self._rhythm.first_wait
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._rhythm.longest_wait)

    async def _follow(self) -> None:
        """One connection; returns when the node hangs up."""
        with translated(NODE):
            call = self._stub.Follow()
            telling = asyncio.create_task(self._tell(call))
            try:
                while isinstance(response := await call.read(), FollowResponse):
                    self._take(response)
            finally:
                telling.cancel()
                call.cancel()
                # What kept it from telling has ended the hearing too, which says why.
                with suppress(asyncio.CancelledError, asyncio.InvalidStateError, grpc.aio.AioRpcError):
                    await telling

    async def _tell(self, call: "grpc.aio.StreamStreamCall[FollowRequest, FollowResponse]") -> None:
        while True:
            self._to_tell.clear()
            await call.write(
                FollowRequest(
                    software_version=self._who.software_version,
                    address=self._who.address,
                    serving=[
                        ServedGeneration(resource=code, generation=generation)
                        for code, generation in sorted(self._serving.items())
                    ],
                )
            )
            await self._to_tell.wait()

    def _take(self, response: FollowResponse) -> None:
        if response.node_id != self._node_id:
            raise StayputError(
                ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
                "the node that answers is another than the bundle names",
                field="node_id",
                remedy="have the administrator of the node make a new bundle",
            )
        self._heard(response)
        if not self.connected:
            _log.info("following the node", node=self._node_id, resources=len(response.resources))
        self._set_connected(now=True)

    def _set_connected(self, *, now: bool) -> None:
        if self.connected != now:
            self.connected = now
            self.changed.set()
