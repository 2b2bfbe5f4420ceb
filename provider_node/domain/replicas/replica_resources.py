"""A replica's resources: what it serves of those that its node offers, and keeping up with them."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import lmdb
import structlog

from provider_node.domain.evaluating import Evaluators
from provider_node.domain.matching import Matcher
from provider_node.domain.oprf_keys import KeyEpoch
from provider_node.domain.replicas.copying import Copying, Superseded
from provider_node.domain.replicas.following import NODE, Rhythm, not_connected
from provider_node.domain.replicas.key_transfer import ReceivedKeys, received
from provider_node.domain.serving import Serving
from provider_node.domain.tokens import IndexKey
from provider_node.store.directory import damaged
from provider_node.store.generations import Generation, Generations
from stayput.errors import StayputError
from stayput.identity import Kind, Party
from stayput.rpc.client import translated
from stayput.v1.comparison_pb2 import DescribeResponse
from stayput.v1.contract_pb2 import ObliviousOffer
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.replica_pb2 import FollowResponse, ListAllowancesRequest, ReplicaResource
from stayput.v1.signing_pb2 import Envelope

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

_RHYTHM: Final = Rhythm(longest_wait=60.0)
_SECONDS: Final = 20.0
_UNREACHABLE: Final = frozenset(
    {ErrorReason.ERROR_REASON_CONNECTION_FAILED, ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED}
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Opening:
    """With what generations are opened."""

    keys: ReceivedKeys
    generations: Generations


@dataclass(frozen=True, slots=True)
class _Held:
    """What serves here, with the keys it was built under: the node may drop them before its own copy is here.

    `resource` is what the node said of this very generation.
    """

    resource: ReplicaResource
    generation: Generation
    index_key: IndexKey
    epoch: KeyEpoch

    @property
    def offer(self) -> ObliviousOffer | None:
        return self.resource.oblivious if self.resource.HasField("oblivious") else None


class ReplicaResources:
    """Knows each resource by its code. What serves goes on until what takes its place is here and open."""

    def __init__(
        self,
        data: Path,
        copying: Copying,
        changed: Callable[[], None] = lambda: None,
        rhythm: Rhythm = _RHYTHM,
    ) -> None:
        """`data` is the replica's data directory; `changed` is told when `serves` says something else."""
        self._data = data
        self._copying = copying
        self._changed = changed
        self._rhythm = rhythm
        self._opening: _Opening | None = None
        self._cores = ThreadPoolExecutor(os.cpu_count(), "evaluating")
        self._offered: dict[str, ReplicaResource] = {}
        self._held: dict[str, _Held] = {}
        self._news = asyncio.Event()
        self.complete = asyncio.Event()
        """Set as soon as everything that was offered serves here."""

    @property
    def keys(self) -> ReceivedKeys:
        """The node's keys: always the same rings, with what was last heard; `CATCHING_UP` before that."""
        return self._open_with().keys

    def hear(self, said: FollowResponse) -> None:
        """The node serves with these keys from now on, and these resources; `FIELD_INVALID` if it cannot."""
        keys = received(said.keys)
        if self._opening is None:
            self._opening = _Opening(keys, Generations(self._data, keys.index))
        self._opening.keys.replace(keys)
        self._offered = {one.resource: one for one in said.resources}
        for code, held in tuple(self._held.items()):
            offered = self._offered.get(code)
            if offered is None:
                del self._held[code]
                _log.info("resource no longer offered", resource=code)
            elif offered.generation == held.resource.generation:
                self._held[code] = replace(held, resource=offered)
        self._changed()
        self._news.set()

    def serves(self) -> dict[str, str]:
        """What serves here: the generations, by the codes of their resources."""
        return {code: held.resource.generation for code, held in self._held.items()}

    def serving(self, code: str) -> Serving:
        """What answers a session on a resource from now on.

        Raises `RESOURCE_UNKNOWN` if the node offers none of that code, and `RESOURCE_NOT_READY` before it has
        been copied.
        """
        held = self._found(code)
        generation, manifest = held.generation, held.generation.manifest
        return Serving(
            generation=manifest.generation,
            as_of=manifest.as_of,
            contract=manifest.contract,
            granularities=held.resource.granularities,
            offer=held.offer,
            matcher=lambda key, checks: Matcher(generation, held.index_key, key, checks),
            evaluator=Evaluators(generation, held.offer, held.epoch, self._cores),
        )

    def describe(self, code: str) -> Envelope:
        """The node's signed description of what serves here; raises as `serving`."""
        return self._found(code).resource.description

    def _found(self, code: str) -> _Held:
        held = self._held.get(code)
        if held is not None:
            return held
        if code in self._offered:
            raise StayputError(
                ErrorReason.ERROR_REASON_RESOURCE_NOT_READY,
                "this replica has not copied the resource from its node yet",
                field="resource",
                remedy="try again later, or at another address of the resource",
            )
        raise StayputError(
            ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN,
            "this node offers no resource of that code",
            field="resource",
            remedy="see the catalogue",
        )

    async def run(self) -> None:
        """Keeps up with what the node offers until cancelled; what fails is tried again."""
        wait = self._rhythm.first_wait
        while True:
            self._news.clear()
            if await self._caught_up(wait):
                wait = self._rhythm.first_wait
                await self._news.wait()
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), wait)
                wait = min(2 * wait, self._rhythm.longest_wait)

    async def _caught_up(self, wait: float) -> bool:
        """Brings what does not serve here yet; whether everything that is offered does now."""
        for resource in self._lagging():
            try:
                await self._bring(resource)
            except Superseded:
                _log.info("copying ended", resource=resource.resource, generation=resource.generation)
            except StayputError as error:
                _log.warning(
                    "generation not copied",
                    resource=resource.resource,
                    generation=resource.generation,
                    reason=error.reason_name,
                    problem=error.message,
                    retry_seconds=wait,
                )
        if self._opening is None or self._lagging():
            return False
        self.complete.set()
        return True

    def _lagging(self) -> list[ReplicaResource]:
        serves = self.serves()
        return [one for code, one in sorted(self._offered.items()) if serves.get(code) != one.generation]

    async def _bring(self, resource: ReplicaResource) -> None:
        code, generation = resource.resource, resource.generation

        def offered() -> ReplicaResource | None:
            now = self._offered.get(code)
            return now if now is not None and now.generation == generation else None

        await self._copying.bring(resource, lambda: offered() is not None)
        try:
            held = await asyncio.to_thread(self._opened, resource)
        except StayputError:
            await asyncio.to_thread(self._copying.doubt, resource)
            raise
        if (latest := offered()) is None:
            raise Superseded
        self._held[code] = replace(held, resource=latest)
        self._changed()
        _log.info("generation serves", resource=code, generation=generation)

    def _opened(self, resource: ReplicaResource) -> _Held:
        """What has been switched to, verified as a whole."""
        code, opening = resource.resource, self._open_with()
        try:
            generation = opening.generations.current(code)
        except (OSError, lmdb.Error) as error:
            raise damaged(code, "a file that was copied cannot be read") from error
        if generation is None or generation.manifest.generation != resource.generation:
            raise damaged(code, "the generation that was copied does not serve")
        manifest = generation.manifest
        offer = manifest.oblivious.offer if manifest.oblivious is not None else ObliviousOffer()
        of_generation = manifest.generation if offer.new_key_per_generation else None
        epoch = opening.keys.oprf.epoch_named(offer.key_epoch, code, of_generation)
        if resource.HasField("oblivious"):
            if epoch.id != resource.oblivious.key_epoch:
                raise damaged(code, "the generation was built under other OPRF keys than the node sent")
            # The first session shall not wait for libsodium.
            import_module("stayput.oprf")
        return _Held(resource, generation, opening.keys.index.named(manifest.index_key_id), epoch)

    def _open_with(self) -> _Opening:
        if self._opening is None:
            raise not_connected()
        return self._opening


class ReplicaDescribing:
    """Describes resources: what serves here, and what the node says is left to the department."""

    def __init__(self, resources: ReplicaResources, stub: "ReplicaServiceAsyncStub") -> None:
        self._resources = resources
        self._stub = stub

    async def describe(self, resource: str, party: Party) -> DescribeResponse:
        """The signed description, and what is left to that department.

        Raises `RESOURCE_UNKNOWN` or `RESOURCE_NOT_READY`, and `CATCHING_UP` if the node cannot be asked.
        """
        described = DescribeResponse(description=self._resources.describe(resource))
        if party.kind is not Kind.DEPARTMENT:
            return described
        request = ListAllowancesRequest(consumer=party.id, resource=resource)
        try:
            with translated(NODE):
                found = await self._stub.ListAllowances(request, timeout=_SECONDS)
        except StayputError as error:
            if error.reason in _UNREACHABLE:
                raise not_connected() from None
            raise
        described.allowances.extend(found.allowances)
        return described
