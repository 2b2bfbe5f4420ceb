"""The drill: a node is lost and made again, of its backup and of its shares, and everything goes on."""

import json
import shutil
from pathlib import Path

from examples.deployment import EXAMPLES
from tests.world import CONSUMER, RESOURCES, VEHICLES, World

CODE = RESOURCES[VEHICLES]


def passphrase(path: Path, text: str) -> None:
    """In a file of its owner's alone."""
    path.touch(mode=0o600)
    path.write_text(text)


def grants(world: World) -> object:
    """What the node's store says of its grants, but for what is left of them today."""
    listed = json.loads(world.run(VEHICLES, "provider-node", "grants", "--json"))["grants"]
    return [{name: value for name, value in one.items() if name != "allowance"} for one in listed]


def compare(world: World, output: str) -> bytes:
    """The outcomes of the applicants."""
    world.run(CONSUMER, *world.compare_command(VEHICLES, "applicants.csv", output))
    world.settle_receipts()
    return (world.directory / output).read_bytes()


def chain(world: World) -> list[tuple[int, str]]:
    """Number and generation of the receipts that the platform has."""
    return sorted((int(str(one["sequence"])), str(one["generation"])) for one in world.receipts())


def test_a_node_that_was_lost_goes_on_where_it_was(empty_world: World) -> None:
    world, node = empty_world, empty_world.directory / VEHICLES
    shutil.copy(EXAMPLES / "applicants.csv", world.directory)
    passphrase(world.directory / "secret", "a passphrase of the drill\n")
    world.open_register(VEHICLES)
    world.grant(VEHICLES)
    first = compare(world, "first.csv")
    before = {"grants": grants(world), "key": world.status(VEHICLES)["signing_key"]}
    salt = (node / "data" / "resources" / CODE / "salt").read_bytes()

    world.run(VEHICLES, "provider-node", "backup", "node.backup", "--passphrase-file", "secret")
    world.run(VEHICLES, "provider-node", "keys", "split", "--out", "shares")
    assert (world.directory / "node.backup").stat().st_mode & 0o777 == 0o600
    world.stop(VEHICLES)
    shutil.rmtree(node)

    world.run(VEHICLES, "provider-node", "restore", "node.backup", VEHICLES, "--passphrase-file", "secret")
    assert (node / "data" / "resources" / CODE / "salt").read_bytes() == salt
    shutil.copy(EXAMPLES / "vehicles.csv", node)
    # The backup has the keys, and so have any three of the five.
    shutil.rmtree(node / "data" / "keys")
    world.run(VEHICLES, "provider-node", "keys", "recover", *(f"shares/share-{n}.txt" for n in (5, 1, 3)))
    world.start_node(VEHICLES)
    world.run(VEHICLES, "provider-node", "build", CODE)

    assert {"grants": grants(world), "key": world.status(VEHICLES)["signing_key"]} == before
    # The consumer has pinned the node's key and asks by the same grant.
    assert compare(world, "second.csv") == first
    (number, generation), (next_number, next_generation) = chain(world)
    assert next_number == number + 1
    assert generation != next_generation
    world.run(VEHICLES, "provider-node", "log", "verify")
