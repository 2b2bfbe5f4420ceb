"""Envoy as examples/ configures it, before servers of one node: mutual TLS goes through it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from stayput.identity import Caller, Party, department, node
from stayput.rpc import tls
from stayput.rpc.server import Context, ErrorInterceptor, caller
from stayput.v1 import comparison_pb2_grpc
from stayput.v1.comparison_pb2 import DescribeRequest, DescribeResponse
from tests.envoy import Envoy, envoy
from tests.provider_node.serving.authority import Authority

NODE, OTHER_NODE = node("vehicles-1"), node("deaths-1")
CONSUMER, BALANCER = department("civil-affairs"), department("balancer")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Describing(comparison_pb2_grpc.ComparisonServiceServicer):
    """Remembers who called."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []

    async def Describe(self, request: DescribeRequest, context: Context) -> DescribeResponse:  # noqa: N802
        self.callers.append(caller(context))
        return DescribeResponse()


@dataclass
class Backend:
    """One of the servers that Envoy chooses from."""

    credentials: tls.Credentials
    address: str = ""
    describing: Describing = field(default_factory=Describing)
    checked: health.aio.HealthServicer = field(default_factory=health.aio.HealthServicer)

    @property
    def calls(self) -> int:
        return len(self.describing.callers)

    async def say(self, status: int) -> None:
        """What it answers to health checks."""
        await self.checked.set("", status)

    async def start(self) -> grpc.aio.Server:
        server = tls.server([ErrorInterceptor()])
        comparison_pb2_grpc.add_ComparisonServiceServicer_to_server(self.describing, server)
        health_pb2_grpc.add_HealthServicer_to_server(self.checked, server)
        self.address = f"127.0.0.1:{tls.listen(server, '127.0.0.1:0', self.credentials)}"
        await server.start()
        await self.say(SERVING)
        return server


@dataclass
class Site:
    """A provider's servers, and departments that call at an address."""

    authority: Authority
    stack: AsyncExitStack
    address: str = ""

    async def backend(self, of: Party = NODE) -> tuple[Backend, grpc.aio.Server]:
        """A server with that node's certificate."""
        backend = Backend(self.authority.party(of).credentials)
        server = await backend.start()
        self.stack.push_async_callback(server.stop, None)
        return backend, server

    async def balanced(self, directory: Path, *backends: Backend, checks: Authority | None = None) -> Envoy:
        """Envoy before these, at whose address departments call."""
        shown = (checks or self.authority).party(BALANCER).credentials
        addresses = [backend.address for backend in backends]
        running = await self.stack.enter_async_context(envoy(addresses, shown, directory))
        self.address = running.address
        return running

    def consumer(self, of: Party = NODE) -> grpc.aio.Channel:
        """A connection of the consumer's to that node."""
        return self.channel(
            tls.channel(self.address, of.tls_name, self.authority.party(CONSUMER).credentials)
        )

    def channel(self, opened: grpc.aio.Channel) -> grpc.aio.Channel:
        """A channel that is closed at the end."""
        self.stack.push_async_callback(opened.close)
        return opened


async def call(channel: grpc.aio.Channel, *, wait: bool = False) -> None:
    """One call; `wait` if a lost connection may be made anew for it."""
    stub = comparison_pb2_grpc.ComparisonServiceStub(channel)
    await stub.Describe(DescribeRequest(resource="vehicle-owners"), timeout=30, wait_for_ready=wait)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        yield Site(Authority(), stack)


async def test_connections_are_spread_evenly_and_the_consumers_certificate_arrives(
    site: Site, tmp_path: Path
) -> None:
    (first, _), (second, _) = await site.backend(), await site.backend()
    await site.balanced(tmp_path, first, second)
    issued = site.authority.party(CONSUMER)
    for _ in range(4):
        channel = site.channel(tls.channel(site.address, NODE.tls_name, issued.credentials))
        await call(channel)
        await call(channel)
    assert (first.calls, second.calls) == (4, 4)
    assert {*first.describing.callers, *second.describing.callers} == {Caller(CONSUMER, issued.thumbprint)}


async def test_what_one_that_stops_was_asked_another_answers_and_no_more_is_asked_of_it(
    site: Site, tmp_path: Path
) -> None:
    (stopping, server), (staying, _) = await site.backend(), await site.backend()
    balancer = await site.balanced(tmp_path, stopping, staying)
    channels = [site.consumer() for _ in range(4)]
    for channel in channels:
        await call(channel)
    await server.stop(None)
    # No check has told Envoy yet; it has the fewest connections there.
    await call(site.consumer())
    for channel in channels:
        await call(channel, wait=True)
    assert (stopping.calls, staying.calls) == (2, 7)
    await balancer.until_health(stopping.address, healthy=False)
    await call(site.consumer())
    assert staying.calls == 8


async def test_one_that_does_not_serve_gets_no_new_connections_but_keeps_those_it_has(
    site: Site, tmp_path: Path
) -> None:
    (draining, _), (other, _) = await site.backend(), await site.backend()
    balancer = await site.balanced(tmp_path, draining, other)
    channels = [site.consumer(), site.consumer()]
    for channel in channels:
        await call(channel)
    await draining.say(NOT_SERVING)
    await balancer.until_health(draining.address, healthy=False)
    for channel in channels:
        await call(channel)
    assert (draining.calls, other.calls) == (2, 2)
    for _ in range(2):
        await call(site.consumer())
    assert (draining.calls, other.calls) == (2, 4)
    await draining.say(SERVING)
    await balancer.until_health(draining.address, healthy=True)
    await call(site.consumer())
    assert (draining.calls, other.calls) == (3, 4)


async def test_who_shows_no_certificate_is_refused_by_the_server_itself(site: Site, tmp_path: Path) -> None:
    backend, _ = await site.backend()
    balancer = await site.balanced(tmp_path, backend)
    channel = site.channel(tls.enrolment_channel(site.address, NODE.tls_name, site.authority.pem))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    await balancer.until_said(f"{NODE.tls_name} from 127.0.0.1")
    await balancer.until_said(f"to {backend.address} in")
    assert backend.calls == 0


async def test_a_name_that_is_not_configured_leads_nowhere(site: Site, tmp_path: Path) -> None:
    # It would be answered if Envoy passed it on.
    other, _ = await site.backend(OTHER_NODE)
    await site.balanced(tmp_path, other)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(site.consumer(OTHER_NODE))
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    site.address = other.address
    await call(site.consumer(OTHER_NODE))


async def test_if_all_checks_fail_calls_go_on(site: Site, tmp_path: Path) -> None:
    backend, _ = await site.backend()
    balancer = await site.balanced(tmp_path, backend, checks=Authority())
    await balancer.until_said("health_check_failure_event")
    await call(site.consumer())
    assert balancer.healthy == {}
    assert backend.calls == 1
