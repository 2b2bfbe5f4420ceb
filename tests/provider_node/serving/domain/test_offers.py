"""What a node publishes of its modes: as configured, as far as what serves was built for it."""

from pathlib import Path

import pytest

from provider_node.config import load_resources
from provider_node.domain import catalogue
from provider_node.domain.key_rings import IndexKeys
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.platform import Platform
from provider_node.domain.resources import Resources
from provider_node.store.generations import Generations
from provider_node.store.state import State
from stayput.oblivious import check_offer
from stayput.signing import PayloadType, verify
from stayput.v1.catalogue_pb2 import Resource
from stayput.v1.comparison_pb2 import Description
from stayput.v1.contract_pb2 import Granularity, Mode
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import INDEX_KEY, OPRF_KEYS, Clock, Material
from tests.provider_node.serving.peer import Peer

RECORD, COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT
KEYED, OBLIVIOUS = Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS
BOTH_MODES = 'modes = ["oblivious", "keyed"]\n'
BOTH = 'granularities = ["count", "record"]\n'


class Node:
    """A node whose configuration changes with every start."""

    def __init__(self, directory: Path, material: Material, state: State, clock: Clock) -> None:
        self._directory = directory
        self._material = material
        self._state = state
        self._clock = clock
        self._generations = Generations(directory / "data", INDEX_KEY.id)
        register.write_files(directory, 20)

    def configure(self, words: str) -> None:
        """Puts these before the tables of the resource's file."""
        path = self._directory / "resources" / "vehicles.toml"
        path.write_text(words + register.RESOURCE, "utf-8")

    def build(self) -> None:
        """Builds what is configured."""
        register.build(self._directory, INDEX_KEY, OPRF_KEYS, self._directory / "data")

    def started(self, oprf_keys: OprfKeys = OPRF_KEYS) -> Resources:
        """The resources as they are configured now."""
        return Resources(
            configured=load_resources(self._directory / "resources"),
            generations=self._generations,
            index_keys=IndexKeys(INDEX_KEY),
            oprf_keys=oprf_keys,
            identity=self._material.identity,
            state=self._state,
            clock=self._clock,
        )

    def description(self) -> Description:
        """What it says to consumers, verified."""
        envelope = self.started().describe(register.CODE)
        payload = verify(envelope, PayloadType.DESCRIPTION, self._material.verification_key)
        return Description.FromString(payload)


@pytest.fixture
def node(tmp_path: Path, material: Material, state: State, clock: Clock) -> Node:
    return Node(tmp_path, material, state, clock)


async def entry(node: Node, platform: Platform, peer: Peer) -> Resource:
    await node.started().publish(register.CODE, platform, "10.0.0.1:7443")
    return peer.published[register.CODE]


async def test_without_a_word_there_is_keyed_mode_record_by_record(
    node: Node, platform: Platform, peer: Peer
) -> None:
    node.build()
    for told in (node.description(), await entry(node, platform, peer)):
        assert (list(told.modes), list(told.granularities)) == ([KEYED], [RECORD])
        assert not told.HasField("oblivious")
        assert [one.id for one in told.leakages] == ["keyed-record/1"]


def test_addresses_of_replicas_stand_beside_the_nodes_own(node: Node) -> None:
    config = node.started().config(register.CODE)
    for replicas in ([], ["10.0.0.2:7443", "10.0.0.3:7443"]):
        listed = catalogue.entry(config, None, catalogue.offered(config, None), "10.0.0.1:7443", replicas)
        assert (listed.address, list(listed.replica_addresses)) == ("10.0.0.1:7443", replicas)


async def test_modes_granularities_keys_and_leakage_are_told(
    node: Node, platform: Platform, peer: Peer
) -> None:
    node.configure(BOTH_MODES + BOTH)
    node.build()
    description, listed = node.description(), await entry(node, platform, peer)
    for told in (description, listed):
        assert (list(told.modes), list(told.granularities)) == ([KEYED, OBLIVIOUS], [RECORD, COUNT])
        assert [one.id for one in told.leakages] == [
            "keyed-record/1",
            "keyed-count/1",
            "oblivious-record/1",
            "oblivious-count/1",
        ]
    offer = check_offer(description.oblivious, description.contract)
    assert offer.key_epoch == OPRF_KEYS.epoch(register.CODE).id
    assert [one.fingerprints for one in offer.sets[:1]] == [20]
    assert all(len(one.sha256) == 32 for one in offer.sets)
    # The catalogue is told what does not change with every build.
    for one in offer.sets:
        one.ClearField("fingerprints")
        one.ClearField("sha256")
    assert listed.oblivious == offer


async def test_what_is_not_built_yet_is_told_and_not_offered(
    node: Node, platform: Platform, peer: Peer
) -> None:
    node.configure(BOTH_MODES)
    listed = await entry(node, platform, peer)
    assert (list(listed.modes), listed.HasField("oblivious")) == ([KEYED, OBLIVIOUS], False)


def test_what_was_configured_since_the_build_is_offered_as_far_as_it_needs_none(node: Node) -> None:
    node.build()
    node.configure(BOTH_MODES + BOTH)
    description = node.description()
    assert (list(description.modes), list(description.granularities)) == ([KEYED], [RECORD, COUNT])


def test_what_was_taken_out_of_the_configuration_is_offered_no_more(node: Node) -> None:
    node.configure(BOTH_MODES + BOTH)
    node.build()
    node.configure(BOTH_MODES)
    description = node.description()
    assert list(description.granularities) == [RECORD]
    assert {one.granularity for one in description.oblivious.sets} == {RECORD}
    serving = node.started().serving(register.CODE)
    with refused("FIELD_INVALID", "granularity"):
        serving.evaluator(register.KEY, [], COUNT)
    node.configure("")
    serving = node.started().serving(register.CODE)
    assert (serving.offer, list(serving.granularities)) == (None, [RECORD])
    with refused("FIELD_INVALID", "mode"):
        serving.evaluator(register.KEY, [], RECORD)


def test_what_serves_is_evaluated_under_the_keys_that_are_told(node: Node) -> None:
    node.configure(BOTH_MODES)
    node.build()
    serving = node.started().serving(register.CODE)
    assert serving.offer is not None
    assert serving.offer == node.description().oblivious
    evaluator = serving.evaluator(register.KEY, ["plate"], RECORD)
    assert evaluator.key_epoch == serving.offer.key_epoch
    assert [evaluator.fingerprints(column).count for column in (0, 1)] == [
        one.fingerprints for one in serving.offer.sets if one.check in ("", "plate")
    ]


async def test_fingerprints_of_other_keys_are_never_offered(
    node: Node, platform: Platform, peer: Peer
) -> None:
    node.configure(BOTH_MODES)
    node.build()
    other = node.started(OprfKeys(bytes(32)))
    for use in (other.serving, other.describe):
        with refused("RESOURCE_NOT_READY", "resource") as caught:
            use(register.CODE)
        assert "oprf.key" in caught.value.message
    with refused("RESOURCE_NOT_READY", "resource"):
        await other.publish(register.CODE, platform, "10.0.0.1:7443")
    assert peer.published == {}
    assert "oprf.key" in other.status(register.CODE).problem
    # Keyed mode does without.
    node.configure("")
    node.started(OprfKeys(bytes(32))).describe(register.CODE)
