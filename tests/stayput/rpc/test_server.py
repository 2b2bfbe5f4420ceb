import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from cryptography import x509
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from stayput.errors import StayputError
from stayput.identity import COMPARATOR_NAME, Caller, department, node, thumbprint
from stayput.rpc import tls
from stayput.rpc.client import translated
from stayput.rpc.server import Context, ErrorInterceptor, _guard_stream, caller
from stayput.rpc.tls import Credentials
from stayput.v1.comparison_pb2 import CompareRequest, DescribeRequest
from stayput.v1.comparison_pb2_grpc import ComparisonServiceStub, add_ComparisonServiceServicer_to_server
from stayput.v1.errors_pb2 import ErrorReason
from tests.stayput.authority import Authority
from tests.stayput.rpc.scripted import Scripted, Serve

NODE_NAME = node("traffic-1").tls_name
SECRET = "11010519491231002X 张三"


async def stumble(context: Context) -> None:
    """Fails as a program does that trips over a record."""
    try:
        int(SECRET)
    except ValueError as error:
        raise KeyError(SECRET) from error


async def watch(request: bytes, context: Context) -> AsyncIterator[bytes]:
    yield b"first"
    await stumble(context)


def streaming_service() -> grpc.GenericRpcHandler:
    """A service of ours with a method of the one kind that `Scripted` lacks."""
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(watch)
    return grpc.method_handlers_generic_handler("stayput.test.Service", {"Watch": handler})


def check_incident(error: StayputError, logs: list[dict[str, object]], method: str) -> None:
    assert error.reason == ErrorReason.ERROR_REASON_INTERNAL
    assert error.details.keys() == {"incident"}
    incident = error.details["incident"]
    assert re.fullmatch("[0-9a-f]{12}", incident)
    (line,) = logs
    assert (line["incident"], line["method"], line["type"]) == (incident, method, "KeyError")
    assert any("stumble" in place for place in line["places"])  # type: ignore[attr-defined]
    for text in (str(error), str(error.details), error.remedy, str(line)):
        assert not re.search("110105|张三|int", text)


async def test_a_fault_becomes_an_incident_that_tells_nothing(serve: Serve) -> None:
    stub = await serve(stumble)
    with capture_logs() as logs, pytest.raises(StayputError) as caught, translated("traffic-1"):
        await stub.Describe(DescribeRequest())
    check_incident(caught.value, [dict(line) for line in logs], "/stayput.v1.ComparisonService/Describe")


async def test_a_fault_in_a_bidirectional_stream_does_too(serve: Serve) -> None:
    stub = await serve(stumble)
    with capture_logs() as logs, pytest.raises(StayputError) as caught, translated("traffic-1"):
        await stub.Compare(iter([CompareRequest()])).read()
    check_incident(caught.value, [dict(line) for line in logs], "/stayput.v1.ComparisonService/Compare")


async def test_a_fault_in_a_server_s_stream_does_too(
    server: grpc.aio.Server, node_credentials: Credentials, department_credentials: Credentials
) -> None:
    server.add_generic_rpc_handlers([streaming_service()])
    port = tls.listen(server, "127.0.0.1:0", node_credentials)
    await server.start()
    async with tls.channel(f"127.0.0.1:{port}", NODE_NAME, department_credentials) as channel:
        with capture_logs() as logs:
            watching: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
            watching = channel.unary_stream("/stayput.test.Service/Watch")
            call = watching(b"")
            assert await call.read() == b"first"
            with pytest.raises(StayputError) as caught, translated("traffic-1"):
                await call.read()
    check_incident(caught.value, [dict(line) for line in logs], "/stayput.test.Service/Watch")


async def test_two_faults_have_two_numbers(serve: Serve) -> None:
    stub = await serve(stumble)
    incidents = set()
    for _ in range(2):
        with pytest.raises(StayputError) as caught, translated("traffic-1"):
            await stub.Describe(DescribeRequest())
        incidents.add(caught.value.details["incident"])
    assert len(incidents) == 2


async def test_an_error_with_a_reason_is_no_incident(serve: Serve) -> None:
    async def refuse(context: Context) -> None:
        raise StayputError(ErrorReason.ERROR_REASON_GRANT_UNKNOWN, "no grant")

    stub = await serve(refuse)
    with capture_logs() as logs, pytest.raises(StayputError, match="GRANT_UNKNOWN"), translated("traffic-1"):
        await stub.Describe(DescribeRequest())
    assert logs == []


async def test_an_abort_is_left_as_it_is(serve: Serve) -> None:
    async def abort(context: Context) -> None:
        await context.abort(grpc.StatusCode.ALREADY_EXISTS, "as the method says")

    stub = await serve(abort)
    with capture_logs() as logs, pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Describe(DescribeRequest())
    assert (caught.value.code(), caught.value.details()) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "as the method says",
    )
    assert logs == []


async def test_cancelling_a_call_cancels_its_method_and_is_no_incident(serve: Serve) -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(context: Context) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    stub = await serve(wait)
    with capture_logs() as logs:
        call = stub.Describe(DescribeRequest())
        await entered.wait()
        call.cancel()
        await cancelled.wait()
        entered.clear()
        cancelled.clear()
        stream = stub.Compare(iter([CompareRequest()]))
        await entered.wait()
        stream.cancel()
        await cancelled.wait()
    assert logs == []


class Local:
    """What the guard asks of a call's context."""

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"transport_security_type": [b"local"]}


async def test_what_a_stream_does_at_its_end_is_done_when_the_call_has_ended() -> None:
    done = []

    async def behaviour(request: object, context: Context) -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            done.append("cut")

    answers = _guard_stream(behaviour, "method")(None, Local())
    assert await anext(answers) == 1
    await answers.aclose()
    assert done == ["cut"]


async def intercepted(
    called: str, handler: "grpc.RpcMethodHandler[bytes, bytes] | None"
) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
    """The handler that a call gets in place of its own."""

    async def found(_: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        return handler

    details = SimpleNamespace(method=called)
    return await ErrorInterceptor().intercept_service(found, cast("grpc.HandlerCallDetails", details))


async def test_a_kind_of_method_that_the_protocol_lacks_is_not_served_unguarded() -> None:
    async def collect(requests: AsyncIterator[bytes], context: Context) -> bytes:
        return b""

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(collect)
    with pytest.raises(TypeError, match="no such kind"):
        await intercepted("/stayput.test.Service/Collect", handler)


async def test_services_that_are_not_ours_are_left_alone() -> None:
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(watch)
    assert await intercepted("/grpc.health.v1.Health/Watch", handler) is handler
    assert await intercepted("/stayput.v1.NoService/Call", None) is None
    assert await intercepted("/stayput.v1.AService/Call", handler) is not handler


async def test_health_and_reflection_pass(
    server: grpc.aio.Server, node_credentials: Credentials, department_credentials: Credentials
) -> None:
    servicer = health.aio.HealthServicer()
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection(("stayput.v1.ComparisonService", reflection.SERVICE_NAME), server)
    port = tls.listen(server, "127.0.0.1:0", node_credentials)
    await server.start()
    async with tls.channel(f"127.0.0.1:{port}", NODE_NAME, department_credentials) as channel:
        untyped: Any = channel  # the stubs of these two know the synchronous channel only
        health_stub: Any = health_pb2_grpc.HealthStub(untyped)
        checked = await health_stub.Check(health_pb2.HealthCheckRequest())
        assert checked.status == health_pb2.HealthCheckResponse.SERVING
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        reflection_stub: Any = reflection_pb2_grpc.ServerReflectionStub(untyped)
        stream = reflection_stub.ServerReflectionInfo(iter([request]))
        listed = [service.name async for r in stream for service in r.list_services_response.service]
    assert "stayput.v1.ComparisonService" in listed


async def test_a_caller_is_known_by_its_certificate(
    serve: Serve, department_credentials: Credentials
) -> None:
    callers: list[Caller] = []

    async def note(context: Context) -> None:
        callers.append(caller(context))

    stub = await serve(note)
    await stub.Describe(DescribeRequest())
    await stub.Compare(iter([CompareRequest()])).read()
    certificate = x509.load_pem_x509_certificate(department_credentials.certificate_chain)
    assert callers == [Caller(department("civil-affairs"), thumbprint(certificate))] * 2


async def ask_as(channel: grpc.aio.Channel) -> StayputError:
    """Asks a servicer that wants to know its caller, as somebody who cannot be known."""
    async with channel:
        with pytest.raises(StayputError) as caught, translated("traffic-1"):
            await ComparisonServiceStub(channel).Describe(DescribeRequest())
    return caught.value


async def identify(context: Context) -> None:
    caller(context)


async def test_a_certificate_that_names_no_party_is_unknown(
    server: grpc.aio.Server, authority: Authority, node_credentials: Credentials
) -> None:
    add_ComparisonServiceServicer_to_server(Scripted(identify), server)
    port = tls.listen(server, "127.0.0.1:0", node_credentials)
    await server.start()
    nobody = authority.credentials([x509.DNSName("example.com")])
    error = await ask_as(tls.channel(f"127.0.0.1:{port}", NODE_NAME, nobody))
    assert error.reason == ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN


async def test_a_caller_without_a_certificate_needs_one(
    server: grpc.aio.Server, authority: Authority, tmp_path: Path
) -> None:
    comparator = authority.credentials([x509.DNSName(COMPARATOR_NAME)])
    add_ComparisonServiceServicer_to_server(Scripted(identify), server)
    port = tls.listen_enrolment(server, "127.0.0.1:0", comparator)
    tls.listen_local(server, str(tmp_path / "socket"))
    await server.start()
    for channel in (
        tls.enrolment_channel(f"127.0.0.1:{port}", COMPARATOR_NAME, authority.pem),
        tls.local_channel(str(tmp_path / "socket")),
    ):
        error = await ask_as(channel)
        assert error.reason == ErrorReason.ERROR_REASON_CERTIFICATE_REQUIRED
