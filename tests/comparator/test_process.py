"""The `comparator` command as processes: from `init` to SIGTERM, and a kill between appends."""

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stayput.enrolment import PartyKeys, checked, csr_of, read_invitation, request
from stayput.errors import StayputError
from stayput.identity import COMPARATOR_NAME, department, node
from stayput.rpc import tls
from stayput.rpc.client import translated
from stayput.v1.catalogue_pb2 import ListResourcesRequest
from stayput.v1.enrolment_pb2_grpc import EnrolmentServiceStub
from stayput.v1.log_pb2 import AppendReceiptsRequest
from stayput.v1.log_pb2_grpc import LogServiceStub
from stayput.v1.signing_pb2 import Envelope
from tests.commands import Commands
from tests.comparator.documents import Chain
from tests.comparator.platform import Member, use_database
from tests.comparator.postgresql import PASSWORD


class Installation:
    """A directory in which the command runs: it serves from nothing, the rest has been imported before."""

    def __init__(self, directory: Path, commands: Commands) -> None:
        self.directory = directory
        self._commands = commands
        self.environment = {"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", "PYTHONPATH": ":".join(sys.path)}
        self.serving: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str) -> str:
        command = ("comparator", *arguments)
        done = self._commands.begin(command, self.directory, self.environment).ended()
        assert done.returncode == 0, done.stderr
        return done.stdout

    def serve(self, *options: str) -> tuple["subprocess.Popen[str]", str, str]:
        """The process, and its main and enrolment addresses."""
        with (self.directory / "serve.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "comparator", "serve", *options],
                cwd=self.directory,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.serving.append(process)
        assert process.stdout is not None
        ready = process.stdout.readline().split()
        assert ready, (self.directory / "serve.log").read_text()
        assert ready[0] == "ready"
        return process, ready[1].removeprefix("main="), ready[2].removeprefix("enrolment=")

    async def enrol(self, file: str) -> Member:
        invitation = read_invitation((self.directory / file).read_text())
        keys = PartyKeys.generate()
        ca = invitation.ca_certificate.encode()
        async with tls.enrolment_channel(invitation.enrolment_address, COMPARATOR_NAME, ca) as channel:
            with translated("comparator"):
                response = await EnrolmentServiceStub(channel).Enrol(
                    request(invitation, keys, csr_of(keys)), timeout=20
                )
        checked(response, invitation, keys)
        credentials = tls.Credentials(
            response.certificate_chain.encode(),
            keys.tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            ca,
        )
        channel = tls.channel(response.comparator_address, COMPARATOR_NAME, credentials)
        party = node(response.node_id) if response.node_id else department(response.department)
        return Member(party, response.department, keys, response, credentials, channel)


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(
    request: pytest.FixtureRequest, tmp_path: Path, commands: Commands
) -> Iterator[Installation]:
    """One over each kind of store, as an operator sets it up."""
    installation = Installation(tmp_path, commands)
    installation.run("init", "--listen", "127.0.0.1:0", "--enrolment-listen", "127.0.0.1:0")
    if request.param == "postgresql":
        use_database(tmp_path / "comparator.toml", request.getfixturevalue("guarded_postgresql"))
        installation.environment["PGPASSWORD"] = PASSWORD
        installation.run("migrate")
    yield installation
    for process in installation.serving:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _invite(installation: Installation) -> str:
    installation.run("invite", "department", "traffic-police", "--title", "公安交管")
    installation.run("invite", "node", "vehicles-1", "--department", "traffic-police", "-o", "node.json")
    return "node.json"


async def test_from_init_to_sigterm(installation: Installation) -> None:
    process, main, enrolment = installation.serve()
    status = json.loads(installation.run("status", "--json"))
    assert (status["pid"], status["main"], status["enrolment"]) == (str(process.pid), main, enrolment)
    member = await installation.enrol(_invite(installation))
    assert member.response.comparator_address == main
    async with member.channel:
        assert not (await member.catalogue.ListResources(ListResourcesRequest())).resources
    (_, listed) = json.loads(installation.run("departments", "--json"))
    assert (listed["id"], listed["enrolled"]) == ("vehicles-1", True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert json.loads(installation.run("status", "--json"))["pid"] == ""
    assert process.stdout is not None
    assert process.stdout.read() == ""
    for line in (installation.directory / "serve.log").read_text().splitlines():
        assert {"event", "level", "timestamp"} <= json.loads(line).keys()


async def test_a_kill_between_appends_loses_nothing_confirmed(installation: Installation) -> None:
    process, main, enrolment = installation.serve()
    member = await installation.enrol(_invite(installation))
    installation.run("invite", "department", "civil-affairs", "--title", "民政局", "-o", "consumer.json")
    chain = Chain(member, datetime.now(UTC), await installation.enrol("consumer.json"))
    sent: list[Envelope] = []
    confirmed = 0
    enough = asyncio.Event()

    async def append_one_by_one() -> None:
        nonlocal confirmed
        while True:
            sent.append(chain.add())
            confirmed = await _append(member, sent[-1:])
            if confirmed == 20:
                enough.set()

    appending = asyncio.create_task(append_one_by_one())
    await enough.wait()
    process.kill()
    process.wait()
    with pytest.raises(StayputError):
        await appending
    await member.channel.close()

    installation.serve("--listen", main, "--enrolment-listen", enrolment)
    stored = json.loads(installation.run("receipts", "--json"))
    assert confirmed <= len(stored) <= len(sent)
    assert [one["payload_sha256"] for one in stored] == [
        hashlib.sha256(envelope.payload).hexdigest() for envelope in sent[: len(stored)]
    ]
    async with tls.channel(main, COMPARATOR_NAME, member.credentials) as member.channel:
        member.log = LogServiceStub(member.channel)
        assert await _append(member, sent) == len(sent)


async def _append(member: Member, receipts: list[Envelope]) -> int:
    with translated("comparator"):
        answer = await member.log.AppendReceipts(AppendReceiptsRequest(receipts=receipts), timeout=20)
    return answer.stored_through


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "comparator", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "receipts" in shown.stdout
    loaded = {line.rpartition("|")[2].strip() for line in shown.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"grpc", "sqlalchemy", "alembic", "pydantic", "cryptography", "google.protobuf"}
