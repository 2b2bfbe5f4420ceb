"""Who may call as a replica, and Follow: it is told what it serves with, for as long as it is on the list."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provider_node.store.epochs import Purpose
from stayput.identity import Caller, Party, department, replica
from stayput.v1.replica_pb2 import (
    AccountRequest,
    CutSession,
    FollowRequest,
    ListAllowancesRequest,
    ReadFileRequest,
    ServedGeneration,
)
from tests.provider_node.replicas.peer import (
    ADDRESS,
    BY,
    NODE,
    NOW,
    REPLICA,
    VERSION,
    Follows,
    Material,
    NodeEnd,
    called,
    node_end,
    read_file,
)
from tests.provider_node.serving import register
from tests.provider_node.serving.authority import Authority
from tests.provider_node.serving.consumer import refused

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

GENERATION = "20261122T060000Z-0001"


def serving(resource: str, generation: str) -> FollowRequest:
    """What a replica says that serves it."""
    one = ServedGeneration(resource=resource, generation=generation)
    return FollowRequest(software_version=VERSION, address=ADDRESS, serving=[one])


async def connected(stub: "ReplicaServiceAsyncStub") -> Follows:
    """A replica that has been told everything once."""
    follows = Follows(stub)
    await follows.say()
    await follows.told()
    return follows


async def refused_everywhere(stub: "ReplicaServiceAsyncStub", reason: str) -> None:
    """No call is answered."""
    with refused(reason):
        await Follows(stub).first(FollowRequest(software_version=VERSION, address=ADDRESS))
    with refused(reason):
        await read_file(stub, ReadFileRequest(resource=register.CODE, path="manifest.json"))
    with refused(reason):
        await stub.ListAllowances(ListAllowancesRequest(consumer="civil-affairs", resource=register.CODE))
    with refused(reason):
        await called(stub, [AccountRequest(cut=CutSession())])


async def test_a_replica_is_told_all_at_once(node: NodeEnd, stub: "ReplicaServiceAsyncStub") -> None:
    follows = Follows(stub)
    await follows.say()
    told = await follows.told()
    assert told == node.offering.current()
    assert node.signing_key.private_bytes_raw() not in told.SerializeToString()


async def test_it_is_known_who_is_connected(node: NodeEnd, stub: "ReplicaServiceAsyncStub") -> None:
    assert node.followers.all() == []
    follows = Follows(stub)
    await follows.say({register.CODE: GENERATION})
    await follows.told()
    (one,) = node.followers.all()
    assert (one.name, one.address, one.since) == (REPLICA.id, ADDRESS, NOW)
    assert one.serving == {register.CODE: GENERATION}
    await follows.hang_up()
    assert node.followers.all() == []


async def test_what_a_replica_says_later_is_known_too(idle: NodeEnd) -> None:
    said: asyncio.Queue[FollowRequest] = asyncio.Queue()

    async def requests() -> AsyncGenerator[FollowRequest, None]:
        while True:
            yield await said.get()
            said.task_done()

    who = Caller(REPLICA, idle.admitted().thumbprint)
    said.put_nowait(FollowRequest(software_version=VERSION, address=ADDRESS))
    async with aclosing(idle.followers.follow(who, requests())) as responses:
        await anext(responses)
        idle.clock.now = register.BUILT_AT
        later = serving(register.CODE, GENERATION)
        later.address = "[::1]:7444"
        said.put_nowait(later)
        await said.join()
        (one,) = idle.followers.all()
        assert (one.address, one.since) == ("[::1]:7444", NOW)
        assert one.serving == {register.CODE: GENERATION}


async def test_a_new_generation_is_told(node: NodeEnd, stub: "ReplicaServiceAsyncStub") -> None:
    follows = await connected(stub)
    await asyncio.to_thread(node.build)
    node.followers.wake()
    assert [one.generation for one in (await follows.told()).resources] == [node.serving()]


async def test_a_new_key_is_told(node: NodeEnd, stub: "ReplicaServiceAsyncStub") -> None:
    follows = await connected(stub)
    for purpose in Purpose:
        node.keyring.rotate(purpose, BY, NOW)
    node.followers.wake()
    keys = (await follows.told()).keys
    assert keys == node.offering.current().keys
    assert (len(keys.index), len(keys.oprf), len(keys.sealing)) == (2, 2, 2)


async def test_nothing_is_told_twice(node: NodeEnd, stub: "ReplicaServiceAsyncStub") -> None:
    follows = await connected(stub)
    first = node.serving()
    node.followers.wake()
    await called(stub, [AccountRequest(cut=CutSession())])
    await asyncio.to_thread(node.build)
    node.followers.wake()
    assert (await follows.told()).resources[0].generation == node.serving() != first


async def test_changes_and_removal_are_noticed_without_a_word(material: Material, tmp_path: Path) -> None:
    with node_end(material, tmp_path / "node", poll_seconds=0.01) as node:
        async with node.listening(), node.called_by(node.admitted()) as stub:
            follows = await connected(stub)
            node.keyring.rotate(Purpose.SEALING, BY, NOW)
            assert len((await follows.told()).keys.sealing) == 2
            node.replicas.remove(REPLICA.id)
            with refused("NOT_PERMITTED"):
                await follows.told()
            assert node.followers.all() == []


async def test_a_replica_that_was_removed_is_cut_and_not_admitted_again(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    follows = await connected(stub)
    node.replicas.remove(REPLICA.id)
    await asyncio.to_thread(node.build)
    node.followers.wake()
    with refused("NOT_PERMITTED"):
        await follows.told()
    await refused_everywhere(stub, "NOT_PERMITTED")
    node.admitted()
    await refused_everywhere(stub, "NOT_PERMITTED")


async def test_a_certificate_that_is_not_on_the_list_admits_nobody(node: NodeEnd) -> None:
    node.admitted()
    async with node.called_by(node.material.internal.party(REPLICA)) as stub:
        await refused_everywhere(stub, "NOT_PERMITTED")


@pytest.mark.parametrize("party", [NODE, department("civil-affairs")])
async def test_only_a_replicas_certificate_can_be_on_the_list(node: NodeEnd, party: Party) -> None:
    async with node.called_by(node.admitted(party)) as stub:
        await refused_everywhere(stub, "NOT_PERMITTED")


async def test_a_certificate_of_another_authority_does_not_connect(node: NodeEnd) -> None:
    stranger = Authority().party(REPLICA)
    node.replicas.add(REPLICA.id, stranger.thumbprint, NOW, BY)
    async with node.called_by(stranger) as stub:
        await refused_everywhere(stub, "CONNECTION_FAILED")


async def test_another_release_is_refused_and_both_are_named(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    with refused("UNSUPPORTED", "software_version") as caught:
        await Follows(stub).first(FollowRequest(software_version="0.0-other", address=ADDRESS))
    assert caught.value.details == {"node": VERSION, "replica": "0.0-other"}
    assert node.followers.all() == []


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (FollowRequest(), "address"),
        (FollowRequest(address="r1.internal:0"), "address"),
        (FollowRequest(address="r1.internal\x1b[2J:7443"), "address"),
        (serving("../x", GENERATION), "serving.resource"),
        (serving("deaths", ".."), "serving.generation"),
    ],
)
async def test_what_would_be_shown_to_the_administrator_is_checked(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub", request_: FollowRequest, field: str
) -> None:
    request_.software_version = VERSION
    with refused("FIELD_INVALID", field):
        await Follows(stub).first(request_)
    follows = await connected(stub)
    await follows.write(request_)
    with refused("FIELD_INVALID", field):
        await follows.told()
    assert node.followers.all() == []


async def test_a_replica_that_connects_again_takes_its_own_place(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    first = await connected(stub)
    node.clock.now = register.BUILT_AT
    second = Follows(stub)
    await second.say(address="r1.internal:7555")
    await second.told()
    with refused("SESSION_CUT"):
        await first.told()
    (one,) = node.followers.all()
    assert (one.address, one.since) == ("r1.internal:7555", register.BUILT_AT)
    node.keyring.rotate(Purpose.SEALING, BY, NOW)
    node.followers.wake()
    assert len((await second.told()).keys.sealing) == 2


async def test_connections_of_a_replica_end_in_any_order(idle: NodeEnd) -> None:
    async def requests() -> AsyncGenerator[FollowRequest, None]:
        yield FollowRequest(software_version=VERSION, address=ADDRESS)
        await asyncio.Event().wait()

    who = Caller(REPLICA, idle.admitted().thumbprint)
    async with aclosing(idle.followers.follow(who, requests())) as first:
        await anext(first)
        async with aclosing(idle.followers.follow(who, requests())) as second:
            await anext(second)
        assert idle.followers.all() == []


async def test_replicas_are_told_apart(node: NodeEnd, stub: "ReplicaServiceAsyncStub") -> None:
    first = await connected(stub)
    async with node.called_by(node.admitted(replica("r2"))) as other:
        second = await connected(other)
        assert [one.name for one in node.followers.all()] == ["r1", "r2"]
        node.replicas.remove("r2")
        node.keyring.rotate(Purpose.SEALING, BY, NOW)
        node.followers.wake()
        with refused("NOT_PERMITTED"):
            await second.told()
        assert len((await first.told()).keys.sealing) == 2


async def test_a_node_that_stops_says_so(node: NodeEnd, stub: "ReplicaServiceAsyncStub") -> None:
    follows = await connected(stub)
    node.followers.stop()
    with refused("SHUTTING_DOWN"):
        await follows.told()


async def test_allowances_are_those_of_the_department_named(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    request = ListAllowancesRequest(consumer="civil-affairs", resource=register.CODE)
    (one,) = (await stub.ListAllowances(request)).allowances
    assert one.grant_id == f"urn:stayput:department:civil-affairs {register.CODE}"
    request.consumer = "Civil Affairs"
    with refused("FIELD_INVALID", "consumer"):
        await stub.ListAllowances(request)


async def test_an_account_is_kept_under_the_replicas_name(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    requests = [AccountRequest(cut=CutSession()), AccountRequest()]
    assert [one.WhichOneof("message") for one in await called(stub, requests)] == ["done", "done"]
    assert node.accounts.kept == [(REPLICA.id, one) for one in requests]


async def test_an_account_ends_when_the_replica_is_removed(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    call = stub.Account()
    await call.write(AccountRequest(cut=CutSession()))
    await call.read()
    node.replicas.remove(REPLICA.id)
    await call.write(AccountRequest(cut=CutSession()))
    with refused("NOT_PERMITTED"):
        await call.read()
    assert len(node.accounts.kept) == 1
