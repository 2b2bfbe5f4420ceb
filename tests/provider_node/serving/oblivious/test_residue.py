"""What a node keeps and logs after oblivious sessions: nothing that a dictionary of everybody could find.

Whoever tries has all of the node's files, the keys too, and knows everybody who may have been asked about.
"""

import hashlib
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stayput import oblivious
from stayput.elements import DIGEST_BYTES, context
from stayput.oblivious import input_context
from stayput.oprf import VerifiableClient, VerifiableServer
from stayput.v1.comparison_pb2 import Description, ProofRequest
from stayput.v1.contract_pb2 import Contract, ObliviousSet
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import SESSION_KEY, TicketOffice, digests, refused
from tests.provider_node.serving.node import NODE
from tests.provider_node.serving.oblivious.consumer import (
    COUNT,
    RECORD,
    Columns,
    ObliviousAsking,
    blinded,
    elements,
    granted,
    inputs,
    opening_by,
    proof_request,
    ticket,
)
from tests.provider_node.serving.oblivious.streams import Evaluated
from tests.provider_node.serving.processes import NodeProcess
from tests.provider_node.serving.residue import files, occurring, values, written_as

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

ASKED = [register.asked(number)[0] for number in range(20)]
EVERYBODY = [*(register.person(number) for number in range(register.PEOPLE)), *ASKED]


@dataclass
class Used:
    """A node that has had sessions, and what went over the wire in them."""

    node: NodeProcess
    description: Description
    seen: set[bytes] = field(default_factory=set)
    contents: list[tuple[ObliviousAsking, bytes]] = field(default_factory=list)
    built: dict[Path, bytes] = field(default_factory=dict)

    def opening(self, granularity: int) -> ObliviousAsking:
        material = self.node.material
        office = TicketOffice(material.ticket_key, NODE, datetime.now(UTC))
        chosen = COUNT if granularity == COUNT else RECORD
        return opening_by(self.description, ticket(office, material), granularity=chosen)

    async def ask(self, stream: Evaluated, sequence: int, columns: Columns, *, final: bool = False) -> None:
        chunk = stream.asking.elements(sequence, columns, final=final)
        self.seen |= {one for column in columns for one in column}
        self.contents.append((stream.asking, stream.asking.asked[sequence]))
        await stream.send(chunk)
        answer = stream.content(sequence, (await stream.read()).evaluated)
        if answer:
            self.seen |= {one for column in oblivious.unpacked(answer, 3, "answer") for one in column}


def generations(node: NodeProcess) -> dict[Path, bytes]:
    """The files that builds make."""
    root = node.directory / "data" / "resources"
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "lock.mdb"}


@pytest.fixture
async def used(node_process: NodeProcess) -> Used:
    """After sessions in both granularities, a refusal, a fetch, a cut and a crash."""
    node = node_process
    await node.give(granted(now=datetime.now(UTC)))
    built = generations(node)
    await node.start()
    async with node.consumer() as consumer:
        made = Used(node, await node.description(consumer), built=built)
        await by_record(made, consumer)
        await counted(made, consumer)
        left = Evaluated(consumer, made.opening(RECORD))
        await left.open()
        await made.ask(left, 0, elements(blinded(left.asking, ASKED)))
        await node.end(signal.SIGKILL)
    await node.start()
    await node.end(signal.SIGTERM)
    return made


async def by_record(made: Used, consumer: "ComparisonServiceAsyncStub") -> None:
    stream = Evaluated(consumer, made.opening(RECORD))
    await stream.open()
    columns = elements(blinded(stream.asking, ASKED))
    await made.ask(stream, 0, columns)
    await stream.prove(proof_request(0, columns))
    await made.ask(stream, 1, elements(blinded(stream.asking, ASKED)), final=True)
    await stream.read()
    await stream.close()
    bad = Evaluated(consumer, made.opening(RECORD))
    await bad.open()
    with refused("FIELD_INVALID"):
        await made.ask(
            bad, 0, [[*columns[0], inputs(made.description.contract, ASKED, ())[0][0][:32]], [], []]
        )


async def counted(made: Used, consumer: "ComparisonServiceAsyncStub") -> None:
    stream = Evaluated(consumer, made.opening(COUNT))
    await stream.open()
    await made.ask(stream, 0, elements(blinded(stream.asking, ASKED)), final=True)
    answer = stream.columns(1, (await stream.read()).evaluated)
    made.seen |= {one for column in answer for one in column}
    await stream.read()
    await stream.prove(ProofRequest(sequence=0))
    await stream.close()
    fetching = replace(made.opening(RECORD), asked={}, fetched=made.description.generation)
    async for _ in consumer.FetchFingerprints(fetching.fetch()):
        pass


def of_everybody(node: NodeProcess, contract: Contract, sets: Sequence[ObliviousSet]) -> Iterator[bytes]:
    """All that can be made of everybody with all of the node's keys."""
    epoch = node.keys.oprf_keys().epoch(register.CODE)
    index_key = node.keys.index_keys().current
    columns = dict(zip((None, *register.CHECKS), inputs(contract, EVERYBODY, register.CHECKS), strict=True))
    for one in sets:
        check = one.check or None
        key = epoch.key(contract, one.key, check, one.granularity)
        assert key.public_bytes() == one.public_key
        server, client, asked = VerifiableServer(key), VerifiableClient(one.public_key), columns[check]
        one_ = (1).to_bytes(32, "little")
        place = input_context(contract, one.key, check)
        yield from asked
        yield from client.blind(asked, [one_] * len(asked)).elements
        yield from server.points(asked)
        outputs = server.evaluate(asked)
        yield from outputs
        yield from oblivious.fingerprints(outputs)
        yield from oblivious.presences(place, outputs)
        yield from oblivious.count_fingerprints(place, server.points(asked))
    column = digests(contract, EVERYBODY, ())
    yield from blocks(column)
    yield from blocks(index_key.token_key(context(contract, register.KEY)).tokens(column))


def blocks(column: bytes) -> Iterator[bytes]:
    return (column[at : at + DIGEST_BYTES] for at in range(0, len(column), DIGEST_BYTES))


def chunk_name(asking: ObliviousAsking, content: bytes) -> bytes:
    """What is kept of a chunk, so that it costs nothing when it is sent again."""
    opening = asking.open
    parts = [b"stayput/v1/evaluated-chunk", opening.key_epoch.encode(), b"%d" % opening.granularity]
    parts += [opening.key.encode(), *(check.encode() for check in opening.checks), content]
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()[:16]


async def test_a_dictionary_of_everybody_finds_nobody(used: Used) -> None:
    node, description = used.node, used.description
    assert generations(node) == used.built
    hidden = set(of_everybody(node, description.contract, description.oblivious.sets))
    # The scan finds what is there: who is in the register can be found in what was built of it.
    assert len(occurring(hidden, b"".join(used.built.values()))) > 4 * register.PEOPLE
    secrets = {form for secret in hidden | used.seen | {SESSION_KEY} for form in written_as(secret)}
    left = {path: content for path, content in files(node) if path not in used.built}
    assert {"data.mdb", "node.log"} <= {path.name for path in left}
    for path, content in left.items():
        assert occurring(secrets, content) == [], path
        assert [value for value in values(EVERYBODY) if value in content] == [], path
    check_state((node.directory / "data" / "state" / "data.mdb").read_bytes(), used)
    check_log(node.log.read_text("utf-8"), node)


def check_state(state: bytes, used: Used) -> None:
    """Of what was sent only the names of chunks are kept, but for that which was refused."""
    names = [chunk_name(asking, content) for asking, content in used.contents]
    assert [name in state for name in names] == [True, True, False, True, True]


def check_log(log: str, node: NodeProcess) -> None:
    """The log tells what happened, and of nobody."""
    assert "receipts made for sessions that a crash cut" in log
    for private in ("clerk 7", "核对", node.keys.oprf_keys().epoch(register.CODE).id):
        assert private not in log
