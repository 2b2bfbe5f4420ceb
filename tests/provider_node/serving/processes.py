"""A node as a process of its own, and its commands, over files made beforehand."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from provider_node.domain.keys import NodeKeys
from provider_node.store.state import State
from stayput import receipts, signing
from stayput.china_time import china_date
from stayput.rpc import tls
from stayput.v1.access_pb2 import Grant
from stayput.v1.admin_pb2_grpc import NodeAdminServiceStub
from stayput.v1.comparison_pb2 import DescribeRequest, Description
from stayput.v1.enrolment_pb2 import EnrolResponse, Invitation
from stayput.v1.log_pb2 import Receipt
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import Asking, TicketOffice, asking, stub
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, NODE, PROVIDER, Material

if TYPE_CHECKING:
    from stayput.v1.admin_pb2_grpc import NodeAdminServiceAsyncStub
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

SECONDS = 60.0


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str


def prepare(
    directory: Path, material: Material, comparator: str, resource: str = register.RESOURCE
) -> "NodeProcess":
    """A node's directory: initialised, enrolled, with the register and its index."""
    register.write_files(directory, resource=resource)
    keys = NodeKeys(directory / "data")
    keys.create()
    public = x509.load_der_x509_csr(keys.csr()).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    certificate = material.authority.certify(public, NODE.tls_name, NODE.urn)
    keys.store_enrolment(
        Invitation(ca_certificate=material.authority.pem.decode()),
        EnrolResponse(
            certificate_chain=certificate.public_bytes(Encoding.PEM).decode(),
            comparator_address="127.0.0.1:1",
            ticket_key=material.ticket_key.as_pem(private=False).decode(),
        ),
    )
    node = NodeProcess(directory, material, keys)
    node.configure(f'comparator = "{comparator}"\n')
    register.build(directory, keys.index_keys().current, keys.oprf_keys(), directory / "data")
    return node


class NodeProcess:
    """A node's directory, and its process while it runs."""

    def __init__(self, directory: Path, material: Material, keys: NodeKeys) -> None:
        self.directory = directory
        self.material = material
        self.keys = keys
        self.address = ""
        self.process: asyncio.subprocess.Process | None = None
        self.log = directory / "node.log"

    def configure(self, more: str, listen: str = "127.0.0.1:0") -> None:
        """Writes node.toml."""
        (self.directory / "node.toml").write_text(
            f'[node]\nid = "{NODE.id}"\ndepartment = "{PROVIDER}"\nlisten = "{listen}"\n{more}'
        )

    @property
    def verification_key(self) -> bytes:
        """What the node's statements verify with."""
        return self.keys.signing_key().public_key().public_bytes_raw()

    async def give(self, grant: Grant) -> None:
        """Puts a grant into the store of the node, which is not running."""
        state = State(self.directory / "data" / "state")
        envelope = signing.sign(signing.PayloadType.GRANT, grant, self.keys.signing_key())
        await state.grants.put(grant.id, envelope, "王建国")
        await state.grants.mark_recorded(grant.id)
        state.close()

    async def run(self, *arguments: str, language: str = "C.UTF-8") -> Ran:
        """Runs a command to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "provider_node",
            *arguments,
            cwd=self.directory,
            env={**os.environ, "LC_ALL": language},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await asyncio.wait_for(process.communicate(), SECONDS)
        assert process.returncode is not None
        return Ran(process.returncode, stdout.decode(), stderr.decode())

    async def start(self, *arguments: str) -> str:
        """Starts to serve; returns the line that says so."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "provider_node",
                "serve",
                *arguments,
                cwd=self.directory,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        line = (await asyncio.wait_for(self.process.stdout.readline(), SECONDS)).decode()
        assert line.startswith("ready address="), self.log.read_text()
        self.address = line.strip().removeprefix("ready address=")
        return line

    async def end(self, number: signal.Signals) -> int:
        """Sends a signal and waits for the end; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Waits for the end; returns the exit code."""
        assert self.process is not None
        code = await asyncio.wait_for(self.process.wait(), SECONDS)
        self.process = None
        return code

    async def clean_up(self) -> None:
        """Ends the process if a test did not."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    @asynccontextmanager
    async def consumer(self) -> "AsyncIterator[ComparisonServiceAsyncStub]":
        """The consumer's connection."""
        made, channel = stub(self.address, NODE, self.material.consumer.credentials)
        async with channel:
            yield made

    async def asking(
        self, consumer: "ComparisonServiceAsyncStub", checks: Sequence[str] = register.CHECKS
    ) -> Asking:
        """A session by the node's description, with a ticket of now."""
        office = TicketOffice(self.material.ticket_key, NODE, datetime.now(UTC))
        ticket = office.ticket(CONSUMER, self.material.consumer, GRANT_ID)
        return asking(await self.description(consumer), office.issue(ticket), checks)

    async def description(self, consumer: "ComparisonServiceAsyncStub") -> Description:
        """The node's description, verified."""
        response = await consumer.Describe(DescribeRequest(resource=register.CODE))
        kind = signing.PayloadType.DESCRIPTION
        return Description.FromString(signing.verify(response.description, kind, self.verification_key))

    @asynccontextmanager
    async def administrator(self) -> "AsyncIterator[NodeAdminServiceAsyncStub]":
        """A connection to the administration socket."""
        async with tls.local_channel(str(self.directory / "data" / "run" / "admin.sock")) as channel:
            yield NodeAdminServiceStub(channel)

    def used(self, since: datetime) -> int:
        """Records that the grant has been charged since then; the node is not running."""
        state = State(self.directory / "data" / "state")
        days = {china_date(moment).isoformat() for moment in (since, datetime.now(UTC))}
        used = sum(state.used(GRANT_ID, day) for day in days)
        state.close()
        return used

    def announced(self) -> str:
        """What the node wrote about its address."""
        found: str = json.loads((self.directory / "data" / "run" / "address.json").read_text())["address"]
        return found

    def generation(self) -> str:
        """The serving generation, from the files."""
        return (self.directory / "data" / "resources" / register.CODE / "current").readlink().name

    def receipts(self) -> list[Receipt]:
        """All receipts of the node, which is not running, verified; their chain too."""
        state = State(self.directory / "data" / "state")
        previous, found = receipts.FIRST_PREVIOUS_HASH, []
        for number, envelope in enumerate(state.receipts_after(0, 100_000), start=1):
            receipt = receipts.verify(envelope, self.verification_key)
            assert (receipt.sequence, receipt.previous_hash) == (number, previous)
            previous = receipts.payload_hash(envelope.payload)
            found.append(receipt)
        state.close()
        return found
