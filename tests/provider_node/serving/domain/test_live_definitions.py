"""Definitions of a running node: what is stored holds at once, for whoever looks a resource up."""

import asyncio
from pathlib import Path

import pytest

from provider_node.config import NodeConfig, load_node, load_resources
from provider_node.domain.definitions import Definitions
from provider_node.domain.live_definitions import LiveDefinitions
from provider_node.domain.platform import Platform
from provider_node.domain.policy import policies
from provider_node.domain.resources import Resources
from provider_node.store.definitions import DefinitionStore
from stayput.errors import StayputError
from stayput.v1.admin_pb2 import PutDefinitionRequest, PutDefinitionResponse
from stayput.v1.contract_pb2 import Granularity
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import LocalNode
from tests.provider_node.serving.peer import Peer

ADDRESS = "10.0.0.1:7443"
TOML = register.RESOURCE
RETITLED = TOML.replace("机动车登记", "机动车登记信息")
COUNTED = TOML.replace("[source]", 'granularities = ["record", "count"]\n[source]')


@pytest.fixture
def config(tmp_path: Path) -> NodeConfig:
    register.write_files(tmp_path)
    path = tmp_path / "node.toml"
    path.write_text('[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\n')
    return load_node(path)


@pytest.fixture
def live(bare_node: LocalNode, platform: Platform, config: NodeConfig) -> LiveDefinitions:
    configured = load_resources(config.node.resources)
    node = bare_node.resources
    # The same parts, over files that a test may change.
    resources = Resources(
        configured=configured,
        generations=node._generations,
        index_keys=node._index_keys,
        oprf_keys=node._oprf_keys,
        identity=node._identity,
        state=bare_node.state,
        clock=bare_node.clock,
    )
    return LiveDefinitions(
        definitions=Definitions(config.node.data, config.node.resources, bare_node.clock),
        config=config,
        configured=configured,
        laid_down=policies(config, configured),
        resources=resources,
        platform=platform,
    )


async def put(live: LiveDefinitions, toml: str, base: int) -> PutDefinitionResponse:
    request = PutDefinitionRequest(toml=toml, store=True, base_version=base, administrator="王建国")
    return await live.put(request, ADDRESS)


def file(config: NodeConfig) -> Path:
    return config.node.resources / "vehicles.toml"


async def test_a_published_resource_is_published_anew(live: LiveDefinitions, peer: Peer) -> None:
    await live.resources.publish(register.CODE, live.platform, ADDRESS)
    found = await put(live, RETITLED, 1)
    # There is nothing left to do for it.
    assert (found.stored.version, list(found.needs)) == (2, [])
    assert peer.published[register.CODE].title == "机动车登记信息"
    assert live.resources.config(register.CODE).title == "机动车登记信息"
    assert [one.version for one in await live.versions(register.CODE)] == [2, 1]
    assert (await live.get(register.CODE, 0)).toml == RETITLED


async def test_what_is_not_in_the_catalogue_is_not_put_there(live: LiveDefinitions, peer: Peer) -> None:
    found = await put(live, RETITLED, 1)
    assert list(found.needs) == ["publish"]
    assert peer.published == {}


async def test_a_platform_that_refuses_leaves_the_publication_to_do(
    live: LiveDefinitions, peer: Peer
) -> None:
    await live.resources.publish(register.CODE, live.platform, ADDRESS)
    peer.faults.errors["publish"] = StayputError(ErrorReason.ERROR_REASON_STORAGE_FULL, "full", remedy="wait")
    found = await put(live, RETITLED, 1)
    assert list(found.needs) == ["publish"]
    assert live.resources.config(register.CODE).title == "机动车登记信息"


async def test_a_check_changes_nothing(live: LiveDefinitions, config: NodeConfig) -> None:
    found = await live.put(PutDefinitionRequest(toml=RETITLED), ADDRESS)
    assert (list(found.needs), found.HasField("stored")) == (["publish"], False)
    assert live.resources.config(register.CODE).title == "机动车登记"
    assert file(config).read_text("utf-8") == TOML


async def test_granularities_and_limits_hold_at_once(live: LiveDefinitions) -> None:
    both = [Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT]
    await put(live, COUNTED.replace("[source]", "[limits]\nattempts_per_subject = 7\n[source]"), 1)
    assert list(live.resources.serving(register.CODE).granularities) == both
    assert live.laid_down[register.CODE].granularities == frozenset(both)
    assert live.laid_down[register.CODE].limits.attempts_per_subject == 7


async def test_what_is_in_the_index_holds_from_the_next_build_on(live: LiveDefinitions) -> None:
    found = await put(live, TOML.replace('[checks.plate]\nfields = ["plate"]\n', ""), 1)
    assert list(found.needs) == ["build"]
    assert [one.name for one in live.resources.serving(register.CODE).contract.checks] == ["name", "plate"]


async def test_a_new_resource_is_known_at_once(live: LiveDefinitions) -> None:
    with refused("RESOURCE_UNKNOWN"):
        live.resources.config("marriages")
    await put(live, TOML.replace("vehicle-owners", "marriages"), 0)
    assert live.resources.config("marriages").code == "marriages"
    assert "marriages" in live.laid_down
    assert [one.code for one in live.resources.statuses()] == ["marriages", register.CODE]


async def test_an_edited_file_holds_when_it_is_read(
    live: LiveDefinitions, config: NodeConfig, peer: Peer
) -> None:
    await live.resources.publish(register.CODE, live.platform, ADDRESS)
    await live.refresh(register.CODE, ADDRESS)
    file(config).write_text(RETITLED, "utf-8")
    # To look at the versions changes nothing.
    assert [one.version for one in await live.versions(register.CODE)] == [1]
    assert live.resources.config(register.CODE).title == "机动车登记"
    await live.refresh(register.CODE, ADDRESS)
    assert live.resources.config(register.CODE).title == "机动车登记信息"
    assert peer.published[register.CODE].title == "机动车登记信息"
    versions = await live.versions(register.CODE)
    assert [(one.version, one.administrator) for one in versions] == [(2, ""), (1, "")]


async def test_a_wrong_file_does_not_hold(live: LiveDefinitions, config: NodeConfig) -> None:
    file(config).write_text(TOML.replace('"daily"', '"sometimes"'), "utf-8")
    with refused("CONFIGURATION_INVALID", "update_frequency"):
        await live.refresh(register.CODE, ADDRESS)
    assert live.resources.config(register.CODE).update_frequency == "daily"
    # Of a resource that the node has not there is nothing to read.
    await live.refresh("marriages", ADDRESS)


async def test_what_was_stored_holds_also_if_the_caller_has_gone(
    live: LiveDefinitions, config: NodeConfig
) -> None:
    store = DefinitionStore(config.node.data, config.node.resources)
    with store.locked():
        putting = asyncio.create_task(put(live, RETITLED, 1))
        # It waits for the lock in a thread of its own, or will.
        await asyncio.sleep(0)
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        (under_way,) = live._putting
    await under_way
    assert live.resources.config(register.CODE).title == "机动车登记信息"
    assert live._putting == set()
