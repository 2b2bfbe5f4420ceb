"""Oblivious mode: the outcomes of keyed mode, and a provider that is left with nothing to look up."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from hashlib import sha256, sha512
from itertools import chain
from pathlib import Path

import pytest

from examples.deployment import EXAMPLES
from provider_node.domain.keys import NodeKeys
from provider_node.store.manifest import Manifest
from stayput import elements, oblivious
from stayput.contract import field_of
from stayput.normalise import normaliser
from stayput.oprf import Mode, VerifiableServer
from stayput.oprf.context import hash_inputs
from stayput.v1.contract_pb2 import Granularity
from tests.commands import Commands
from tests.world import CONSUMER, DEATHS, World

OUTPUT = "obliviously.csv"
WIDTHS = (8, 16, 32)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Iterator[World]:
    """The applicants compared with the deaths in oblivious mode."""
    with World(tmp_path_factory.mktemp("w"), commands) as world:
        world.add_comparator()
        world.add_consumer(CONSUMER)
        world.open_register(DEATHS)
        world.grant(DEATHS, asking=("--mode", "oblivious"))
        list_file = str(EXAMPLES / "applicants.csv")
        world.run(CONSUMER, *world.compare_command(DEATHS, list_file, OUTPUT), "--mode", "oblivious")
        world.settle_receipts()
        yield world


def test_the_outcomes_are_those_of_keyed_mode(compared: World) -> None:
    planted = json.loads((EXAMPLES / "expected.json").read_text("utf-8"))["resources"]["deaths"]
    with (compared.directory / OUTPUT).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["outcome"] for row in rows) == planted["key"]["resident_id"]
    assert Counter(row["outcome_name"] for row in rows) == planted["checks"]["name"]


def test_the_platform_has_the_receipts_of_fetching_and_of_comparing(compared: World) -> None:
    found = json.loads(compared.run(DEATHS, "provider-node", "log", "search", "--json"))["receipts"]
    compared_so, fetched = (one["receipt"] for one in found)
    assert int(fetched["fetch"]["fingerprints"]) > 2_000
    assert (int(compared_so["records"]), compared_so["tallies"]) == (194, [])
    assert int(compared_so["elements"]) > 194
    assert len(compared.receipts()) == 2
    compared.run(CONSUMER, "stayput", "receipt", "verify", f"{OUTPUT}.receipt.json")


def _manifest(world: World) -> tuple[Path, Manifest]:
    current = world.directory / DEATHS / "data" / "resources" / "deaths" / "current"
    return current, Manifest.model_validate_json((current / "manifest.json").read_bytes())


def _inputs(world: World, path: Path) -> list[bytes]:
    """What is evaluated for the resident IDs of a file."""
    contract = _manifest(world)[1].contract
    with path.open(encoding="utf-8-sig", newline="") as file:
        raw = [row["身份证号"] or "" for row in csv.DictReader(file)]
    [field] = [one for one in contract.fields if one.name == "resident_id"]
    canonical = normaliser(field_of(field), date(2026, 11, 22)).column(raw)
    keys = [one for one in elements.encode([canonical]) if isinstance(one, bytes)]
    context = oblivious.input_context(contract, "resident_id")
    digests = elements.key_digests(elements.context(contract, "resident_id"), keys)
    return [*oblivious.key_inputs(context, keys), *(key[2:] for key in keys), *digests]


def _needles(inputs: list[bytes]) -> set[bytes]:
    """The inputs, everything that can be hashed of them without a key, and all of that in hex."""
    hashed = chain.from_iterable(
        (digest[:width] for width in WIDTHS for digest in (sha256(one).digest(), sha512(one).digest()))
        for one in inputs
    )
    binary = {*inputs, *hashed, *hash_inputs(Mode.VOPRF, inputs)}
    return binary | {one.hex().encode() for one in binary}


def _found(needles: set[bytes], content: bytes) -> int:
    return sum(needle in content for needle in needles)


def test_the_node_is_left_with_nothing_to_look_up(compared: World) -> None:
    needles = _needles(_inputs(compared, EXAMPLES / "applicants.csv"))
    assert len(needles) > 2_000
    content = b"\n".join(compared.own_files(DEATHS).values())
    assert _found(needles, content) == 0
    assert _found(needles, content + min(needles)) == 1


def test_fingerprints_are_worth_nothing_without_the_key(compared: World) -> None:
    directory, manifest = _manifest(compared)
    inputs = _inputs(compared, EXAMPLES / "deaths.csv")
    kept = (directory / "fingerprints" / "0").read_bytes()
    fingerprints = {kept[place : place + 8] for place in range(0, len(kept), 8)}
    assert not {needle[:8] for needle in _needles(inputs)} & fingerprints
    epoch = NodeKeys(compared.directory / DEATHS / "data").oprf_keys().epoch("deaths")
    key = epoch.key(manifest.contract, "resident_id", None, Granularity.GRANULARITY_RECORD)
    outputs = VerifiableServer(key).evaluate([one for one in inputs if len(one) > elements.DIGEST_BYTES * 2])
    assert set(oblivious.fingerprints(outputs)) == fingerprints
