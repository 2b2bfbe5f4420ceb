"""The node's listener for its replicas, and what stands behind it."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import grpc.aio

from provider_node.domain.replicas.authority import ReplicaAuthority
from provider_node.domain.replicas.files_of_generation import ReadableFiles
from provider_node.domain.replicas.followers import Followers
from provider_node.domain.replicas.keeping import Keeper
from provider_node.domain.replicas.lagging import check_may_serve
from provider_node.domain.replicas.offering import Offering
from provider_node.server.binding import listening
from provider_node.server.parts import Parts, now
from provider_node.servicers.replica import ReplicaServicer
from provider_node.store.keystore import KeyStore
from provider_node.store.replicas import Replicas
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.replica_pb2_grpc import add_ReplicaServiceServicer_to_server

_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Replication:
    """The replicas of a node, as far as they are connected. Without `[replicas] listen` none ever is."""

    replicas: Replicas
    followers: Followers
    keeper: Keeper
    server: grpc.aio.Server | None

    async def start(self) -> None:
        """Begins to serve replicas."""
        if self.server is not None:
            await self.server.start()

    async def stop(self) -> None:
        """Has them end their sessions, and then their connections."""
        self.followers.stop()
        self.keeper.stop()
        if self.server is not None:
            await self.server.stop(_GRACE_SECONDS)


def replication_of(parts: Parts) -> Replication:
    """That of a node; binds the address. Raises `CONFIGURATION_INVALID`."""
    config, generations = parts.config, parts.generations
    replicas = Replicas(config.node.data)
    offering = Offering(
        resources=parts.resources,
        generations=generations,
        keyring=parts.keyring,
        identity=parts.identity,
        credentials=parts.credentials,
        clock=now,
    )
    followers = Followers(
        replicas=replicas, offering=offering, software_version=parts.identity.software_version, clock=now
    )
    keeper = Keeper(
        desk=parts.desk,
        names=parts.identity,
        clock=now,
        check_ready=parts.check_ready,
        may_serve=partial(check_may_serve, generations),
    )
    servicer = ReplicaServicer(
        replicas=replicas,
        followers=followers,
        files=ReadableFiles(parts.resources, generations),
        allowances=parts.desk.allowances,
        keep=keeper.keep,
    )
    server = None
    if config.replicas.listen is not None:
        server = tls.server([ErrorInterceptor()], watchful=True)
        add_ReplicaServiceServicer_to_server(servicer, server)
        authority = ReplicaAuthority(KeyStore.of(config), config.node.id)
        listening(server, config.replicas.listen, authority.server_credentials(), "replicas.listen")
    return Replication(replicas, followers, keeper, server)
