"""A platform as for the client's other tests, whose resource has a check that is a condition."""

from collections.abc import Sequence

import pytest
from joserfc.jwk import ECKey

from stayput.v1.contract_pb2 import (
    GRANULARITY_COUNT,
    GRANULARITY_RECORD,
    MODE_KEYED,
    MODE_OBLIVIOUS,
    Check,
    Contract,
)
from tests.client.servicers.fingerprints import Fingerprints
from tests.client.servicers.oblivious import ObliviousPeer
from tests.client.servicers.register import Register
from tests.client.world import CONTRACT, RESOURCE, World, resident_id

COSTLY = Check(
    name="costly", condition="price >= 100000", title="车价十万元以上", title_en="Costs 100,000 yuan or more"
)


@pytest.fixture
def contract() -> Contract:
    asking = Contract()
    asking.CopyFrom(CONTRACT)
    asking.checks.append(COSTLY)
    return asking


@pytest.fixture
def register_rows() -> list[dict[str, str]]:
    """Subjects 0 to 11: by one row of two 0 meets the condition, 1 by none, of 2 it is unknown, others do."""
    said = [(0, "false"), (0, "true"), (1, "false"), (2, ""), *((serial, "true") for serial in range(3, 12))]
    row = {"name": "张三", "plate": "", "birth_date": "1949-12-31"}
    return [{**row, "resident_id": resident_id(serial), "costly": costly} for serial, costly in said]


@pytest.fixture
def node(contract: Contract, register_rows: Sequence[dict[str, str]], ticket_key: ECKey) -> ObliviousPeer:
    fingerprints = Fingerprints(contract, register_rows)
    peer = ObliviousPeer(Register(contract, register_rows), ticket_key, fingerprints=fingerprints)
    peer.oblivious = fingerprints.offer()
    return peer


@pytest.fixture
async def world(world: World, contract: Contract, node: ObliviousPeer) -> World:
    entry = world.catalogue.resources[RESOURCE]
    entry.checks.append(contract.checks[-1])
    entry.modes[:] = [MODE_KEYED, MODE_OBLIVIOUS]
    entry.oblivious.CopyFrom(node.offered.published())
    world.access.grants.clear()
    world.grant(
        "G-1",
        checks=["name", "plate", "costly"],
        modes=[MODE_KEYED, MODE_OBLIVIOUS],
        granularities=[GRANULARITY_RECORD, GRANULARITY_COUNT],
    )
    return world
