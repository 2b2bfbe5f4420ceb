"""More machines that answer in the name of the tests' node, each over mutual TLS at a port of its own."""

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc.aio

from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.comparison_pb2 import Description
from stayput.v1.comparison_pb2_grpc import add_ComparisonServiceServicer_to_server
from stayput.v1.log_pb2 import Receipt
from tests.client.servicers.faults import Faults
from tests.client.servicers.node import NodePeer
from tests.client.servicers.proxy import Proxy
from tests.client.servicers.register import NODE
from tests.client.world import RESOURCE, World, started


@dataclass
class Machine:
    """One of them: it shares accounts, keys and grants with the node, and has its own mistakes.

    `described` and `sessions` count the calls that it has answered, and the receipts that it made.
    """

    peer: NodePeer
    server: grpc.aio.Server
    proxy: Proxy
    described: int = 0
    sessions: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.proxy.port}"

    def faulty(self, faults: Faults) -> None:
        """Has these mistakes from now on; what they do with receipts and descriptions is done first."""
        receipt, description = faults.receipt, faults.description

        def of_receipt(one: Receipt) -> None:
            self.sessions += 1
            receipt(one)

        def of_description(one: Description) -> None:
            self.described += 1
            description(one)

        faults.receipt, faults.description = of_receipt, of_description
        self.peer.faults = faults


@asynccontextmanager
async def machines(world: World, count: int) -> AsyncIterator[list[Machine]]:
    """So many machines, which the catalogue lists in place of the node's address."""
    running: list[Machine] = []
    for _ in range(count):
        server, peer = tls.server([ErrorInterceptor()]), copy.copy(world.node)
        peer.server = server
        add_ComparisonServiceServicer_to_server(peer, server)
        port = await started(server, world.authority.credentials(NODE))
        machine = Machine(peer, server, await Proxy(port).__aenter__())
        machine.faulty(Faults())
        running.append(machine)
    listed(world, *(machine.address for machine in running))
    yield running
    for machine in running:
        await machine.proxy.stop()
        await machine.server.stop(None)


def listed(world: World, *addresses: str) -> None:
    """The catalogue says that the node answers at these."""
    entry = world.catalogue.resources[RESOURCE]
    entry.address, entry.replica_addresses[:] = addresses[0], addresses[1:]
