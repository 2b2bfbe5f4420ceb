import asyncio
import socket
from typing import TYPE_CHECKING

import grpc
import grpc.aio
import pytest

from stayput.errors import StayputError, reason_name, reason_of
from stayput.identity import node
from stayput.rpc import tls
from stayput.rpc.client import translated
from stayput.rpc.server import Context
from stayput.rpc.status import STATUS_TRAILER
from stayput.rpc.tls import Credentials
from stayput.v1.comparison_pb2 import CompareRecordsRequest, CompareRequest, DescribeRequest
from stayput.v1.comparison_pb2_grpc import ComparisonServiceStub
from stayput.v1.errors_pb2 import ErrorReason
from tests.stayput.rpc.scripted import Serve, do_nothing

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

NAMES = [reason_name(reason) for reason in ErrorReason.values() if reason]
NODE_NAME = node("traffic-1").tls_name


async def failure(stub: "ComparisonServiceAsyncStub", seconds: float | None = None) -> StayputError:
    with pytest.raises(StayputError) as caught, translated("traffic-1"):
        await stub.Describe(DescribeRequest(), timeout=seconds)
    return caught.value


async def test_every_reason_reaches_the_caller_with_its_metadata(serve: Serve) -> None:
    raised: list[StayputError] = []

    async def fail(context: Context) -> None:
        raise raised[-1]

    stub = await serve(fail)
    for name in NAMES:
        error = StayputError(
            reason_of(name),
            "字段 purpose: is missing\nand more",
            field="purpose",
            remedy="说明用途",
            details={"limit": "1000", "remaining": "0"},
        )
        raised.append(error)
        with pytest.raises(StayputError) as caught, translated("traffic-1"):
            await stub.CompareRecords(CompareRecordsRequest())
        for attribute in ("reason", "message", "field", "remedy", "details"):
            assert getattr(caught.value, attribute) == getattr(error, attribute), name


async def test_an_error_in_a_stream_comes_after_the_answers_before_it(serve: Serve) -> None:
    calls = 0
    answers = 0

    async def fail_at_the_third(context: Context) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StayputError(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, "no room", details={"remaining": "0"})

    async def compare() -> None:
        nonlocal answers
        with translated("traffic-1"):
            async for _ in stub.Compare(iter([CompareRequest()] * 5)):
                answers += 1

    stub = await serve(fail_at_the_third)
    with pytest.raises(StayputError) as caught:
        await compare()
    assert answers == 2
    assert caught.value.reason == ErrorReason.ERROR_REASON_QUOTA_EXCEEDED
    assert caught.value.details == {"remaining": "0"}


async def test_a_call_that_succeeds_is_left_alone(serve: Serve) -> None:
    stub = await serve(do_nothing)
    with translated("traffic-1"):
        assert await stub.Describe(DescribeRequest())


async def test_a_peer_that_cannot_be_reached_is_named(department_credentials: Credentials) -> None:
    with socket.socket() as held:  # bound, so that nobody else listens there
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        async with tls.channel(address, NODE_NAME, department_credentials) as channel:
            error = await failure(ComparisonServiceStub(channel))
    assert error.reason == ErrorReason.ERROR_REASON_CONNECTION_FAILED
    assert error.message.startswith("traffic-1: the call failed with UNAVAILABLE")


async def test_a_deadline_that_passes_has_its_reason(serve: Serve) -> None:
    async def outlast(context: Context) -> None:
        await asyncio.Event().wait()

    error = await failure(await serve(outlast), seconds=0.05)
    assert error.reason == ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED


async def test_a_call_that_the_peer_does_not_know_is_unsupported(
    server: grpc.aio.Server, node_credentials: Credentials, department_credentials: Credentials
) -> None:
    port = tls.listen(server, "127.0.0.1:0", node_credentials)
    await server.start()
    async with tls.channel(f"127.0.0.1:{port}", NODE_NAME, department_credentials) as channel:
        error = await failure(ComparisonServiceStub(channel))
    assert error.reason == ErrorReason.ERROR_REASON_UNSUPPORTED


async def test_a_trailer_that_no_stayput_wrote_is_passed_over(serve: Serve) -> None:
    async def abort(context: Context) -> None:
        trailer = ((STATUS_TRAILER, b"\xff\xff"),)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "no", trailing_metadata=trailer)

    error = await failure(await serve(abort))
    assert error.reason == ErrorReason.ERROR_REASON_CONNECTION_FAILED


async def test_other_exceptions_pass_through() -> None:
    with pytest.raises(KeyError), translated("traffic-1"):
        raise KeyError("x")
