"""A platform as for the client's other tests, whose node also offers the oblivious mode."""

from collections.abc import Mapping, Sequence

import pytest
from joserfc.jwk import ECKey

from stayput.v1.contract_pb2 import GRANULARITY_COUNT, GRANULARITY_RECORD, MODE_KEYED, MODE_OBLIVIOUS
from tests.client.servicers.fingerprints import Fingerprints
from tests.client.servicers.oblivious import ObliviousPeer
from tests.client.servicers.register import Register
from tests.client.world import CONTRACT, RESOURCE, World


@pytest.fixture
def node(register_rows: Sequence[Mapping[str, str]], ticket_key: ECKey) -> ObliviousPeer:
    fingerprints = Fingerprints(CONTRACT, register_rows)
    peer = ObliviousPeer(Register(CONTRACT, register_rows), ticket_key, fingerprints=fingerprints)
    peer.oblivious = fingerprints.offer()
    return peer


@pytest.fixture
async def world(world: World, node: ObliviousPeer) -> World:
    entry = world.catalogue.resources[RESOURCE]
    entry.modes[:] = [MODE_KEYED, MODE_OBLIVIOUS]
    entry.oblivious.CopyFrom(node.offered.published())
    world.access.grants.clear()
    world.grant(
        "G-1",
        modes=[MODE_KEYED, MODE_OBLIVIOUS],
        granularities=[GRANULARITY_RECORD, GRANULARITY_COUNT],
    )
    return world
