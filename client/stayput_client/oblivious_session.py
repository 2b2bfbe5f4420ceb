"""What one comparison in oblivious mode stands on: sets, blinds, cached fingerprints, and its sessions.

Whoever imports this loads libsodium and numpy, which takes a third of a second: `stayput_client.oblivious`
puts that off until a comparison is made.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from stayput.errors import StayputError, field_invalid
from stayput.oblivious import asked_sets
from stayput.v1.contract_pb2 import ObliviousOffer
from stayput_client.accounts import Account
from stayput_client.blinding import KEY_BYTES, Blinds
from stayput_client.conversation import Terms
from stayput_client.evaluate_stream import EvaluateStream
from stayput_client.exchange import SessionBroken
from stayput_client.fetching import Fetched, Opened, Opening, Source, fetched
from stayput_client.fingerprint_cache import Generation
from stayput_client.models.resources import Description
from stayput_client.models.vocabulary import Mode
from stayput_client.nodes import NowhereError
from stayput_client.oblivious import ObliviousAgreed
from stayput_client.oblivious_accounts import Evaluated
from stayput_client.replayed import Replayed
from stayput_client.retries import Retries

if TYPE_CHECKING:  # exists for the type checker only
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

T = TypeVar("T")


class ObliviousSession:
    """Opens the sessions of one comparison; `blinds` are its own."""

    def __init__(self, of: ObliviousAgreed) -> None:
        self._of = of
        self._agreed = of.agreed
        self._offer = _offered(of)
        self._description = of.agreed.description
        question = of.agreed.question
        self.contract = of.agreed.description.contract
        self.sets = asked_sets(self._offer, question.key, question.checks, of.agreed.granularity.value)
        self.blinds = Blinds(secrets.token_bytes(KEY_BYTES))

    def retries(self) -> Retries:
        """How often a session that breaks is followed by another."""
        return Retries(self._of.waits, self._agreed.comparator.forget_tickets)

    async def fetched(self) -> Fetched:
        """The fingerprints of the sets, from the cache or from the node."""
        generation = self._description.generation
        source = Source(self._fetching, generation, self.sets, self._of.fetching)
        return await fetched(source, Generation(self._of.root, self._description), self.retries())

    async def _fetching(self, opening: Opening) -> Opened:
        terms = replace(await self._terms(), fetched_generation=self._description.generation)

        async def fetch(stub: "ComparisonServiceAsyncStub", at: Description) -> Opened:
            return await opening(stub, self._agreed.conversation(terms, Evaluated(0), at))

        return await self._somewhere(fetch)

    async def stream(self, replayed: Replayed, account: Account) -> EvaluateStream:
        """Another session over what is not answered yet.

        Raises `SessionBroken` if there is no ticket, or none of several addresses would open it.
        """
        first = replayed.first
        try:
            terms = await self._terms()
        except StayputError as error:
            raise SessionBroken(error) from None
        terms = replace(terms, blinding_key=self.blinds.secret, first_chunk=first)

        async def evaluate(stub: "ComparisonServiceAsyncStub", at: Description) -> EvaluateStream:
            conversation = self._agreed.conversation(terms, account, at)
            stream = EvaluateStream(stub, conversation, self._description.generation, replayed)
            if not self._agreed.spread.single:
                await stream.open()
            return stream

        return await self._somewhere(evaluate)

    async def _somewhere(
        self, opening: Callable[["ComparisonServiceAsyncStub", Description], Awaitable[T]]
    ) -> T:
        """A session at whichever address; if none would do it may be waited for, as after a break."""
        try:
            return await self._agreed.spread.session(opening)
        except NowhereError as error:
            raise SessionBroken(error) from None

    async def _terms(self) -> Terms:
        terms = await self._agreed.terms()
        suite, epoch = self._offer.suite, self._offer.key_epoch
        return replace(terms, mode=Mode.OBLIVIOUS, oblivious_suite=suite, key_epoch=epoch)


def _offered(of: ObliviousAgreed) -> ObliviousOffer:
    offer = of.agreed.description.oblivious
    if offer is None:
        raise field_invalid(
            "mode", "the resource does not offer the oblivious mode", "see `stayput describe`"
        )
    return offer
