"""What a replica takes off its node: the same comparisons at the node itself and at a replica of it, in turn.

`python -m benchmarks.replicas --rows 1000000 --lines 100000`. All of it runs on this machine, so the time
from the shell shows what a replica costs. What it is for shows in the processor time of the node.
"""

import argparse
import json
import socket
from dataclasses import dataclass

import psutil

from benchmarks.compare import COMPARE, CONSUMER, NODE, RESOURCE, deployment, grant, timed
from examples.deployment import Deployment

REPLICA = "r1"


def free_address() -> str:
    """An address that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


@dataclass(frozen=True)
class Site:
    """A node, where it and its replica answer, and where the replica calls it."""

    world: Deployment
    config: str
    node: str
    replica: str
    internal: str

    def lead_to(self, address: str) -> None:
        """Starts the node so that the catalogue leads to that address."""
        if NODE in self.world.running:
            self.world.stop(NODE)
        text = self.config.replace("[node]\n", f'[node]\nadvertise = "{address}"\n')
        path = self.world.directory / NODE / "node.toml"
        path.write_text(f'{text}\n[replicas]\nlisten = "{self.internal}"\n')
        self.world.start(NODE, "provider-node", "serve", "--listen", self.node)

    def add_replica(self) -> None:
        """Another process that answers in the node's name."""
        run, bundle = self.world.run, "r1.bundle"
        run(NODE, "provider-node", "replica", "add", REPLICA, "--out", bundle, "--as", "bench")
        self.world.start(REPLICA, "provider-node", "replica", "serve", bundle,
                         "--data", "r1", "--listen", self.replica)  # fmt: skip

    def until_connected(self) -> None:
        """Waits until the replica has found its node again."""
        connected = False
        while not connected:
            listed = json.loads(self.world.run(NODE, "provider-node", "replica", "list", "--json"))
            connected = all("connectedSince" in one for one in listed["replicas"])

    def spent(self, party: str) -> float:
        """Seconds of processor time that a server has used so far."""
        times = psutil.Process(self.world.running[party].pid).cpu_times()
        return float(times.user + times.system)


def measured(site: Site, runs: int, what: str) -> None:
    """Compares so often and prints what it took."""
    parties = [party for party in (NODE, REPLICA) if party in site.world.running]
    timed(site.world, CONSUMER, *COMPARE)  # the first session after a start
    before = [site.spent(party) for party in parties]
    seconds = sorted(timed(site.world, CONSUMER, *COMPARE)[0] for _ in range(runs))
    used = {party: (site.spent(party) - start) / runs for party, start in zip(parties, before, strict=True)}
    told = ", ".join(f"{party} {each:.2f} s" for party, each in used.items())
    print(f"{what}: median {seconds[runs // 2]:.2f} s from the shell; processor time of each: {told}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with deployment(given.rows, given.lines) as world:
        config = (world.directory / NODE / "node.toml").read_text()
        site = Site(world, config, free_address(), free_address(), free_address())
        world.run(NODE, "provider-node", "build", RESOURCE)
        site.lead_to(site.node)
        grant(world)
        site.add_replica()
        for _ in range(2):
            for address, what in ((site.node, "at the node"), (site.replica, "at the replica")):
                site.lead_to(address)
                world.run(NODE, "provider-node", "publish", RESOURCE)
                site.until_connected()
                measured(site, given.runs, what)


if __name__ == "__main__":
    main()
