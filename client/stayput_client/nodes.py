"""The addresses at which a node answers: its own and those of its replicas, taken in turn.

A replica has the node's certificate name, keys and accounts, so any address will do. What is begun at one
address goes on there; which of them is asked next, and which is let alone for a while, is decided here.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import grpc

from stayput.errors import Reason, StayputError
from stayput.v1.comparison_pb2_grpc import ComparisonServiceStub
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.exchange import SessionBroken

if TYPE_CHECKING:  # exists for the type checker only
    import grpc.aio

    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

T = TypeVar("T")

PASSED_OVER_SECONDS: Final = (10.0, 20.0, 40.0, 60.0)
"""For how long an address is let alone that has failed once, twice, and so on in a row."""
DESCRIBE_SECONDS: Final = 30.0
REACH_SECONDS: Final = 5.0
"""For how long one of several addresses is waited for; gRPC itself would wait for 20 s until it connects."""
_TOLD: Final = 4
UNANSWERED: Final[frozenset[Reason]] = frozenset(
    {ErrorReason.ERROR_REASON_CONNECTION_FAILED, ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED}
)
"""Nothing was heard: what was sent may have arrived all the same."""
_AWAY: Final[frozenset[Reason]] = UNANSWERED | {
    ErrorReason.ERROR_REASON_CATCHING_UP,
    ErrorReason.ERROR_REASON_SHUTTING_DOWN,
    ErrorReason.ERROR_REASON_RESOURCE_NOT_READY,
}
OTHER_DATA: Final[frozenset[Reason]] = frozenset(
    {
        ErrorReason.ERROR_REASON_GENERATION_CHANGED,
        ErrorReason.ERROR_REASON_KEY_EPOCH_MISMATCH,
        ErrorReason.ERROR_REASON_SALT_MISMATCH,
        ErrorReason.ERROR_REASON_FIELDS_MISMATCH,
        ErrorReason.ERROR_REASON_PROFILE_MISMATCH,
        ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED,
        ErrorReason.ERROR_REASON_SEALING_KEY_UNKNOWN,
        # Its keys of the oblivious mode are not those in the catalogue, which may have newer ones.
        ErrorReason.ERROR_REASON_PROOF_INVALID,
    }
)
"""The address is sound and serves another generation or keys than expected: those before, or newer ones."""


class NowhereError(StayputError):
    """None of several addresses would do; has the reason of the last one that may come back."""


def cause_of(raised: StayputError | SessionBroken) -> StayputError:
    """Why it failed."""
    return raised.cause if isinstance(raised, SessionBroken) else raised


class Place:
    """One address. Its channel is opened by `dial` at first use, and kept; `clock` counts seconds."""

    def __init__(
        self,
        address: str,
        dial: Callable[[str], "grpc.aio.Channel"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self._dial = dial
        self._clock = clock
        self._opened: tuple[grpc.aio.Channel, ComparisonServiceAsyncStub] | None = None
        self._failures = 0
        self._back_at = 0.0

    @property
    def stub(self) -> "ComparisonServiceAsyncStub":
        """For calls to this address."""
        if self._opened is None:
            dialled = self._dial(self.address)
            self._opened = dialled, ComparisonServiceStub(dialled)
        return self._opened[1]

    @property
    def connected(self) -> bool:
        """There is a connection, as far as is known."""
        return self._opened is not None and self._opened[0].get_state() is grpc.ChannelConnectivity.READY

    @property
    def passed_over(self) -> bool:
        """It has failed of late."""
        return bool(self._failures) and self._clock() < self._back_at

    def failed(self) -> None:
        """It is passed over for a while, the longer the more often it has failed in a row."""
        if self.passed_over:  # one more of several calls that found it away at once
            return
        seconds = PASSED_OVER_SECONDS[min(self._failures, len(PASSED_OVER_SECONDS) - 1)]
        self._failures += 1
        self._back_at = self._clock() + seconds

    def served(self) -> None:
        """It has opened a session."""
        self._failures = 0


class Node:
    """A node with all its places, at least one; `first` is the number of the one that is asked first."""

    def __init__(self, places: Sequence[Place], first: int | None = None) -> None:
        self._places = tuple(places)
        self._next = secrets.randbelow(len(self._places)) if first is None else first

    @property
    def single(self) -> bool:
        """There is but one address."""
        return len(self._places) == 1

    @property
    def describe_seconds(self) -> float:
        """For how long an answer to `Describe` is waited for."""
        return DESCRIBE_SECONDS if self.single else REACH_SECONDS

    def in_turn(self) -> list[Place]:
        """All places from the one whose turn it is; those that are passed over come last, not never."""
        at = self._next
        ring = sorted(self._places[at:] + self._places[:at], key=lambda place: place.passed_over)
        self._next = (self._places.index(ring[0]) + 1) % len(self._places)
        return ring

    async def anywhere(self, attempt: Callable[[Place], Awaitable[T]], first: Place | None = None) -> T:
        """What `attempt` gives at the first place where it does not fail in a way that others need not.

        Begins with `first`, unless that is passed over by now, else with the place whose turn it is. Raises
        what `attempt` raises for other reasons, or if there is but one address; else `NowhereError`.
        """
        if self.single:
            return await attempt(self._places[0])
        failures: list[tuple[Place, StayputError]] = []
        for place in self._order(first):
            try:
                return await attempt(place)
            except (StayputError, SessionBroken) as raised:
                error = cause_of(raised)
                if error.reason in _AWAY:
                    place.failed()
                elif error.reason not in OTHER_DATA:
                    raise
                failures.append((place, error))
        raise _nowhere(failures)

    def _order(self, first: Place | None) -> list[Place]:
        if first is None or first.passed_over:
            return self.in_turn()
        at = self._places.index(first)
        others = self._places[at + 1 :] + self._places[:at]
        return [first, *sorted(others, key=lambda place: place.passed_over)]


def _nowhere(failures: Sequence[tuple[Place, StayputError]]) -> NowhereError:
    # Other data is there to stay; whoever waits and tries again waits for what is away.
    told = [error for _, error in failures if error.reason in _AWAY] or [error for _, error in failures]
    named = [f"{place.address}: {error}" for place, error in failures]
    if len(named) > _TOLD:
        named[_TOLD:] = [f"and {len(named) - _TOLD} more"]
    return NowhereError(
        told[-1].reason,
        f"no address of the node would do: {'; '.join(named)}",
        field=told[-1].field,
        remedy=told[-1].remedy,
        details=told[-1].details,
    )
