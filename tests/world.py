"""A whole platform for scenario tests: the deployment of examples/, with the story's parties in it."""

import asyncio
import json
import re
import subprocess
from pathlib import Path
from time import monotonic
from typing import Any

from examples.deployment import ANY_PORT, BIN, EXAMPLES, CommandFailed, Deployment
from stayput.identity import COMPARATOR_NAME
from stayput.rpc.tls import Credentials, channel
from stayput.v1.access_pb2 import IssueTicketRequest
from stayput.v1.access_pb2_grpc import AccessServiceStub
from stayput_client.home import Home
from tests.commands import Commands

CONSUMER = "civil-affairs"
STRANGER = "water-works"
VEHICLES, DEATHS = "vehicles-1", "deaths-1"
OWNERS = {VEHICLES: "traffic-police", DEATHS: "health-commission"}
FILES = {VEHICLES: "vehicles", DEATHS: "deaths"}
RESOURCES = {VEHICLES: "vehicle-owners", DEATHS: "deaths"}
SETTLE_SECONDS = 60.0
CHECKS = {VEHICLES: ("name", "plate"), DEATHS: ("name",)}


class World(Deployment):
    """Builds up the story step by step; every step is a real command."""

    def __init__(self, directory: Path, commands: Commands) -> None:
        super().__init__(directory)
        self._commands = commands

    def attempt(self, party: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command as that party, whatever comes of it."""
        return self._commands.begin(command, self.directory, self.environment(party)).ended()

    def add_comparator(self) -> None:
        """The platform, serving."""
        self.run(
            "comparator", "comparator", "init", "--data", "comparator",
            "--listen", ANY_PORT, "--enrolment-listen", ANY_PORT,
        )  # fmt: skip
        self.start("comparator", "comparator", "serve")

    def restart_comparator(self, *runner: str) -> None:
        """The comparator again, on the ports that everybody knows; `runner` runs it instead of its script."""
        addresses = json.loads((self.directory / "comparator" / "run" / "addresses.json").read_text())
        self.start(
            "comparator", *runner, "comparator", "serve",
            "--listen", addresses["main"], "--enrolment-listen", addresses["enrolment"],
        )  # fmt: skip

    def invite_department(self, code: str) -> None:
        """An invitation for a department, in `<code>.invitation`."""
        self.run(
            "comparator",
            "comparator",
            "invite",
            "department",
            code,
            "--title",
            code,
            "-o",
            f"{code}.invitation",
        )

    def add_consumer(self, code: str) -> None:
        """An enrolled department that can compare."""
        self.invite_department(code)
        self.run(code, "stayput", "enrol", f"{code}.invitation")

    def enrol_department(self, code: str, *options: str) -> None:
        """A department that may be known already, enrolled; `options` are those of its invitation."""
        file = f"{code}-itself.invitation"
        self.run(
            "comparator", "comparator", "invite", "department", code, "--title", code, "-o", file, *options
        )
        self.run(code, "stayput", "enrol", file)

    def trust(self, party: str) -> None:
        """A department's trust in the log, by the operator's word, and in the nodes of the catalogue."""
        told = json.loads(self.run("comparator", "comparator", "status", "--json"))
        self.run(party, "stayput", "trust", "add-log", str(told["log_key"]))
        self.run(party, "stayput", "trust", "fetch")

    def add_node(self, node: str, source: Path | None = None) -> None:
        """An enrolled node with its resource, neither built nor started."""
        owner, file = OWNERS[node], FILES[node]
        self.invite_department(owner)
        self.run(
            "comparator",
            "comparator",
            "invite",
            "node",
            node,
            "--department",
            owner,
            "-o",
            f"{node}.invitation",
        )
        self.run(
            node,
            "provider-node",
            "init",
            "--id",
            node,
            "--department",
            owner,
            "--dir",
            node,
            "--listen",
            ANY_PORT,
        )
        source = source or EXAMPLES / f"{file}.csv"
        self.place(node, EXAMPLES / "resources" / f"{file}.toml", source)
        if source.name != f"{file}.csv":
            (self.directory / node / source.name).rename(self.directory / node / f"{file}.csv")
        self.run(node, "provider-node", "enrol", f"{node}.invitation")

    def advertise(self, node: str, address: str) -> None:
        """The node, not started yet, will tell the catalogue this address."""
        config = self.directory / node / "node.toml"
        config.write_text(config.read_text().replace("[node]\n", f'[node]\nadvertise = "{address}"\n'))

    def direct(self, node: str) -> None:
        """The node, running, tells the catalogue its own address again."""
        self.stop(node)
        config = self.directory / node / "node.toml"
        config.write_text(re.sub("advertise = .*\n", "", config.read_text()))
        self.start_node(node)
        self.run(node, "provider-node", "publish", RESOURCES[node])

    def begin(self, party: str, *command: str) -> "subprocess.Popen[bytes]":
        """A command that goes on while the test does something else."""
        return subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            cwd=self.directory,
            env=self.environment(party),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start_node(self, node: str, *runner: str) -> str:
        """The node, serving; returns its address. Started again, it keeps the address.

        `runner` runs it instead of its script.
        """
        known = self.directory / node / "data" / "run" / "address.json"
        again = ("--listen", json.loads(known.read_text())["address"]) if known.exists() else ()
        return self.start(node, *runner, "provider-node", "serve", *again).removeprefix("ready address=")

    def ended(self, party: str) -> int:
        """Waits until a server has ended by itself; returns its exit code."""
        process = self.running.pop(party)
        try:
            return process.wait(SETTLE_SECONDS)
        finally:
            process.kill()
            if process.stdout:
                process.stdout.close()

    def open_register(self, node: str, source: Path | None = None) -> str:
        """A node that serves and is in the catalogue; returns its address."""
        self.add_node(node, source)
        return self.open_node(node)

    def open_node(self, node: str) -> str:
        """An enrolled node, started, built and published; returns its address."""
        address = self.start_node(node)
        self.run(node, "provider-node", "build", RESOURCES[node])
        self.run(node, "provider-node", "publish", RESOURCES[node])
        return address

    def apply(self, node: str, consumer: str = CONSUMER, asking: tuple[str, ...] = ()) -> str:
        """An application of the consumer, in keyed mode unless asking for another; returns its id."""
        self.run(
            consumer, "stayput", "apply", "--resource", RESOURCES[node], "--key", "resident_id",
            *(option for check in CHECKS[node] for option in ("--check", check)),
            "--purpose", "低收入家庭经济状况核对", "--legal-basis", "社会救助暂行办法",
            "--matter", "最低生活保障审核确认", "--agreement", "安协〔2026〕7号", *asking,
        )  # fmt: skip
        listed = json.loads(self.run(node, "provider-node", "applications", "--json"))
        return str(listed["applications"][0]["id"])

    def grant(self, node: str, *options: str, consumer: str = CONSUMER, asking: tuple[str, ...] = ()) -> None:
        """A grant of what the story needs."""
        self.run(node, "provider-node", "approve", self.apply(node, consumer, asking), *options)

    def compare_command(self, node: str, list_file: str, output: str) -> tuple[str, ...]:
        """The command that compares a list against a node's resource."""
        return (
            "stayput", "compare", list_file, "--resource", RESOURCES[node], "--key", "resident_id",
            *(option for check in CHECKS[node] for option in ("--check", check)),
            "--column", "name=姓名", "--operator", "tester", "-o", output,
        )  # fmt: skip

    def receipts(self) -> list[dict[str, object]]:
        """Receipts that the platform has stored."""
        stored: list[dict[str, object]] = json.loads(
            self.run("comparator", "comparator", "receipts", "--json")
        )
        return stored

    def settle_receipts(self) -> None:
        """Returns when every receipt made so far has reached the platform."""
        deadline = monotonic() + SETTLE_SECONDS
        for node in set(self.running) & set(RESOURCES):
            while self.status(node)["undelivered_receipts"] != "0":
                if monotonic() > deadline:
                    raise CommandFailed(f"receipts of {node} were not delivered")

    def status(self, node: str) -> dict[str, Any]:
        """What `provider-node status` says."""
        found: dict[str, Any] = json.loads(self.run(node, "provider-node", "status", "--json"))
        return {re.sub("([A-Z])", r"_\1", name).lower(): value for name, value in found.items()}

    def node_credentials(self, node: str) -> Credentials:
        """The node's own TLS identity, for a proxy that ends its TLS."""
        keys = self.directory / node / "data" / "keys"
        given = json.loads((keys / "enrolment.json").read_text())
        return Credentials(
            given["certificate_chain"].encode(),
            (keys / "tls.key").read_bytes(),
            given["ca_certificate"].encode(),
        )

    def consumer_credentials(self, code: str) -> Credentials:
        """A department's TLS identity, for a proxy or a caller that leaves the SDK aside."""
        chain, key, authority = Home(self.directory / code).identity().tls()
        return Credentials(chain, key, authority)

    def ticket(self, grant_id: str, code: str = CONSUMER) -> str:
        """A ticket for a grant, asked for as the consumer's SDK does."""
        return asyncio.run(self._ticket(grant_id, code))

    async def _ticket(self, grant_id: str, code: str) -> str:
        platform = Home(self.directory / code).identity().platform()
        async with channel(
            platform.comparator_address, COMPARATOR_NAME, self.consumer_credentials(code)
        ) as to:
            answer = await AccessServiceStub(to).IssueTicket(
                IssueTicketRequest(grant_id=grant_id, operator="tester", purpose="test")
            )
        return answer.ticket

    def own_files(self, party: str) -> dict[Path, bytes]:
        """Every file of a party, and its log, but not the registers placed with it."""
        registers = {f"{file}.csv" for file in FILES.values()}
        found = [*(self.directory / party).rglob("*"), self.directory / "logs" / f"{party}.log"]
        return {path: path.read_bytes() for path in found if path.is_file() and path.name not in registers}
