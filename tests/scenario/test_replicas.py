"""Replicas of a node as processes: asked by turns and through Envoy, lost, and brought up to date."""

import asyncio
import csv
import json
import re
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from examples.deployment import EXAMPLES
from stayput.rpc.tls import Credentials
from tests.commands import Commands
from tests.envoy import envoy
from tests.world import CONSUMER, RESOURCES, VEHICLES, World

LIST = str(EXAMPLES / "applicants.csv")
PLANTED = json.loads((EXAMPLES / "expected.json").read_text("utf-8"))["resources"][RESOURCES[VEHICLES]]
REPLICAS = ("r1", "r2")


def free_address() -> str:
    """An address that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


class Site(World):
    """A node with two replicas; the catalogue names the replicas beside an address where nobody answers."""

    def __init__(self, directory: Path, commands: Commands) -> None:
        super().__init__(directory, commands)
        self.addresses = {name: free_address() for name in REPLICAS}
        self.nowhere, self.internal = free_address(), free_address()
        self._first = ""

    def configure(self, advertise: str, addresses: Mapping[str, str]) -> None:
        """What the node tells of itself."""
        config = self.directory / VEHICLES / "node.toml"
        self._first = self._first or config.read_text("utf-8")
        kept = self._first.replace("[node]\n", f'[node]\nadvertise = "{advertise}"\n')
        listed = json.dumps(list(addresses.values()))
        config.write_text(f'{kept}\n[replicas]\nlisten = "{self.internal}"\naddresses = {listed}\n')

    def start_replica(self, name: str) -> None:
        """It serves, at its address."""
        self.start(
            name, "provider-node", "replica", "serve", f"{name}.bundle",
            "--data", f"{name}-data", "--listen", self.addresses[name],
        )  # fmt: skip

    def compare(self, output: str, *options: str) -> Counter[str]:
        """Compares the list; outcomes of its keys."""
        self.run(CONSUMER, *self.compare_command(VEHICLES, LIST, output), *options)
        with (self.directory / output).open(encoding="utf-8-sig", newline="") as file:
            return Counter(row["outcome"] for row in csv.DictReader(file))

    def listed(self) -> dict[str, dict[str, object]]:
        """The replicas as the node lists them."""
        found = json.loads(self.run(VEHICLES, "provider-node", "replica", "list", "--json"))["replicas"]
        return {one["name"]: one for one in found}

    def until_current(self, *names: str) -> None:
        """Waits until these replicas serve what the node serves."""
        while not all(_is_current(self.listed()[name]) for name in names):
            pass


def _is_current(listed: Mapping[str, object]) -> bool:
    serving = listed["serving"]
    assert isinstance(serving, list)
    return bool(serving) and all(one["current"] for one in serving)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("w"), commands) as site:
        site.add_comparator()
        site.add_consumer(CONSUMER)
        site.add_node(VEHICLES)
        resource = site.directory / VEHICLES / "resources" / "vehicles.toml"
        text = resource.read_text("utf-8")
        resource.write_text(
            text.replace("granularities =", 'modes = ["keyed", "oblivious"]\ngranularities =')
        )
        site.configure(site.nowhere, site.addresses)
        site.open_node(VEHICLES)
        for asking in ((), ("--mode", "oblivious")):
            site.grant(VEHICLES, asking=asking)
        for name in REPLICAS:
            site.run(
                VEHICLES, "provider-node", "replica", "add", name, "--out", f"{name}.bundle", "--as", "王建国"
            )
            site.start_replica(name)
        yield site


def test_replicas_answer_as_the_node_and_one_can_be_lost(site: Site) -> None:
    assert site.compare("keyed.csv") == PLANTED["key"]["resident_id"]
    assert site.compare("obliviously.csv", "--mode", "oblivious") == PLANTED["key"]["resident_id"]
    site.until_current(*REPLICAS)
    assert [site.listed()[name]["address"] for name in REPLICAS] == list(site.addresses.values())
    site.kill("r1")
    for number in range(2):
        assert site.compare(f"{number}.csv") == PLANTED["key"]["resident_id"]
    site.start_replica("r1")
    site.settle_receipts()
    site.run(VEHICLES, "provider-node", "log", "verify")
    site.run(CONSUMER, "stayput", "receipt", "verify", "keyed.csv.receipt.json")
    kept_out = re.compile(r"quarantine|evaluations|signing|index\.key|oprf")
    on_disk = [str(path) for path in (site.directory / "r1-data").rglob("*") if path.is_file()]
    assert [path for path in on_disk if kept_out.search(path)] == []
    assert any(path.endswith("index.mdb") for path in on_disk)


def test_a_new_generation_reaches_them_and_so_does_going_back(site: Site) -> None:
    planted, register = PLANTED["key"]["resident_id"], site.directory / VEHICLES / "vehicles.csv"
    lines = register.read_bytes().splitlines(keepends=True)
    register.write_bytes(b"".join(lines[: len(lines) // 3]))
    site.run(VEHICLES, "provider-node", "build", RESOURCES[VEHICLES], "--accept-bounds")
    site.until_current(*REPLICAS)
    assert 0 < site.compare("small.csv")["MATCH"] < planted["MATCH"]
    site.run(VEHICLES, "provider-node", "rollback", RESOURCES[VEHICLES], "--yes")
    site.until_current(*REPLICAS)
    assert site.compare("back.csv") == planted


def test_through_envoy(site: Site) -> None:
    async def compared() -> Counter[str]:
        backends = list(site.addresses.values())
        async with envoy(backends, balancer(site), site.directory) as running:
            for backend in backends:
                await running.until_health(backend, healthy=True)
            await asyncio.to_thread(lead_to, site, running.address)
            found = await asyncio.to_thread(site.compare, "balanced.csv")
            await asyncio.to_thread(site.stop, "r2")
            await running.until_health(site.addresses["r2"], healthy=False)
            assert await asyncio.to_thread(site.compare, "balanced-again.csv") == found
            return found

    assert asyncio.run(compared()) == PLANTED["key"]["resident_id"]


def balancer(site: Site) -> Credentials:
    """What Envoy shows to be let in: a department of its own, as docs/replicas.md has it."""
    site.enrol_department("traffic-police-balancer", "--role", "consumer")
    identity = site.directory / "traffic-police-balancer" / "identity"
    certificate, key, authority = (
        (identity / f"{name}.pem").read_bytes() for name in ("certificate", "tls_key", "ca")
    )
    return Credentials(certificate, key, authority)


def lead_to(site: Site, address: str) -> None:
    """The catalogue names that address alone; the node is started anew, and the replicas find it again."""
    site.stop(VEHICLES)
    site.configure(address, {})
    site.start_node(VEHICLES)
    site.run(VEHICLES, "provider-node", "publish", RESOURCES[VEHICLES])
    site.until_current(*REPLICAS)
