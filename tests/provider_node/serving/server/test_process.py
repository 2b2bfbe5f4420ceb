"""The node as a process: how it starts, what it says, what keeps it from starting, how it stops."""

import asyncio
import json
import signal
import socket
import stat
from datetime import UTC, datetime

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2

from stayput.rpc import tls
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Stream, call_request, refused
from tests.provider_node.serving.node import NODE, grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess

LIST = [register.asked(number) for number in range(40)]
PEOPLE = [person for person, _ in LIST]
EXPECTED = [outcomes for _, outcomes in LIST]


async def test_it_says_when_it_is_ready_and_where(node_process: NodeProcess) -> None:
    line = await node_process.start()
    host, _, port = node_process.address.rpartition(":")
    assert line == f"ready address={node_process.address}\n"
    assert (host, int(port) > 0) == ("127.0.0.1", True)
    run = node_process.directory / "data" / "run"
    assert node_process.process is not None
    assert json.loads((run / "address.json").read_text()) == {
        "address": node_process.address,
        "pid": node_process.process.pid,
    }
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert stat.S_ISSOCK((run / "admin.sock").stat().st_mode)
    assert await node_process.end(signal.SIGTERM) == 0


async def test_it_answers_from_its_files_and_delivers_its_receipts(
    node_process: NodeProcess, peer: Peer
) -> None:
    await node_process.give(grant(datetime.now(UTC)))
    await node_process.start()
    async with node_process.consumer() as consumer:
        asking = await node_process.asking(consumer)
        response = await consumer.CompareRecords(call_request(asking, PEOPLE))
        assert asking.outcomes(response.opened, response.outcomes) == EXPECTED
    async with peer.stored_more:
        await peer.stored_more.wait_for(lambda: len(peer.receipts) == 1)
    assert peer.stored()[0].records == 40
    assert await node_process.end(signal.SIGTERM) == 0
    assert node_process.receipts() == peer.stored()


async def test_its_health_can_be_asked(node_process: NodeProcess) -> None:
    await node_process.start()
    credentials = node_process.material.consumer.credentials
    async with tls.channel(node_process.address, NODE.tls_name, credentials) as channel:
        check: grpc.aio.UnaryUnaryMultiCallable[
            health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        ] = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        answer = await check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_listen_can_be_overridden(node_process: NodeProcess) -> None:
    node_process.configure("", listen="192.0.2.1:1")
    await node_process.start("--listen", "localhost:0")
    assert node_process.address.startswith("localhost:")


async def test_a_second_node_on_the_same_data_is_refused(node_process: NodeProcess) -> None:
    await node_process.start()
    ran = await node_process.run("serve")
    assert ran.code == 1
    assert "a node is running on this data directory already" in ran.stderr
    assert "hint: stop it first" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert await node_process.end(signal.SIGTERM) == 0


async def test_a_node_that_is_not_enrolled_is_refused(node_process: NodeProcess) -> None:
    (node_process.directory / "data" / "keys" / "enrolment.json").unlink()
    ran = await node_process.run("serve")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr == "error: the node is not enrolled\nhint: run `provider-node enrol INVITATION`\n"


async def test_an_address_in_use_is_refused(node_process: NodeProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = await node_process.run("serve", "--listen", address)
    assert ran.code == 1
    assert f"error: node.listen: cannot listen on {address}\nhint: " in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_an_address_that_is_none_is_refused(node_process: NodeProcess) -> None:
    ran = await node_process.run("serve", "--listen", "7443")
    assert ran.code == 1
    assert ran.stderr.startswith("error: listen: must be host:port")


async def test_a_socket_path_that_is_too_long_is_refused(node_process: NodeProcess) -> None:
    long = "d" * 100
    (node_process.directory / "data").rename(node_process.directory / long)
    node_process.configure(f'data = "{long}"\n')
    ran = await node_process.run("serve")
    assert ran.code == 1
    assert "the path of the administration socket is longer than 107 bytes" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_damaged_state_is_refused(node_process: NodeProcess) -> None:
    await node_process.give(grant())
    (node_process.directory / "data" / "state" / "data.mdb").write_bytes(b"damaged" * 10_000)
    ran = await node_process.run("serve")
    assert ran.code == 1
    assert "the node's state is damaged\nhint: " in ran.stderr


async def test_a_killed_node_starts_again_in_the_same_place(node_process: NodeProcess) -> None:
    await node_process.start()
    assert await node_process.end(signal.SIGKILL) == -signal.SIGKILL
    assert (node_process.directory / "data" / "run" / "admin.sock").exists()
    await node_process.start("--listen", node_process.announced())
    ran = await node_process.run("status", "--json")
    assert json.loads(ran.stdout)["address"] == node_process.address
    assert await node_process.end(signal.SIGINT) == 0


async def test_a_stop_lets_a_session_finish_and_cuts_one_that_waits(node_process: NodeProcess) -> None:
    await node_process.give(grant(datetime.now(UTC)))
    await node_process.start()
    async with node_process.consumer() as consumer:
        waiting = Stream(consumer, await node_process.asking(consumer))
        going_on = Stream(consumer, await node_process.asking(consumer))
        for stream in (waiting, going_on):
            await stream.open()
            assert await stream.ask(0, PEOPLE) == EXPECTED
        assert node_process.process is not None
        node_process.process.send_signal(signal.SIGTERM)
        # The connection says that the node goes away before its sessions end.
        ending = asyncio.create_task(node_process.ended())
        assert await going_on.ask(1, PEOPLE, final=True) == EXPECTED
        await going_on.receipt(node_process.verification_key)
        with refused("SHUTTING_DOWN"):
            await waiting.read()
        assert await ending == 0
    ends = {receipt.end: receipt.records for receipt in node_process.receipts()}
    assert ends == {
        SessionEnd.SESSION_END_COMPLETE: 80,
        SessionEnd.SESSION_END_CUT_BY_NODE: 40,
    }


async def test_a_crash_leaves_receipts_that_the_next_start_makes(
    node_process: NodeProcess, peer: Peer
) -> None:
    await node_process.give(grant(datetime.now(UTC)))
    await node_process.start()
    async with node_process.consumer() as consumer:
        stream = Stream(consumer, await node_process.asking(consumer))
        await stream.open()
        await stream.ask(0, PEOPLE)
        idle = Stream(consumer, await node_process.asking(consumer))
        await idle.open()
        await node_process.end(signal.SIGKILL)
    await node_process.start()
    async with peer.stored_more:
        await peer.stored_more.wait_for(lambda: len(peer.receipts) == 2)
    crashed = {receipt.session_id: receipt for receipt in peer.stored()}
    assert {receipt.end for receipt in crashed.values()} == {SessionEnd.SESSION_END_NODE_CRASHED}
    assert crashed[stream.opened.session_id].records == 40
    assert crashed[idle.opened.session_id].records == 0
    assert await node_process.end(signal.SIGTERM) == 0
    assert "receipts made for sessions that a crash cut" in node_process.log.read_text()


@pytest.mark.parametrize("rounds", [4])
async def test_under_traffic_no_crash_loses_or_doubles_anything(
    node_process: NodeProcess, peer: Peer, rounds: int
) -> None:
    """Kills the node in the middle of several sessions again and again; then the accounts must agree."""
    seen: dict[bytes, int] = {}

    async def compare(answers: asyncio.Semaphore) -> None:
        async with node_process.consumer() as consumer:
            stream = Stream(consumer, await node_process.asking(consumer))
            await stream.open()
            seen[stream.opened.session_id] = 0
            for sequence in range(1_000):
                await stream.ask(sequence, PEOPLE)
                seen[stream.opened.session_id] += len(PEOPLE)
                answers.release()

    began = datetime.now(UTC)
    await node_process.give(grant(began))
    for number in range(rounds):
        await node_process.start()
        answers = asyncio.Semaphore(0)
        sessions = [asyncio.create_task(compare(answers)) for _ in range(4)]
        for _ in range(5 + 3 * number):
            await answers.acquire()
        await node_process.end(signal.SIGKILL)
        await asyncio.gather(*sessions, return_exceptions=True)
    await node_process.start()
    assert await node_process.end(signal.SIGTERM) == 0

    receipts = node_process.receipts()
    by_session = {receipt.session_id: receipt for receipt in receipts}
    assert len(by_session) == len(receipts)
    assert set(seen) <= set(by_session)
    for session, answered in seen.items():
        # The chunk whose answer was on its way may be counted; never one fewer than the consumer has.
        assert by_session[session].records in (answered, answered + len(PEOPLE))
    assert [receipt.end for receipt in receipts] == [SessionEnd.SESSION_END_NODE_CRASHED] * len(receipts)
    assert node_process.used(began) == sum(receipt.records for receipt in receipts)
    assert peer.stored() == receipts[: len(peer.receipts)]
