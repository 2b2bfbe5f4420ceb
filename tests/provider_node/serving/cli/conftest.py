"""A person's language, and applications that wait."""

from collections.abc import AsyncIterator, Callable

import pytest

from stayput.v1.access_pb2 import Application
from tests.commands import Commands
from tests.provider_node.serving.cli.printed import CHINESE, ENGLISH, applied
from tests.provider_node.serving.cli.prompt import PromptNode
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess


@pytest.fixture(params=[ENGLISH, CHINESE])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def text(language: str) -> Callable[[str, str], str]:
    """Which of the two texts is in the person's language."""
    return lambda english, chinese: english if language == ENGLISH else chinese


@pytest.fixture
async def node_process(node_process: NodeProcess, commands: Commands) -> AsyncIterator[NodeProcess]:
    """The node that is enrolled and built, not started, at a prompt that answers at once."""
    node = PromptNode(node_process, commands)
    yield node
    await node.clean_up()


@pytest.fixture
def application(peer: Peer) -> Application:
    """A-7, between two others."""
    for number in (6, 7, 8):
        peer.add(applied(number))
    return peer.applications["A-7"]
