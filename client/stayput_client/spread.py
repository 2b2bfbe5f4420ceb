"""Where the sessions of one agreement are opened: at the addresses whose data the agreement fits.

What was agreed stands on one description, by which records are turned into digests or blinded elements. A
replica may serve the generation before for as long as it copies the new one; so each address is asked for
its own description before a session is opened there, and left out if it describes something else: in keyed
mode another contract, in oblivious mode also another generation or other keys. Thus a session never depends
on two machines having the same data, only on one machine not changing its mind between two calls; where it
does, it refuses the session, and the next agreement begins with a new description.

A session that was opened is not moved. What was sent and not answered is sent elsewhere only where the node
charges nothing for it: before the session is open, or when it was refused outright. (The oblivious mode goes
on after a break in a new session, wherever that is opened: see `stayput_client.resuming`.)

With one address none of this costs a call: what was described is used as it is.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from stayput.contract import require_same
from stayput.errors import StayputError
from stayput.v1.catalogue_pb2 import Resource
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.describing import described, require_published
from stayput_client.exchange import SessionBroken
from stayput_client.home import Home
from stayput_client.models.resources import Description
from stayput_client.models.vocabulary import Mode
from stayput_client.nodes import OTHER_DATA, UNANSWERED, Node, Place, cause_of

if TYPE_CHECKING:  # exists for the type checker only
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

T = TypeVar("T")


class Spread:
    """The addresses of a catalogue entry's node, for sessions in one mode about what `begin` described."""

    def __init__(self, node: Node, entry: Resource, home: Home, mode: Mode) -> None:
        self._node = node
        self._entry = entry
        self._home = home
        self._mode = mode
        self._known: dict[Place, Description] = {}
        self._first: Place | None = None
        self._agreed: Description | None = None

    async def begin(self) -> Description:
        """The description that is agreed on, of the address whose turn it is; raises as `described`.

        Raises also as `require_published` does, in oblivious mode. The next session is opened there.
        """
        self._first, agreed = await self._node.anywhere(self._beginning)
        self._agreed = agreed
        return agreed

    async def _beginning(self, place: Place) -> tuple[Place, Description]:
        found = await self._ask(place)
        if self._mode is Mode.OBLIVIOUS:
            require_published(found, self._entry)
        return place, found

    async def session(
        self,
        opening: Callable[["ComparisonServiceAsyncStub", Description], Awaitable[T]],
        *,
        asked: bool = False,
    ) -> T:
        """What `opening` gives: a session that was opened by a stub, on the description of its address.

        `opening` may be called several times. If it is `asked` in it at once, silence is no reason to call it
        again: the node may have answered and charged. Raises what `opening` raises if there is but one
        address or no other need be tried, else `NowhereError`.
        """

        async def attempt(place: Place) -> T:
            if self.single:
                return await opening(place.stub, self._known[place])
            described_there = await self._described(place)
            try:
                opened = await opening(place.stub, described_there)
            except (StayputError, SessionBroken) as raised:
                self._failed(place, raised, asked=asked)
                raise
            place.served()
            return opened

        first, self._first = self._first, None
        try:
            return await self._node.anywhere(attempt, first)
        except _MayBeChargedError as unanswered:
            raise unanswered.cause from None

    def _failed(self, place: Place, raised: StayputError | SessionBroken, *, asked: bool) -> None:
        error = cause_of(raised)
        if asked and error.reason in UNANSWERED:
            place.failed()
            raise _MayBeChargedError(error) from None
        if error.reason in OTHER_DATA:
            self._known.pop(place, None)

    @property
    def single(self) -> bool:
        """There is but one address: nothing is gained by waiting until a session is open."""
        return self._node.single

    async def _described(self, place: Place) -> Description:
        """What is agreed, as that address describes it; raises one of `OTHER_DATA` if it does not."""
        known = self._known.get(place)
        # Asking costs nothing and shows whether anybody is there, before anything is sent that may cost.
        if known is None or not place.connected:
            known = await self._ask(place)
        if known is not self._agreed:
            self._require_agreed(known)
        return known

    async def _ask(self, place: Place) -> Description:
        found = await described(self._entry, place.stub, self._home, self._node.describe_seconds)
        self._known[place] = found
        return found

    def _require_agreed(self, found: Description) -> None:
        agreed = self._agreed
        if agreed is None:
            raise RuntimeError("`begin` comes first")
        require_same(found.contract, agreed.contract)
        same = found.chunk_records == agreed.chunk_records
        if self._mode is Mode.OBLIVIOUS:
            same = same and (found.generation, found.oblivious) == (agreed.generation, agreed.oblivious)
        if not same:
            raise StayputError(
                ErrorReason.ERROR_REASON_GENERATION_CHANGED,
                "another generation is served here than where the comparison was agreed on",
                field="generation",
                remedy="compare again",
            )


class _MayBeChargedError(Exception):
    """Records were sent, and no word came back."""

    def __init__(self, cause: StayputError) -> None:
        super().__init__(str(cause))
        self.cause = cause
