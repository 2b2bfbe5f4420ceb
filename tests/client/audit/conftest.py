"""A comparator with a log, and two departments that audit it, over mutual TLS."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stayput import identity
from stayput.rpc import tls
from stayput.rpc.server import ErrorInterceptor
from stayput.v1.catalogue_pb2_grpc import add_CatalogueServiceServicer_to_server
from stayput.v1.log_pb2_grpc import add_LogServiceServicer_to_server
from stayput_client.audit import Auditor
from stayput_client.home import Home, Platform
from stayput_client.trust import TRUST_FILE
from tests.client.authority import Authority
from tests.client.servicers.comparator import CataloguePeer
from tests.client.servicers.log import LogPeer
from tests.client.world import Finished, entry, started
from tests.stayput.evidence.made import WITNESSES, MadeLog, filled, raw

OFFICE, POLICE = (urn.rpartition(":")[2] for urn in WITNESSES)


@dataclass
class Audited:
    """Everything a test may look at or change; `home` is the audit office's."""

    log: MadeLog
    peer: LogPeer
    catalogue: CataloguePeer
    home: Path
    other_home: Path

    @property
    def trust(self) -> Path:
        return self.home / TRUST_FILE


@pytest.fixture
async def audited(tmp_path: Path, authority: Authority) -> AsyncIterator[Audited]:
    log = filled()
    keys = {urn: raw(key) for urn, key in zip(WITNESSES, log.witness_keys, strict=True)}
    peer, catalogue = LogPeer(log, witness_keys=keys), CataloguePeer()
    server = tls.server([ErrorInterceptor()])
    add_LogServiceServicer_to_server(peer, server)
    add_CatalogueServiceServicer_to_server(catalogue, server)
    port = await started(server, authority.credentials(None))
    catalogue.resources["vehicle-owners"] = entry("127.0.0.1:1", raw(log.node_key))
    homes = tmp_path / "office", tmp_path / "police"
    for home, code, key in zip(homes, (OFFICE, POLICE), log.witness_keys, strict=True):
        _enrolled(home, authority, f"127.0.0.1:{port}", code, key)
        (home / TRUST_FILE).write_text(log.trust.to_toml(), "utf-8")
    yield Audited(log, peer, catalogue, *homes)
    await server.stop(None)


def _enrolled(
    home: Path, authority: Authority, address: str, department: str, signing_key: Ed25519PrivateKey
) -> None:
    credentials = authority.credentials(identity.department(department))
    at = Home(home)
    files = at.identity_for("the invitation's token")
    pem = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.begin(credentials.private_key, pem, b"request")
    platform = Platform(department, address, "")
    files.finish(credentials.certificate_chain.decode(), authority.pem.decode(), platform)
    at.adopt(files)


@pytest.fixture
async def auditor(audited: Audited) -> AsyncIterator[Auditor]:
    async with Auditor.open(audited.home) as opened:
        yield opened


Begin = Callable[..., Awaitable[asyncio.subprocess.Process]]
Run = Callable[..., Awaitable[Finished]]


@pytest.fixture
def begin(audited: Audited) -> Begin:
    """Starts the command as the audit office, with English texts unless the environment says otherwise."""

    async def started_process(*arguments: str | Path, **environment: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from stayput_client.cli import main; main()",
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "STAYPUT_HOME": str(audited.home),
                "LC_ALL": "C.UTF-8",
                "TZ": "UTC",
                **environment,
            },
        )

    return started_process


@pytest.fixture
def run(begin: Begin) -> Run:
    """Runs the command to its end."""

    async def finished(*arguments: str | Path, **environment: str) -> Finished:
        process = await begin(*arguments, **environment)
        out, err = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, out.decode(), err.decode())

    return finished
