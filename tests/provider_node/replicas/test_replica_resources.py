"""What a replica serves: the node's generations, each with what the node says of it, and one at any time."""

import asyncio
import errno
import gc
import weakref
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import lmdb
import pytest

from provider_node.config import load_resources
from provider_node.domain.replicas.copying import Copying
from provider_node.domain.replicas.following import Rhythm
from provider_node.domain.replicas.replica_resources import ReplicaDescribing, ReplicaResources
from provider_node.store.generations import Generation, Generations
from stayput import signing
from stayput.identity import department
from stayput.v1.comparison_pb2 import Description
from stayput.v1.contract_pb2 import Granularity
from stayput.v1.replica_pb2 import FollowResponse, ReplicaKeys, ReplicaResource
from tests.provider_node.replicas.node_side import (
    FaultyFiles,
    current_on,
    damage,
    generations_on,
    index_of,
    offered,
)
from tests.provider_node.replicas.peer import NODE, NodeEnd
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import digests, refused

if TYPE_CHECKING:
    from stayput.v1.replica_pb2_grpc import ReplicaServiceAsyncStub

INDEX = "index.mdb"
CONSUMER = department("civil-affairs")
ASKED = [register.asked(number) for number in range(20)]
QUICK = Rhythm(first_wait=0.001, longest_wait=0.01)


class Kept:
    """A replica's resources, and each change of what they are."""

    def __init__(self, stub: "ReplicaServiceAsyncStub", data: Path, rhythm: Rhythm = QUICK) -> None:
        self.data = data
        self._changes: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.resources = ReplicaResources(data, Copying(stub, data), self._changed, rhythm)

    def _changed(self) -> None:
        self._changes.put_nowait(self.resources.serves())

    async def serves(self, generation: str) -> None:
        """Waits until that generation of the test resource serves."""
        while await self._changes.get() != {register.CODE: generation}:
            pass

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps up for the length of the block."""
        running = asyncio.create_task(self.resources.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def idle(idle: NodeEnd) -> NodeEnd:
    idle.files = FaultyFiles(idle)
    return idle


@pytest.fixture
def files(idle: NodeEnd) -> FaultyFiles:
    assert isinstance(idle.files, FaultyFiles)
    return idle.files


@pytest.fixture
async def kept(stub: "ReplicaServiceAsyncStub", tmp_path: Path) -> AsyncIterator[Kept]:
    """A replica that keeps up."""
    made = Kept(stub, tmp_path / "replica")
    async with made.running():
        yield made


def said(node: NodeEnd, resources: Iterable[ReplicaResource]) -> FollowResponse:
    """The node says that, with its keys of now."""
    return FollowResponse(node_id=NODE.id, keys=node.offering.current().keys, resources=resources)


def description(node: NodeEnd, kept: Kept) -> Description:
    """Of the test resource, verified."""
    public = node.signing_key.public_key().public_bytes_raw()
    envelope = kept.resources.describe(register.CODE)
    return Description.FromString(signing.verify(envelope, signing.PayloadType.DESCRIPTION, public))


def outcomes(kept: Kept) -> list[tuple[int, ...]]:
    """What a replica answers to a list."""
    serving = kept.resources.serving(register.CODE)
    asked = digests(serving.contract, [person for person, _ in ASKED], register.CHECKS)
    matched = serving.matcher(register.KEY, register.CHECKS).match(asked)
    return [tuple(column) for column in matched.outcomes.T.tolist()]


async def test_it_answers_as_the_node_does(node: NodeEnd, kept: Kept) -> None:
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    assert kept.resources.complete.is_set()
    assert outcomes(kept) == [expected for _, expected in ASKED]
    here, there = kept.resources.serving(register.CODE), node.resources.serving(register.CODE)
    assert (here.generation, here.as_of, here.contract) == (there.generation, there.as_of, there.contract)
    assert (list(here.granularities), here.offer) == (list(there.granularities), there.offer)
    for granularity in here.granularities:
        mine, theirs = (one.evaluator(register.KEY, register.CHECKS, granularity) for one in (here, there))
        assert mine.fingerprints(1).read(0, 100) == theirs.fingerprints(1).read(0, 100) != b""
        blinded = [[here.offer.sets[0].public_key]] if here.offer else []
        assert mine.evaluate(blinded) == theirs.evaluate(blinded)
    with refused("FIELD_INVALID"):
        here.evaluator(register.KEY, ("none",), Granularity.GRANULARITY_RECORD)


async def test_what_is_not_offered_is_unknown_and_what_is_not_here_is_not_ready(
    node: NodeEnd, files: FaultyFiles, kept: Kept
) -> None:
    with refused("RESOURCE_UNKNOWN", "resource"):
        kept.resources.serving(register.CODE)
    with refused("CATCHING_UP"):
        _ = kept.resources.keys
    hold = files.hold(INDEX, 1_000)
    kept.resources.hear(node.offering.current())
    await hold.reached.wait()
    for ask in (kept.resources.serving, kept.resources.describe):
        with refused("RESOURCE_NOT_READY", "resource"):
            ask(register.CODE)
    assert not kept.resources.complete.is_set()
    hold.released.set()
    await kept.resources.complete.wait()
    kept.resources.hear(said(node, []))
    with refused("RESOURCE_UNKNOWN", "resource"):
        kept.resources.describe(register.CODE)
    assert kept.resources.serves() == {}


async def test_a_node_without_resources_is_served_for_at_once(node: NodeEnd, kept: Kept) -> None:
    kept.resources.hear(said(node, []))
    await kept.resources.complete.wait()


async def test_the_one_before_serves_with_its_own_description_until_the_next_is_here(
    node: NodeEnd, files: FaultyFiles, kept: Kept
) -> None:
    before = node.serving()
    kept.resources.hear(node.offering.current())
    await kept.serves(before)
    held = kept.resources.serving(register.CODE)
    node.build()
    hold = files.hold(INDEX, 1_000)
    kept.resources.hear(node.offering.current())
    await hold.reached.wait()
    assert kept.resources.serving(register.CODE).generation == description(node, kept).generation == before
    assert outcomes(kept) == [expected for _, expected in ASKED]
    hold.released.set()
    await kept.serves(node.serving())
    after = kept.resources.serving(register.CODE).generation
    assert description(node, kept).generation == after == node.serving() != before
    # A session that began on it ends on it, also when its files have gone.
    for _ in range(2):
        node.build()
        kept.resources.hear(node.offering.current())
        await kept.serves(node.serving())
    assert before not in generations_on(kept.data)
    asked = digests(held.contract, [ASKED[0][0]], register.CHECKS)
    assert held.matcher(register.KEY, register.CHECKS).match(asked).outcomes.T.tolist() == [[*ASKED[0][1]]]


async def test_what_served_before_is_let_go_of(node: NodeEnd, kept: Kept) -> None:
    """Else its files would take room on the disk for as long as the process runs."""
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    before = weakref.ref(kept.resources._held[register.CODE].generation.index)
    assert before() is not None
    node.build()
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    gc.collect()
    assert before() is None


async def test_keys_that_the_node_has_dropped_go_on_with_what_was_built_under_them(
    node: NodeEnd, files: FaultyFiles, kept: Kept
) -> None:
    first = node.offering.current()
    kept.resources.hear(first)
    await kept.serves(node.serving())
    ring = kept.resources.keys.index
    hold = files.hold(INDEX, 1_000)
    node.build()
    keys = ReplicaKeys(index=[bytes(range(32))], oprf=first.keys.oprf, sealing=first.keys.sealing)
    kept.resources.hear(FollowResponse(node_id=NODE.id, keys=keys, resources=[offered(node)]))
    await hold.reached.wait()
    assert outcomes(kept) == [expected for _, expected in ASKED]
    # Whoever has the ring has the keys of now.
    assert kept.resources.keys.index is ring
    assert ring.current.id != node.keyring.index.current.id
    kept.resources.hear(node.offering.current())
    hold.released.set()
    await kept.serves(node.serving())


async def test_other_offers_of_the_same_generation_hold_at_once(
    node: NodeEnd, files: FaultyFiles, kept: Kept
) -> None:
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    files.asked.clear()
    path = node.directory / "resources" / "vehicles.toml"
    path.write_text(path.read_text("utf-8").replace('["record", "count"]', '["record"]'), "utf-8")
    node.configured.update(load_resources(path.parent))
    kept.resources.hear(node.offering.current())
    only = [Granularity.GRANULARITY_RECORD]
    assert list(kept.resources.serving(register.CODE).granularities) == only
    assert list(description(node, kept).granularities) == only
    assert files.asked == []


@pytest.mark.parametrize("newest", [True, False])
async def test_after_a_restart_it_serves_at_once_what_is_here(
    node: NodeEnd,
    files: FaultyFiles,
    stub: "ReplicaServiceAsyncStub",
    tmp_path: Path,
    newest: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    async def start() -> None:
        kept = Kept(stub, tmp_path / "replica")
        async with kept.running():
            kept.resources.hear(node.offering.current())
            await kept.serves(node.serving())
            assert outcomes(kept) == [expected for _, expected in ASKED]
        # LMDB opens a file once in a process, which a restart would have ended.
        kept.resources._held.clear()
        kept.resources._opening = None

    await start()
    gc.collect()
    if not newest:
        node.build()
    files.asked.clear()
    await start()
    assert (files.asked == []) == newest


async def test_what_fails_is_tried_again_from_where_it_was(
    node: NodeEnd, files: FaultyFiles, kept: Kept
) -> None:
    files.cut[INDEX] = 7_000
    files.wrong["manifest.json"] = 2
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    manifest = ("manifest.json", 0)
    assert files.asked[:5] == [manifest, manifest, manifest, (INDEX, 0), (INDEX, 7_000)]


async def test_an_index_that_has_rotted_is_fetched_again(
    node: NodeEnd, files: FaultyFiles, stub: "ReplicaServiceAsyncStub", tmp_path: Path
) -> None:
    first = Kept(stub, tmp_path / "replica")
    async with first.running():
        first.resources.hear(node.offering.current())
        await first.serves(node.serving())
    del first
    damage(index_of(tmp_path / "replica", node.serving()))
    files.asked.clear()
    kept = Kept(stub, tmp_path / "replica")
    async with kept.running():
        kept.resources.hear(node.offering.current())
        await kept.serves(node.serving())
    assert files.asked == [(INDEX, 0)]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "disk"), lmdb.DiskError("disk")], ids=type)
async def test_a_copy_that_cannot_be_read_is_doubted_and_tried_again(
    node: NodeEnd, kept: Kept, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing = [error, error]

    def current(self: Generations, resource: str) -> Generation | None:
        if self is not node.generations and failing:
            raise failing.pop()
        return current_of(self, resource)

    current_of = Generations.current
    monkeypatch.setattr(Generations, "current", current)
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    assert failing == []
    assert outcomes(kept) == [expected for _, expected in ASKED]


async def test_a_file_that_cannot_be_read_is_fetched_again(
    node: NodeEnd,
    files: FaultyFiles,
    stub: "ReplicaServiceAsyncStub",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = Kept(stub, tmp_path / "replica")
    async with first.running():
        first.resources.hear(node.offering.current())
        await first.serves(node.serving())
    del first
    gc.collect()
    files.asked.clear()
    opened = Path.open

    def open_(path: Path, mode: str = "r", **more: str | None) -> IO[Any]:
        # What is fetched instead can be read.
        if path.name == INDEX and path.is_relative_to(tmp_path / "replica") and not files.asked:
            raise OSError(errno.EIO, "Input/output error")
        return opened(path, mode, -1, **more)

    monkeypatch.setattr(Path, "open", open_)
    kept = Kept(stub, tmp_path / "replica")
    async with kept.running():
        kept.resources.hear(node.offering.current())
        await kept.serves(node.serving())
        assert outcomes(kept) == [expected for _, expected in ASKED]
    assert files.asked == [(INDEX, 0)]


async def test_a_rollback_ends_the_copying_and_serves_the_one_before(
    node: NodeEnd, files: FaultyFiles, kept: Kept
) -> None:
    first = node.offering.current()
    kept.resources.hear(first)
    await kept.serves(node.serving())
    hold = files.hold(INDEX, 1_000)
    node.build()
    kept.resources.hear(node.offering.current())
    await hold.reached.wait()
    kept.resources.hear(first)
    hold.released.set()
    # What comes next is served too, and cleans up.
    node.build()
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    assert generations_on(kept.data) == {first.resources[0].generation, node.serving()}
    node.resources.roll_back(register.CODE, "")
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    assert current_on(kept.data) == node.serving()


async def test_a_department_is_told_what_serves_here_and_what_is_left_to_it(
    node: NodeEnd, kept: Kept, stub: "ReplicaServiceAsyncStub"
) -> None:
    kept.resources.hear(node.offering.current())
    await kept.serves(node.serving())
    describing = ReplicaDescribing(kept.resources, stub)
    described = await describing.describe(register.CODE, CONSUMER)
    assert described.description == offered(node).description
    assert [one.grant_id for one in described.allowances] == [f"{CONSUMER.urn} {register.CODE}"]
    assert list((await describing.describe(register.CODE, NODE)).allowances) == []
    with refused("RESOURCE_UNKNOWN", "resource"):
        await describing.describe("other", CONSUMER)


async def test_without_its_node_it_cannot_say_what_is_left(idle: NodeEnd, tmp_path: Path) -> None:
    replica = idle.admitted()
    async with idle.listening(), idle.called_by(replica) as stub:
        kept = Kept(stub, tmp_path / "replica")
        async with kept.running():
            kept.resources.hear(idle.offering.current())
            await kept.serves(idle.serving())
    async with idle.called_by(replica) as stub:
        with refused("CATCHING_UP"):
            await ReplicaDescribing(kept.resources, stub).describe(register.CODE, CONSUMER)
