from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc.aio
import pytest

from stayput.identity import department, node
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.rpc.tls import Credentials
from stayput.v1.comparison_pb2_grpc import ComparisonServiceStub, add_ComparisonServiceServicer_to_server
from tests.stayput.authority import Authority, names_of
from tests.stayput.rpc.scripted import Act, Scripted, Serve

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.new()


@pytest.fixture(scope="session")
def node_credentials(authority: Authority) -> Credentials:
    return authority.credentials(names_of(node("traffic-1")))


@pytest.fixture(scope="session")
def department_credentials(authority: Authority) -> Credentials:
    return authority.credentials(names_of(department("civil-affairs")))


@pytest.fixture
async def server() -> AsyncIterator[grpc.aio.Server]:
    """A server with the interceptor; a test adds services and listeners and starts it."""
    server = tls.server([ErrorInterceptor()])
    yield server
    await server.stop(None)


@pytest.fixture
async def serve(
    server: grpc.aio.Server, node_credentials: Credentials, department_credentials: Credentials
) -> AsyncIterator[Serve]:
    """Serves a node's scripted servicer over mutual TLS; gives a department's stub for it."""
    channels: list[grpc.aio.Channel] = []

    async def serve(act: Act) -> "ComparisonServiceAsyncStub":
        add_ComparisonServiceServicer_to_server(Scripted(act), server)
        port = tls.listen(server, "127.0.0.1:0", node_credentials)
        await server.start()
        name = node("traffic-1").tls_name
        channels.append(tls.channel(f"127.0.0.1:{port}", name, department_credentials))
        return ComparisonServiceStub(channels[-1])

    yield serve
    for channel in channels:
        await channel.close()
