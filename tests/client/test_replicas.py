"""A node with replicas: each has its turn, those that are away are passed over, nothing is paid twice."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from functools import partial

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import identity
from stayput.errors import StayputError
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.sealing import SealingKey
from stayput.v1.contract_pb2 import Contract
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput_client import Client, Comparison, nodes
from tests.client.machines import Machine, listed, machines
from tests.client.servicers.faults import Faults
from tests.client.servicers.register import NODE, Register
from tests.client.world import CONTRACT, RESOURCE, World, resident_id, started

KEY = "resident_id"
RECORDS = [{KEY: resident_id(serial), "name": "张三"} for serial in range(3)]
LONG = RECORDS * 400
both_calls = pytest.mark.parametrize("records", [RECORDS, LONG], ids=["one call", "stream"])


@pytest.fixture
async def two(world: World) -> AsyncIterator[list[Machine]]:
    async with machines(world, 2) as running:
        yield running


@pytest.fixture
def dead() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


async def compare(client: Client, records: list[dict[str, str]] = RECORDS) -> Comparison:
    return await client.compare(records, resource=RESOURCE, key=KEY, checks=["name"])


@both_calls
async def test_sessions_are_spread_over_all_machines(
    world: World, client: Client, records: list[dict[str, str]]
) -> None:
    async with machines(world, 3) as running:
        done = [await compare(client, records) for _ in range(6)]
        assert [machine.sessions for machine in running] == [2, 2, 2]
        # An agreement holds for a while: each machine is asked once what it serves.
        assert [machine.described for machine in running] == [1, 1, 1]
    assert all(one.results == done[0].results for one in done)
    assert world.node.used_today["G-1"] == 6 * len(records)


async def test_where_a_client_begins_is_left_to_chance(world: World) -> None:
    async with machines(world, 2) as running:
        while not all(machine.described for machine in running):
            async with Client.open(world.home) as client:
                await client.describe(RESOURCE)


async def test_one_address_is_described_once_and_no_connection_is_asked_about(
    world: World, client: Client
) -> None:
    async with machines(world, 1) as (machine,):
        for _ in range(3):
            await compare(client)
        assert (machine.described, machine.sessions) == (1, 3)


@both_calls
async def test_an_address_where_nobody_is_is_passed_over(
    world: World, client: Client, two: list[Machine], dead: str, records: list[dict[str, str]]
) -> None:
    listed(world, two[0].address, dead, two[1].address)
    for _ in range(6):
        await compare(client, records)
    # Whoever comes after it in the list may have had one turn more, when it was found to be dead.
    assert sorted(machine.sessions for machine in two) in ([3, 3], [2, 4])
    assert len(world.node.receipts) == 6


@both_calls
async def test_a_machine_that_goes_away_is_noticed_before_anything_is_sent_to_it(
    world: World, client: Client, two: list[Machine], records: list[dict[str, str]]
) -> None:
    for _ in range(2):
        await compare(client, records)
    await two[0].proxy.stop()
    place = client._places[NODE.id, two[0].address]
    assert place._opened is not None
    await place._opened[0].wait_for_state_change(grpc.ChannelConnectivity.READY)
    for _ in range(3):
        await compare(client, records)
    assert [machine.sessions for machine in two] == [1, 4]


async def test_a_machine_that_does_not_answer_is_not_waited_for_as_if_it_were_the_only_one(
    world: World, client: Client, two: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "REACH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        listed(world, two[0].address, f"127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(3):
            await compare(client)
    assert two[0].sessions == 3


async def test_when_nobody_is_there_every_address_is_named(world: World, client: Client, dead: str) -> None:
    impostor = tls.server([ErrorInterceptor()])
    port = await started(impostor, world.authority.credentials(identity.node("deaths-1")))
    listed(world, dead, f"127.0.0.1:{port}")
    for ask in (client.describe(RESOURCE), compare(client)):
        with pytest.raises(
            StayputError, match="CONNECTION_FAILED: no address of the node would do"
        ) as caught:
            await ask
        assert f"{dead}: CONNECTION_FAILED: node: " in caught.value.message
        assert f"127.0.0.1:{port}: CONNECTION_FAILED: node: " in caught.value.message
        assert "Verification Check failed" in caught.value.message
        assert caught.value.remedy
    await impostor.stop(None)


@both_calls
@pytest.mark.parametrize(
    "reason",
    [
        ErrorReason.ERROR_REASON_CATCHING_UP,
        ErrorReason.ERROR_REASON_SHUTTING_DOWN,
        ErrorReason.ERROR_REASON_RESOURCE_NOT_READY,
    ],
)
async def test_a_machine_that_opens_no_session_is_let_alone(
    world: World,
    client: Client,
    two: list[Machine],
    reason: ErrorReason.ValueType,
    records: list[dict[str, str]],
) -> None:
    refusal = StayputError(reason, "not now")
    two[0].faulty(Faults(refuse_after_chunks=0, refusal=refusal))
    for _ in range(4):
        await compare(client, records)
    assert [machine.sessions for machine in two] == [0, 4]
    assert two[0].described == 1
    assert world.node.used_today["G-1"] == 4 * len(records)
    two[1].faulty(Faults(refuse_after_chunks=0, refusal=refusal))
    with pytest.raises(StayputError, match="no address of the node would do") as caught:
        await compare(client, records)
    assert caught.value.reason == reason
    assert len(world.node.receipts) == 4


async def test_a_machine_that_has_served_again_has_its_failures_forgiven(
    world: World, client: Client, two: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "PASSED_OVER_SECONDS", (0.0, 3_600.0))
    for caught_up in (False, True) * 2:
        two[0].peer.caught_up = caught_up
        for _ in range(2):
            await compare(client)
    assert [machine.sessions for machine in two] == [2, 6]


@both_calls
async def test_a_machine_with_a_new_sealing_key_is_described_again(
    world: World, client: Client, two: list[Machine], records: list[dict[str, str]]
) -> None:
    for _ in range(2):
        await compare(client, records)
    two[0].peer.sealing_key = SealingKey.generate()
    for _ in range(4):
        await compare(client, records)
    # Its turn in which it refused went to the other.
    assert sorted(machine.sessions for machine in two) == [2, 4]
    assert two[0].described == 2


@both_calls
async def test_what_only_one_may_refuse_is_not_asked_elsewhere(
    world: World, client: Client, two: list[Machine], records: list[dict[str, str]]
) -> None:
    for machine in two:
        refusal = StayputError(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, "enough")
        machine.faulty(Faults(refuse_after_chunks=0, refusal=refusal))
    with pytest.raises(StayputError, match="QUOTA_EXCEEDED: enough"):
        await compare(client, records)
    assert sum(machine.described for machine in two) == 1


def _cut(machine: Machine, _: Receipt) -> None:
    machine.proxy.cut()


@both_calls
async def test_what_may_have_been_charged_is_not_sent_again(
    world: World, client: Client, two: list[Machine], records: list[dict[str, str]]
) -> None:
    for machine in two:
        machine.faulty(Faults(receipt=partial(_cut, machine)))
    with pytest.raises(StayputError, match="CONNECTION_FAILED: node: "):
        await compare(client, records)
    assert (len(world.node.receipts), world.node.used_today["G-1"]) == (1, len(records))


async def test_a_machine_that_broke_off_is_not_the_next_one_to_be_asked(
    world: World, client: Client, two: list[Machine]
) -> None:
    two[0].faulty(Faults(receipt=partial(_cut, two[0])))
    done = await asyncio.gather(*(compare(client) for _ in range(2)), return_exceptions=True)
    assert [str(one)[:23] for one in done if isinstance(one, Exception)] == ["CONNECTION_FAILED: node"]
    for _ in range(4):
        await compare(client)
    assert [machine.sessions for machine in two] == [1, 5]


async def test_a_machine_that_signs_with_another_key_is_not_passed_over_in_silence(
    world: World, client: Client, two: list[Machine]
) -> None:
    two[0].faulty(Faults(description_key=Ed25519PrivateKey.generate()))
    with pytest.raises(StayputError, match="PROTOCOL_VIOLATION: the description is not signed by"):
        await asyncio.gather(*(compare(client) for _ in two))


def resalted(machine: Machine, salt: bytes) -> None:
    """Has it serve a generation with another salt."""
    contract = Contract()
    contract.CopyFrom(CONTRACT)
    contract.salt = salt
    row = {"resident_id": resident_id(0), "name": "张三", "plate": "", "birth_date": "1949-12-31"}
    machine.peer.register = Register(contract, [row])


@both_calls
async def test_machines_with_different_contracts_are_not_mixed_up(
    world: World, client: Client, two: list[Machine], records: list[dict[str, str]]
) -> None:
    for machine, salt in zip(two, (bytes(16), bytes([1]) * 16), strict=True):
        resalted(machine, salt)
    done = [await compare(client, records) for _ in range(4)]
    assert sorted(machine.sessions for machine in two) == [0, 4]
    assert {one.results[0].outcome for one in done} == {"MATCH"}
    assert {one.results[1].outcome for one in done} == {"NOT_FOUND"}


@both_calls
async def test_after_a_switch_the_next_comparison_is_agreed_on_anew(
    world: World, client: Client, two: list[Machine], records: list[dict[str, str]]
) -> None:
    for machine in two:
        resalted(machine, bytes(16))
    for _ in range(2):
        await compare(client, records)
    resalted(two[0], bytes([1]) * 16)
    done = [await compare(client, records) for _ in range(2)]
    resalted(two[1], bytes([1]) * 16)
    with pytest.raises(StayputError, match="SALT_MISMATCH"):
        await compare(client, records)
    done += [await compare(client, records) for _ in range(2)]
    assert {one.results[0].outcome for one in done} == {"MATCH"}
    assert [machine.sessions for machine in two] == [2, 4]


async def test_a_generation_behind_is_answered_from_in_keyed_mode(
    world: World, client: Client, two: list[Machine]
) -> None:
    two[0].peer.generation = "generation-8"
    done = [await compare(client) for _ in range(4)]
    assert [machine.sessions for machine in two] == [2, 2]
    assert len({one.summary.generation for one in done}) == 2


async def test_a_description_names_all_addresses(world: World, client: Client, two: list[Machine]) -> None:
    told = await client.describe(RESOURCE)
    assert (told.address, told.replica_addresses) == (two[0].address, (two[1].address,))
