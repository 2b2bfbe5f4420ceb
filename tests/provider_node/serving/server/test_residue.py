"""What a node keeps and logs after sessions of every kind: no value, digest, key or token in the clear."""

import signal
from datetime import UTC, datetime

import pytest

from provider_node.domain.tokens import bound
from stayput.elements import context
from stayput.v1.admin_pb2 import BuildRequest
from stayput.v1.comparison_pb2 import CompareRecordsRequest
from stayput.v1.contract_pb2 import Contract
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import SESSION_KEY, Stream, call_request, digests, refused
from tests.provider_node.serving.node import grant
from tests.provider_node.serving.processes import NodeProcess
from tests.provider_node.serving.register import Person
from tests.provider_node.serving.residue import files, values, written_as

PEOPLE = [register.asked(number)[0] for number in range(60)]


def blocks(column: bytes) -> set[bytes]:
    return {column[start : start + 16] for start in range(0, len(column), 16)} - {bytes(16)}


def tokens(node: NodeProcess, contract: Contract, asked: bytes, records: int) -> set[bytes]:
    """The tokens that the node makes of a list's digests."""
    index_key = node.keys.index_keys().current
    key, *checks = (asked[start : start + 16 * records] for start in range(0, len(asked), 16 * records))
    key_tokens = index_key.token_key(context(contract, register.KEY)).tokens(key)
    found = blocks(key_tokens)
    for name, column in zip(register.CHECKS, checks, strict=True):
        token_key = index_key.token_key(context(contract, register.KEY, name))
        found |= blocks(token_key.tokens(bound(column, key_tokens)))
    return found


@pytest.fixture
async def used(node_process: NodeProcess) -> tuple[NodeProcess, Contract, list[str]]:
    """A node that has had sessions, refusals, cuts, a build and a crash; the contract; the tickets shown."""
    await node_process.give(grant(datetime.now(UTC), per_session=200))
    with (node_process.directory / "vehicles.csv").open("a", encoding="utf-8") as source:
        source.write("110105195001010001,赵损坏,沪B54321\n")
    await node_process.start()
    tickets = []
    async with node_process.consumer() as consumer:
        for _ in range(3):
            asking = await node_process.asking(consumer)
            tickets.append(asking.open.ticket)
            await consumer.CompareRecords(call_request(asking, PEOPLE))
        damaged = asking.chunk(0, PEOPLE, final=True)
        damaged.sealed = damaged.sealed[:-1]
        with refused("SEAL_INVALID"):
            await consumer.CompareRecords(CompareRecordsRequest(open=asking.open, chunk=damaged))
        other = call_request(asking, PEOPLE)
        other.open.contract.fields[0].type = PEOPLE[0].owner_id
        with refused("FIELDS_MISMATCH"):
            await consumer.CompareRecords(other)
        over = Stream(consumer, asking)
        await over.open()
        for sequence in range(3):
            await over.ask(sequence, PEOPLE)
        with refused("QUOTA_EXCEEDED"):
            await over.ask(3, PEOPLE)
        async with node_process.administrator() as admin:
            async for _ in admin.Build(BuildRequest(resource=register.CODE)):
                pass
        left = Stream(consumer, asking)
        await left.open()
        await left.ask(0, PEOPLE)
        await node_process.end(signal.SIGKILL)
    await node_process.start()
    await node_process.end(signal.SIGTERM)
    return node_process, asking.open.contract, tickets


async def test_nothing_of_a_record_is_left_behind(used: tuple[NodeProcess, Contract, list[str]]) -> None:
    node, contract, tickets = used
    asked = digests(contract, PEOPLE, register.CHECKS)
    made = tokens(node, contract, asked, len(PEOPLE))
    register_values = values([register.person(number) for number in range(register.PEOPLE)])
    plain = register_values | values(PEOPLE) | values([Person("110105195001010001", "赵损坏", "沪B54321")])
    hidden = plain | {form for digest in blocks(asked) for form in written_as(digest)}
    hidden |= {form for ticket in tickets for form in (ticket.encode(),)}
    hidden |= set(written_as(SESSION_KEY))
    scanned = {path.name for path, _ in files(node)}
    assert {"data.mdb", "node.log", "index.mdb", "manifest.json", "quarantine.csv"} <= scanned
    found_in_index = 0
    for path, content in files(node):
        assert [secret for secret in hidden if secret in content] == [], path
        if path.name == "index.mdb":
            found_in_index += sum(token in content for token in made)
        else:
            assert [form for token in made for form in written_as(token) if form in content] == [], path
    # The scan finds what is there: the index holds the tokens of those who are in the register.
    assert found_in_index > len(PEOPLE)


async def test_the_log_tells_what_happened_without_saying_who_or_why(
    used: tuple[NodeProcess, Contract, list[str]],
) -> None:
    node, _, _ = used
    log = node.log.read_text("utf-8")
    assert "receipts made for sessions that a crash cut" in log
    for private in ("clerk 7", "低收入家庭经济状况核对", "核对"):
        assert private not in log
    for path in (node.directory / "data" / "keys").glob("*.key"):
        assert path.read_text().strip() not in log
