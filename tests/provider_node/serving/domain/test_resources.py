"""What the node says about its resources: to consumers, to the catalogue, to its administrator."""

from datetime import UTC
from pathlib import Path

import lmdb
import pytest

from provider_node.config import load_resources
from provider_node.domain.addresses import checked_callable, checked_listen
from provider_node.domain.build import Builder
from provider_node.domain.key_rings import IndexKeys
from provider_node.domain.platform import Platform
from provider_node.domain.resources import Resources
from provider_node.store import generations
from provider_node.store.generations import Generations
from provider_node.store.state import State
from stayput.contract import require_same
from stayput.errors import StayputError
from stayput.v1.catalogue_pb2 import Category, Sharing, UpdateFrequency
from stayput.v1.contract_pb2 import Mode
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import INDEX_KEY, OPRF_KEYS, Clock, LocalNode, Material
from tests.provider_node.serving.peer import Peer

ADDRESS = "10.0.0.1:7443"


@pytest.fixture
def unbuilt(tmp_path: Path, material: Material, state: State, clock: Clock) -> Resources:
    """The same resource at a node that has not built it."""
    register.write_files(tmp_path)
    return Resources(
        configured=load_resources(tmp_path / "resources"),
        generations=Generations(tmp_path / "data", INDEX_KEY.id),
        index_keys=IndexKeys(INDEX_KEY),
        oprf_keys=OPRF_KEYS,
        identity=material.identity,
        state=state,
        clock=clock,
    )


async def test_the_catalogue_is_told_what_serves(
    bare_node: LocalNode, platform: Platform, peer: Peer
) -> None:
    await bare_node.resources.publish(register.CODE, platform, ADDRESS)
    entry = peer.published[register.CODE]
    serving = bare_node.resources.serving(register.CODE)
    assert (entry.code, entry.title, entry.address) == (register.CODE, "机动车登记", ADDRESS)
    assert (entry.category, entry.sharing) == (Category.CATEGORY_BASE, Sharing.SHARING_CONDITIONAL)
    assert entry.update_frequency == UpdateFrequency.UPDATE_FREQUENCY_DAILY
    assert (entry.keys, entry.checks, entry.fields) == (
        serving.contract.keys,
        serving.contract.checks,
        serving.contract.fields,
    )
    assert list(entry.modes) == [Mode.MODE_KEYED]
    assert (entry.generation, entry.as_of.ToDatetime(UTC)) == (serving.generation, serving.as_of)
    assert bare_node.state.published() == {register.CODE}


async def test_what_was_configured_since_the_build_is_not_in_the_catalogue_yet(
    bare_node: LocalNode, material: Material, platform: Platform, peer: Peer, tmp_path: Path
) -> None:
    register.write_files(tmp_path)
    resource = tmp_path / "resources" / "vehicles.toml"
    resource.write_text(register.RESOURCE.replace('[checks.plate]\nfields = ["plate"]\n', ""), "utf-8")
    changed = Resources(
        configured=load_resources(tmp_path / "resources"),
        generations=material.generations,
        index_keys=IndexKeys(INDEX_KEY),
        oprf_keys=OPRF_KEYS,
        identity=material.identity,
        state=bare_node.state,
        clock=bare_node.clock,
    )
    await changed.publish(register.CODE, platform, ADDRESS)
    assert [check.name for check in peer.published[register.CODE].checks] == ["name", "plate"]


async def test_a_resource_can_be_published_before_it_is_built(
    unbuilt: Resources, platform: Platform, peer: Peer
) -> None:
    await unbuilt.publish(register.CODE, platform, ADDRESS)
    entry = peer.published[register.CODE]
    assert (entry.generation, entry.HasField("as_of")) == ("", False)
    assert [key.name for key in entry.keys] == [register.KEY]
    with refused("RESOURCE_NOT_READY", "resource"):
        unbuilt.describe(register.CODE)
    with refused("RESOURCE_NOT_READY", "resource"):
        unbuilt.serving(register.CODE)
    status = unbuilt.status(register.CODE)
    assert (status.published, status.generation) == (True, "")
    assert status.problem


@pytest.mark.parametrize("address", ["0.0.0.0:7443", "[::]:7443"])
async def test_an_address_that_nobody_could_call_is_not_published(
    bare_node: LocalNode, platform: Platform, peer: Peer, address: str
) -> None:
    with refused("CONFIGURATION_INVALID", "node.advertise"):
        await bare_node.resources.publish(register.CODE, platform, address)
    assert (peer.published, bare_node.state.published()) == ({}, set())


@pytest.mark.parametrize("address", ["10.0.0.1:1", "node.example:7443", "[2001:db8::1]:7443"])
def test_addresses_that_can_be_called(address: str) -> None:
    assert checked_callable(address) == address


@pytest.mark.parametrize("address", ["", "7443", "host", "host:99999", "::1:7443", "host:x"])
def test_addresses_that_cannot_be_listened_on(address: str) -> None:
    with refused("FIELD_INVALID", "listen"):
        checked_listen(address)


async def test_an_unknown_resource_is_not_published(bare_node: LocalNode, platform: Platform) -> None:
    with refused("RESOURCE_UNKNOWN", "resource"):
        await bare_node.resources.publish("marriages", platform, ADDRESS)


async def test_the_catalogue_is_renewed_for_what_is_published(
    bare_node: LocalNode, platform: Platform, peer: Peer
) -> None:
    await bare_node.resources.renew_all(platform, ADDRESS)
    await bare_node.resources.renew(register.CODE, platform, ADDRESS)
    assert peer.published == {}
    await bare_node.resources.publish(register.CODE, platform, ADDRESS)
    await bare_node.state.set_published("gone-from-the-configuration")
    await bare_node.resources.renew_all(platform, "10.0.0.2:7443")
    assert {code: entry.address for code, entry in peer.published.items()} == {register.CODE: "10.0.0.2:7443"}


async def test_a_refused_renewal_does_not_stop_the_node(
    bare_node: LocalNode, platform: Platform, peer: Peer
) -> None:
    await bare_node.resources.publish(register.CODE, platform, ADDRESS)
    peer.faults.errors["publish"] = StayputError(
        ErrorReason.ERROR_REASON_RESOURCE_TAKEN, "taken", remedy="choose another code"
    )
    await bare_node.resources.renew_all(platform, ADDRESS)
    with refused("RESOURCE_TAKEN"):
        await bare_node.resources.publish(register.CODE, platform, ADDRESS)


@pytest.mark.parametrize("error", [None, OSError(5, "Input/output error"), lmdb.InvalidError("damaged")])
async def test_a_resource_that_cannot_be_read_keeps_no_other_from_being_served(
    unbuilt: Resources,
    platform: Platform,
    peer: Peer,
    state: State,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
) -> None:
    second = register.RESOURCE.replace(register.CODE, "a-first")
    (tmp_path / "resources" / "first.toml").write_text(second, "utf-8")
    unbuilt._configured = load_resources(tmp_path / "resources")
    builder = Builder(tmp_path / "data", INDEX_KEY, OPRF_KEYS, "0.0-test", bytes)
    for code in unbuilt.codes():
        builder.build(unbuilt.config(code), register.BUILT_AT, lambda _: None)
        await state.set_published(code)
    (index,) = (tmp_path / "data" / "resources" / "a-first").glob("generations/*/index.mdb")
    index.unlink()
    index.mkdir()
    if error is not None:
        # Whatever else the storage may raise, where nobody has thought of it.
        monkeypatch.setattr(generations, "damaged", lambda *_: error)
    await unbuilt.renew_all(platform, ADDRESS)
    assert set(peer.published) == {register.CODE}
    assert unbuilt.serving(register.CODE).generation
    if error is None:
        with refused("RESOURCE_NOT_READY", "resource"):
            unbuilt.serving("a-first")
        assert [one.problem != "" for one in unbuilt.statuses()] == [True, False]


def test_the_status_tells_rows_and_subjects(bare_node: LocalNode) -> None:
    (status,) = bare_node.resources.statuses()
    assert (status.code, status.published, status.problem) == (register.CODE, False, "")
    assert (status.rows, status.subjects) == (register.PEOPLE, register.PEOPLE)
    assert status.built_at.ToDatetime(UTC) == register.BUILT_AT


def test_the_description_is_of_the_generation_that_serves(bare_node: LocalNode) -> None:
    description = bare_node.describe()
    serving = bare_node.resources.serving(register.CODE)
    require_same(serving.contract, description.contract)
    assert description.generation == serving.generation
