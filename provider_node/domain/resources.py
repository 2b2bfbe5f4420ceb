"""The node's resources: what is configured, what serves, what is published."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib import import_module
from typing import Final

import lmdb
import structlog

from provider_node.config import ResourceConfig, ScheduleConfig
from provider_node.domain import catalogue
from provider_node.domain.accounts import Clock
from provider_node.domain.addresses import checked_callable
from provider_node.domain.evaluating import Evaluators
from provider_node.domain.generations import last_begun, listed, roll_back
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.key_rings import IndexKeys
from provider_node.domain.matching import Matcher
from provider_node.domain.oprf_keys import KeyEpoch, OprfKeys
from provider_node.domain.platform import Platform
from provider_node.domain.serving import Serving
from provider_node.domain.status import built, status_of
from provider_node.store.directory import damaged
from provider_node.store.generations import Generation, Generations
from provider_node.store.manifest import Manifest
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.v1.admin_pb2 import GenerationStatus, ResourceStatus
from stayput.v1.contract_pb2 import ObliviousOffer
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope

_OPENED_AT_ONCE: Final = 2

_log = structlog.get_logger(__name__)


class Resources:
    """Knows each resource by its code."""

    def __init__(  # noqa: PLR0913 (each is a part of the node that serving or publishing needs)
        self,
        *,
        configured: Mapping[str, ResourceConfig],
        generations: Generations,
        index_keys: IndexKeys,
        oprf_keys: OprfKeys,
        identity: NodeIdentity,
        state: State,
        clock: Clock,
        replica_addresses: Sequence[str] = (),
    ) -> None:
        """`replica_addresses` are where else than at the node's own address consumers may call."""
        self._configured = configured
        self._generations = generations
        self._index_keys = index_keys
        self._oprf_keys = oprf_keys
        self._identity = identity
        self._state = state
        self._clock = clock
        self._replica_addresses = replica_addresses
        self._cores = ThreadPoolExecutor(os.cpu_count(), "evaluating")
        self._opening = ThreadPoolExecutor(_OPENED_AT_ONCE, "opening")
        self._opened: dict[str, asyncio.Future[Generation | None]] = {}
        if any(one.oblivious for one in configured.values()):
            # The first session shall not wait for libsodium.
            import_module("stayput.oprf")

    def scheduled(self) -> dict[str, ScheduleConfig]:
        """The schedules of the resources that have one, by code."""
        configured = dict(self._configured)
        return {code: one.schedule for code, one in sorted(configured.items()) if one.schedule is not None}

    def codes(self) -> list[str]:
        """Of all resources, in order."""
        return sorted(dict(self._configured))

    def config(self, code: str) -> ResourceConfig:
        """Configuration of a resource; `RESOURCE_UNKNOWN` if the node has none of that code."""
        if code not in self._configured:
            raise StayputError(
                ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN,
                "this node offers no resource of that code",
                field="resource",
                remedy="see the catalogue",
            )
        return self._configured[code]

    async def opened(self, code: str) -> None:
        """Waits until what serves is open, so that neither `serving` nor `describe` takes long.

        However many wait for however many resources, none of the threads that answer does. Raises what
        `serving` would.
        """
        self.config(code)
        if self._generations.is_open(code):
            return
        if (opening := self._opened.get(code)) is None:
            loop = asyncio.get_running_loop()
            opening = loop.run_in_executor(self._opening, self._generations.current, code)
            self._opened[code] = opening
            opening.add_done_callback(lambda _: self._opened.pop(code))
        # Who goes away leaves it to the others.
        await asyncio.shield(opening)

    def serving(self, code: str) -> Serving:
        """What answers a session on a resource from now on; `RESOURCE_NOT_READY` before its first build."""
        generation, offering = self.offered(code)
        manifest = generation.manifest
        index_key = self._index_keys.named(manifest.index_key_id)
        return Serving(
            generation=manifest.generation,
            as_of=manifest.as_of,
            contract=manifest.contract,
            granularities=offering.granularities,
            offer=offering.oblivious,
            matcher=lambda key, checks: Matcher(generation, index_key, key, checks),
            evaluator=Evaluators(generation, offering.oblivious, self._epoch(manifest), self._cores),
        )

    def describe(self, code: str) -> Envelope:
        """The signed description of a resource."""
        return catalogue.describe(*self.offered(code), self._identity, self._clock)

    def offered(self, code: str) -> tuple[Generation, catalogue.Offered]:
        """What serves of a resource, and how it is offered; as `serving`."""
        config = self.config(code)
        generation = built(code, self._generations)
        return generation, self._offered(config, generation)

    def _offered(self, config: ResourceConfig, generation: Generation | None) -> catalogue.Offered:
        """What is offered; `RESOURCE_NOT_READY` if its fingerprints were made under other OPRF keys."""
        offering = catalogue.offered(config, generation)
        if generation is not None and offering.oblivious is not None:
            epoch = self._epoch(generation.manifest)
            if epoch.id != offering.oblivious.key_epoch:
                raise damaged(config.code, "the serving generation was built under another keys/oprf.key")
        return offering

    def _epoch(self, manifest: Manifest) -> KeyEpoch:
        """That of the generation, if it was built for oblivious mode."""
        offer = manifest.oblivious.offer if manifest.oblivious is not None else ObliviousOffer()
        generation = manifest.generation if offer.new_key_per_generation else None
        return self._oprf_keys.epoch_named(offer.key_epoch, manifest.contract.resource, generation)

    async def publish(self, code: str, platform: Platform, address: str) -> None:
        """Puts a resource in the catalogue and keeps it there.

        Raises `CONFIGURATION_INVALID` if nobody could call the node at `address`.
        """
        config = self.config(code)
        await self.opened(code)
        generation = await asyncio.to_thread(self._generations.current, code)
        offering = self._offered(config, generation)
        callable_at = checked_callable(address)
        entry = catalogue.entry(config, generation, offering, callable_at, self._replica_addresses)
        await platform.publish(entry)
        await self._state.set_published(code)

    async def renew(self, code: str, platform: Platform, address: str) -> bool:
        """Tells the catalogue what serves now, if the resource is published; whether the catalogue knows.

        A platform that cannot be reached is told at the next start or build, and so is one of a resource
        that cannot be read: the others go on.
        """
        if code not in self._state.published() or code not in self._configured:
            return False
        try:
            await self.publish(code, platform, address)
        except StayputError as error:
            _log.warning("catalogue not renewed", resource=code, reason=error.reason_name)
            return False
        except (OSError, lmdb.Error) as error:
            _log.warning("catalogue not renewed", resource=code, error=type(error).__name__)
            return False
        return True

    async def renew_all(self, platform: Platform, address: str) -> None:
        """As `renew`, for every published resource."""
        for code in sorted(self._state.published()):
            await self.renew(code, platform, address)

    def generations(self, code: str) -> list[GenerationStatus]:
        """What is on disk of a resource, newest first."""
        self.config(code)
        return listed(self._generations, code)

    def roll_back(self, code: str, generation: str) -> None:
        """As `generations.roll_back`."""
        self.config(code)
        chosen = roll_back(self._generations, code, generation)
        _log.info("rolled back", resource=code, generation=chosen)

    def last_begun(self, code: str) -> datetime | None:
        """When the newest generation on disk began to be built, to the second; `None` if there is none.

        Nor is there one if the directory cannot be read: the build will tell why.
        """
        try:
            return last_begun(self._generations, code)
        except OSError:
            return None

    def statuses(self) -> list[ResourceStatus]:
        """One for each configured resource, by code."""
        return [self.status(code) for code in sorted(self._configured)]

    def status(self, code: str) -> ResourceStatus:
        """What serves for a resource, and what was left out of it."""
        published = code in self._state.published()
        status = status_of(self.config(code), self._generations, self._clock(), published=published)
        if not status.problem:
            try:
                self.offered(code)
            except StayputError as error:
                status.problem = error.message
        return status
