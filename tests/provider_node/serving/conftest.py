"""A node in this process and a platform peer, both real but for the clock."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.decisions import Decisions
from provider_node.domain.grants import GivenGrants
from provider_node.domain.keys import NodeKeys
from provider_node.domain.notices import Notices
from provider_node.domain.platform import Platform
from provider_node.domain.policy import GrantPolicy
from provider_node.store.state import State
from stayput.limits import DEFAULTS, complete
from stayput.v1.access_pb2 import Application
from tests.provider_node.serving import register
from tests.provider_node.serving.dishonest import Dishonest
from tests.provider_node.serving.node import (
    NODE,
    PROVIDER,
    RESOURCE_LIMITS,
    Clock,
    LocalNode,
    Material,
    application_of,
    grant,
    make_material,
)
from tests.provider_node.serving.peer import Peer, serving
from tests.provider_node.serving.policies import policy
from tests.provider_node.serving.processes import NodeProcess, prepare
from tests.provider_node.serving.replicated import ReplicatedNode

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says `AT_A_REPLICA_TOO = True` has its tests run at a node, and at a replica of it."""
    if "bare_node" in metafunc.fixturenames and getattr(metafunc.module, "AT_A_REPLICA_TOO", False):
        metafunc.parametrize("bare_node", (LocalNode, ReplicatedNode), indirect=True, ids=("node", "replica"))


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("material"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def bare_node(material: Material, state: State, clock: Clock, request: pytest.FixtureRequest) -> LocalNode:
    """A node that has given no grant and does not listen."""
    made: LocalNode = getattr(request, "param", LocalNode)(material, state, clock)
    return made


@pytest.fixture
async def node(bare_node: LocalNode) -> AsyncIterator[LocalNode]:
    """A node with a grant, listening."""
    await bare_node.give(grant())
    async with bare_node.listening():
        yield bare_node


@pytest.fixture
async def consumer(node: LocalNode) -> "AsyncIterator[ComparisonServiceAsyncStub]":
    """The consumer's connection to the node."""
    async with node.called_by() as (stub, _):
        yield stub


@pytest.fixture
async def peer(material: Material) -> AsyncIterator[Peer]:
    """The platform, listening."""
    platform = Peer(material.authority, NODE, PROVIDER)
    platform.signing_key = material.verification_key
    async with serving(platform):
        yield platform


@pytest.fixture
async def platform(peer: Peer, material: Material) -> AsyncIterator[Platform]:
    """The node's connection to the platform."""
    connection = Platform(peer.address, material.node.credentials)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, material: Material) -> Path:
    """The directory of a node that is enrolled and built: each test has a copy."""
    return prepare(tmp_path_factory.mktemp("prepared") / "node", material, "127.0.0.1:1").directory


@pytest.fixture
async def node_process(
    tmp_path: Path, prepared: Path, material: Material, peer: Peer
) -> AsyncIterator[NodeProcess]:
    """A node that is enrolled and built, not started."""
    directory = shutil.copytree(prepared, tmp_path / "node", symlinks=True)
    node = NodeProcess(directory, material, NodeKeys(directory / "data"))
    node.configure(f'comparator = "{peer.address}"\n')
    peer.signing_key = node.verification_key
    yield node
    await node.clean_up()


@pytest.fixture
def notices(state: State, platform: Platform) -> Notices:
    """Delivery of what the node's grants have for the platform, not running."""
    return Notices(state.grants, platform)


@pytest.fixture
def policies() -> dict[str, GrantPolicy]:
    """What is laid down for the test resource; a test may change it."""
    return {register.CODE: policy(complete(RESOURCE_LIMITS, DEFAULTS))}


@pytest.fixture
def decisions(
    material: Material,
    state: State,
    platform: Platform,
    notices: Notices,
    policies: dict[str, GrantPolicy],
    clock: Clock,
) -> Decisions:
    """The provider's decisions."""
    return Decisions(
        identity=material.identity,
        grants=state.grants,
        platform=platform,
        notices=notices,
        policies=policies,
        clock=clock,
    )


@pytest.fixture
def given_grants(bare_node: LocalNode, notices: Notices) -> GivenGrants:
    """The provider's acts on the grants of `bare_node`."""
    node = bare_node
    return GivenGrants(node.material.identity, node.state, node.desk, notices, node.clock)


@pytest.fixture
def application(peer: Peer) -> Application:
    """One that awaits the decision."""
    return peer.add(application_of("A-7"))


@pytest.fixture
async def replica(node: ReplicatedNode) -> AsyncIterator[Dishonest]:
    """The replica's end of an account, of a module whose node is a replicated one."""
    made = Dishonest(node)
    yield made
    made.call.cancel()
