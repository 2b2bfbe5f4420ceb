"""ReadFile: the files that were listed, of a generation that may serve, and nothing else on the disk."""

import random
import shutil
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from provider_node.domain.replicas.files_of_generation import PIECE_BYTES
from stayput.v1.replica_pb2 import GenerationFile, ReadFileRequest
from tests.provider_node.replicas.peer import NOT_SENT, NodeEnd, read_file, sha256
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

CONTENT = random.Random(1).randbytes(2 * PIECE_BYTES + 12_345)


def files(node: NodeEnd) -> list[GenerationFile]:
    """Those that replicas are told of."""
    return list(node.offering.current().resources[0].files)


def request(node: NodeEnd, path: str = "manifest.json", offset: int = 0) -> ReadFileRequest:
    """For a file of the generation that serves."""
    return ReadFileRequest(resource=register.CODE, generation=node.serving(), path=path, offset=offset)


async def test_each_file_that_is_listed_is_read_as_it_is_listed(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    private = node.signing_key.private_bytes_raw()
    for file in files(node):
        content = b"".join(await read_file(stub, request(node, file.path)))
        assert (len(content), sha256(content)) == (file.size, file.sha256)
        assert private not in content
        assert private.hex().encode() not in content
        assert "李四".encode() not in content


async def test_a_large_file_comes_in_pieces(node: NodeEnd, stub: "ReplicaServiceAsyncStub") -> None:
    (node.generation(node.serving()) / "index.mdb").write_bytes(CONTENT)
    pieces = await read_file(stub, request(node, "index.mdb"))
    assert [len(piece) for piece in pieces] == [PIECE_BYTES, PIECE_BYTES, 12_345]
    assert b"".join(pieces) == CONTENT


@pytest.mark.parametrize("offset", [1, PIECE_BYTES, PIECE_BYTES + 7, len(CONTENT) - 1, len(CONTENT)])
async def test_reading_is_taken_up_where_it_was_left(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub", offset: int
) -> None:
    (node.generation(node.serving()) / "index.mdb").write_bytes(CONTENT)
    assert b"".join(await read_file(stub, request(node, "index.mdb", offset))) == CONTENT[offset:]


@pytest.mark.parametrize("beyond", [-1, 1])
async def test_a_place_that_is_not_in_the_file_is_refused(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub", beyond: int
) -> None:
    size = files(node)[0].size
    with refused("FIELD_INVALID", "offset"):
        await read_file(stub, request(node, offset=size + 1 if beyond > 0 else -1))


@pytest.mark.parametrize(
    "path",
    [
        *NOT_SENT,
        "",
        ".",
        "held",
        "fingerprints",
        "fingerprints/6",
        "fingerprints/../quarantine.csv",
        "./manifest.json",
        "../../salt",
        "../../../../keys/signing.key",
        "/etc/hostname",
        "manifest.json\0",
    ],
)
async def test_a_file_that_was_not_listed_is_refused(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub", path: str
) -> None:
    (node.generation(node.serving()) / "held").write_text("x")
    with refused("FIELD_INVALID", "path"):
        await read_file(stub, request(node, path))


async def test_an_absolute_path_of_a_file_that_was_listed_is_refused(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    with refused("FIELD_INVALID", "path"):
        await read_file(stub, request(node, str(node.generation(node.serving()) / "manifest.json")))


@pytest.mark.parametrize(
    "generation", ["", ".", "..", "../generations", "20261122T060000Z-ffff", "20261122T060000Z-0001.building"]
)
async def test_a_generation_that_is_not_there_is_unknown(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub", generation: str
) -> None:
    building = node.generation("20261122T060000Z-0001.building")
    shutil.copytree(node.generation(node.serving()), building)
    asked = request(node)
    asked.generation = generation
    with refused("GENERATION_UNKNOWN", "generation"):
        await read_file(stub, asked)


async def test_a_resource_that_is_not_the_nodes_has_no_generation(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    resources = node.data / "resources"
    shutil.copytree(resources / register.CODE, resources / "deaths", symlinks=True)
    asked = request(node)
    asked.resource = "deaths"
    with refused("GENERATION_UNKNOWN", "generation"):
        await read_file(stub, asked)
    asked.resource = f"../resources/{register.CODE}"
    with refused("FIELD_INVALID", "resource"):
        await read_file(stub, asked)


async def test_a_generation_before_can_be_read_while_it_is_there(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    asked = request(node)
    expected = (node.generation(asked.generation) / "manifest.json").read_bytes()
    node.build()
    assert asked.generation != node.serving()
    assert b"".join(await read_file(stub, asked)) == expected
    shutil.rmtree(node.generation(asked.generation))
    with refused("GENERATION_UNKNOWN"):
        await read_file(stub, asked)


async def test_a_generation_that_is_held_back_is_not_read(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    earlier = request(node)
    node.build()
    (node.generation(earlier.generation) / "held").write_text("too few subjects")
    with refused("GENERATION_UNKNOWN", "generation"):
        await read_file(stub, earlier)
    # What a crash behind the switch leaves.
    (node.generation(node.serving()) / "held").write_text("too few subjects")
    assert await read_file(stub, request(node))


async def test_a_file_that_is_missing_is_no_fault_of_the_program(
    node: NodeEnd, stub: "ReplicaServiceAsyncStub"
) -> None:
    (node.generation(node.serving()) / "index.mdb").unlink()
    with refused("GENERATION_UNKNOWN"):
        await read_file(stub, request(node, "index.mdb"))
    (node.generation(node.serving()) / "manifest.json").write_bytes(b"{}")
    with refused("RESOURCE_NOT_READY"):
        await read_file(stub, request(node))


async def test_a_generation_that_is_removed_while_it_is_read_is_read_to_its_end(idle: NodeEnd) -> None:
    directory = idle.generation(idle.serving())
    (directory / "index.mdb").write_bytes(CONTENT)
    reading = idle.files.read(register.CODE, idle.serving(), "index.mdb", 0)
    async with aclosing(reading) as pieces:
        read = [await anext(pieces)]
        shutil.rmtree(directory)
        read += [piece async for piece in pieces]
    assert b"".join(read) == CONTENT
