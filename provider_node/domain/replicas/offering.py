"""All that a replica serves with, as it is now.

It is made of messages that stay the same objects until what they say changes, so that nothing is signed,
hashed or sent twice, and looking whether anything has changed costs a few system calls for each resource.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import lmdb
import structlog

from provider_node.domain import catalogue
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.keyring import Keyring
from provider_node.domain.replicas.files_of_generation import files_of
from provider_node.domain.replicas.key_transfer import sent
from provider_node.domain.resources import Resources
from provider_node.store.generations import Generation, Generations
from stayput.errors import StayputError
from stayput.rpc.tls import Credentials
from stayput.v1.replica_pb2 import FollowResponse, NodeCertificate, ReplicaKeys, ReplicaResource

AGAIN: Final = timedelta(minutes=1)
"""How long a generation that could not serve is not looked at again: to find that out, all of it is read."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a description depends on: a generation never changes."""

    generation: str
    offered: catalogue.Offered
    sealing_key_id: bytes


@dataclass(frozen=True, slots=True)
class _Failed:
    """A generation that could not serve."""

    generation: str
    again: datetime


class Offering:
    """Makes what replicas serve with. Thread-safe."""

    def __init__(
        self,
        *,
        resources: Resources,
        generations: Generations,
        keyring: Keyring,
        identity: NodeIdentity,
        credentials: Credentials,
        clock: Callable[[], datetime],
    ) -> None:
        self._resources = resources
        self._generations = generations
        self._keyring = keyring
        self._identity = identity
        self._clock = clock
        self._certificate = NodeCertificate(
            certificate_chain=credentials.certificate_chain.decode(),
            private_key=credentials.private_key.decode(),
            ca_certificate=credentials.ca_certificate.decode(),
        )
        self._lock = threading.Lock()
        self._made: dict[str, tuple[_Said, ReplicaResource]] = {}
        self._failed: dict[str, _Failed] = {}
        self._last: tuple[ReplicaKeys, list[ReplicaResource], FollowResponse] | None = None

    def current(self) -> FollowResponse:
        """All of it: the same object as before if nothing has changed. It holds secrets.

        A resource that cannot serve is left out. A new generation is read once as a whole, as for consumers.
        """
        with self._lock:
            looked = [self._looked_at(code) for code in self._resources.codes()]
            resources = [one for one in looked if one is not None]
            # Behind them, so that whatever key they were made under is among these.
            keys = sent(self._keyring)
            if self._last is None or self._last[:2] != (keys, resources):
                self._last = (keys, resources, self._response(keys, resources))
            return self._last[2]

    def _response(self, keys: ReplicaKeys, resources: list[ReplicaResource]) -> FollowResponse:
        return FollowResponse(
            node_id=self._identity.node_id,
            department=self._identity.department,
            certificate=self._certificate,
            keys=keys,
            resources=resources,
        )

    def _looked_at(self, code: str) -> ReplicaResource | None:
        generation = ""
        try:
            generation = self._generations.directory(code).current() or ""
            failed = self._failed.get(code)
            waiting = failed is not None and failed.generation == generation and self._clock() < failed.again
            return None if waiting or not generation else self._resource(code)
        except StayputError as error:
            self._note(code, generation, error.reason_name)
        except (OSError, lmdb.Error) as error:
            self._note(code, generation, type(error).__name__)
        return None

    def _note(self, code: str, generation: str, reason: str) -> None:
        before = self._failed.get(code)
        if before is None or before.generation != generation:
            _log.warning("resource not offered to replicas", resource=code, reason=reason)
        self._failed[code] = _Failed(generation, self._clock() + AGAIN)

    def _resource(self, code: str) -> ReplicaResource | None:
        generation, offered = self._resources.offered(code)
        self._failed.pop(code, None)
        said = _Said(generation.manifest.generation, offered, self._identity.sealing_keys.current.id)
        before = self._made.get(code)
        if before is None or before[0] != said:
            try:
                before = self._made[code] = (said, self._described(code, generation, offered))
            except FileNotFoundError:
                # Builds have removed it since it was opened; the next look finds the one that serves then.
                return before[1] if before is not None else None
        return before[1]

    def _described(self, code: str, generation: Generation, offered: catalogue.Offered) -> ReplicaResource:
        manifest = generation.manifest
        directory = self._generations.directory(code).generation(manifest.generation)
        return ReplicaResource(
            resource=code,
            generation=manifest.generation,
            granularities=offered.granularities,
            oblivious=offered.oblivious,
            description=catalogue.describe(generation, offered, self._identity, self._clock),
            files=files_of(directory, manifest),
        )
