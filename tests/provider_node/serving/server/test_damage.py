"""Files of one resource that cannot be read, under a running node: the others are served and built."""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provider_node.config import load_resource
from provider_node.domain.build import Builder
from provider_node.store.state import State
from stayput.v1.admin_pb2 import BuildRequest, GetStatusRequest, ResourceStatus
from stayput.v1.catalogue_pb2 import Resource
from stayput.v1.comparison_pb2 import DescribeRequest
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import call_request, refused
from tests.provider_node.serving.node import grant
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import SECONDS, NodeProcess

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

# Before the other in every order of codes.
DAMAGED = "a-first"
PEOPLE, EXPECTED = zip(*(register.asked(number) for number in range(40)), strict=True)
SCHEDULE = '[schedule]\nevery = "6h"\n'


def files_of(node: NodeProcess, code: str = DAMAGED) -> Path:
    return node.directory / "data" / "resources" / code


def build(node: NodeProcess, now: datetime = register.BUILT_AT) -> Path:
    """Another generation of the resource, made beside the node, which then serves; its directory."""
    keys, file = node.keys, node.directory / "resources" / "first.toml"
    builder = Builder(
        node.directory / "data", keys.index_keys().current, keys.oprf_keys(), "0.0-test", lambda n: b"1" * n
    )
    built = builder.build(load_resource(file), now, lambda _: None)
    return files_of(node) / "generations" / built.generation


@pytest.fixture
async def node(node_process: NodeProcess) -> NodeProcess:
    """A node of two published resources, not started."""
    for name, text in (
        ("vehicles", register.RESOURCE),
        ("first", register.RESOURCE.replace(register.CODE, DAMAGED)),
    ):
        (node_process.directory / "resources" / f"{name}.toml").write_text(text, "utf-8")
    build(node_process)
    await node_process.give(grant(datetime.now(UTC)))
    state = State(node_process.directory / "data" / "state")
    for code in (DAMAGED, register.CODE):
        await state.set_published(code)
    state.close()
    return node_process


@dataclass
class Published(dict[str, Resource]):
    """What the platform is told, and when that is a generation of the undamaged resource."""

    built: asyncio.Event = field(default_factory=asyncio.Event)

    def __setitem__(self, code: str, entry: Resource) -> None:
        super().__setitem__(code, entry)
        if code == register.CODE and entry.generation:
            self.built.set()


async def answers(node: NodeProcess, consumer: "ComparisonServiceAsyncStub") -> bool:
    """Whether the undamaged resource does."""
    asking = await node.asking(consumer)
    response = await consumer.CompareRecords(call_request(asking, PEOPLE))
    return asking.outcomes(response.opened, response.outcomes) == list(EXPECTED)


async def status(node: NodeProcess) -> ResourceStatus:
    """What the administrator is told of the damaged resource."""
    async with node.administrator() as admin:
        first, other = (await admin.GetStatus(GetStatusRequest())).resources
    assert (first.code, other.code, other.problem) == (DAMAGED, register.CODE, "")
    return first


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_unreachable(path: Path) -> None:
    """As a file whose permissions are wrong, but for root too."""
    path.unlink()
    path.symlink_to(path.name)


def make_no_index(path: Path) -> None:
    """What LMDB will not open, though the hash agrees."""
    path.write_bytes(b"damaged" * 10_000)
    manifest = path.parent / "manifest.json"
    told = json.loads(manifest.read_bytes())
    told["index_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(told))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("index.mdb", replace_by_directory, "cannot be read: Is a directory"),
        ("index.mdb", make_unreachable, "cannot be read: Too many levels of symbolic links"),
        ("index.mdb", make_no_index, "cannot be read: InvalidError"),
        ("index.mdb", cut, "the index of the serving generation is damaged"),
        ("manifest.json", replace_by_directory, "cannot be read: Is a directory"),
    ],
)
async def test_a_resource_that_is_damaged_under_a_running_node_is_refused_and_no_other(
    node: NodeProcess, name: str, damage: Callable[[Path], None], told: str
) -> None:
    await node.start()
    async with node.consumer() as consumer, node.administrator() as admin:
        await consumer.Describe(DescribeRequest(resource=DAMAGED))
        damage(build(node, datetime.now(UTC)) / name)
        for _ in range(2):
            with refused("RESOURCE_NOT_READY", "resource"):
                await consumer.Describe(DescribeRequest(resource=DAMAGED))
        assert await answers(node, consumer)
        assert told in (await status(node)).problem
        # What mends it is to build it again, without a restart.
        async for _ in admin.Build(BuildRequest(resource=DAMAGED)):
            pass
        await consumer.Describe(DescribeRequest(resource=DAMAGED))
        assert await answers(node, consumer)


async def test_a_node_that_starts_with_a_damaged_resource_serves_and_builds_the_others(
    node: NodeProcess, peer: Peer
) -> None:
    for name in ("vehicles", "first"):
        with (node.directory / "resources" / f"{name}.toml").open("a", encoding="utf-8") as file:
            file.write(SCHEDULE)
    # Both are due at once, the damaged one first.
    (files_of(node, register.CODE) / "current").unlink()
    shutil.rmtree(files_of(node, register.CODE) / "generations")
    generations = files_of(node) / "generations"
    generations.rename(generations.with_name("away"))
    generations.write_text("")
    published = peer.published = Published()
    await node.start()
    await asyncio.wait_for(published.built.wait(), SECONDS)
    async with node.consumer() as consumer:
        with refused("RESOURCE_NOT_READY", "resource"):
            await consumer.Describe(DescribeRequest(resource=DAMAGED))
        assert await answers(node, consumer)
    told = await status(node)
    assert "a file of the serving generation cannot be read: Not a directory" in told.problem
    assert "BUILD_FAILED" in told.last_failure
    assert DAMAGED not in published
