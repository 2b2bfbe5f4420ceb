"""The CA between a node and its replicas: who gets through to whom, and what its file is like."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio

from provider_node.domain.key_set import KeySet
from provider_node.domain.keys import NodeKeys
from provider_node.domain.replicas.authority import AUTHORITY_FILE, ReplicaAuthority
from provider_node.store.keystore import KeyStore
from provider_node.store.protection import Unlocker
from stayput.identity import caller_of, node, replica
from stayput.rpc import tls
from stayput.rpc.client import translated
from tests.provider_node.serving.consumer import refused

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
KEY_FILE = Unlocker("key-file", bytes(range(32)))
NODE_ID = "vehicles-1"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path)


@pytest.fixture
def authority(store: KeyStore) -> ReplicaAuthority:
    return ReplicaAuthority(store, NODE_ID)


def leaf_of(credentials: tls.Credentials) -> x509.Certificate:
    return x509.load_pem_x509_certificate(credentials.certificate_chain)


@asynccontextmanager
async def listening(credentials: tls.Credentials) -> AsyncIterator[str]:
    """A server that tells whoever gets through to it that it is well; its address."""
    server, servicer = tls.server([]), aio.HealthServicer()
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = tls.listen(server, "127.0.0.1:0", credentials)
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def call(address: str, name: str, credentials: tls.Credentials) -> None:
    async with tls.channel(address, name, credentials) as channel:
        with translated("node"):
            # The package's stubs know only how a server is made.
            stub: Any = health_pb2_grpc.HealthStub(channel)
            await stub.Check(health_pb2.HealthCheckRequest())


async def test_a_replica_gets_through_to_its_node_and_to_no_other(
    authority: ReplicaAuthority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = ReplicaAuthority(KeyStore(tmp_path / "other"), "deaths-1")
    mine, name = authority.issue("east").credentials, node(NODE_ID).tls_name
    async with listening(authority.server_credentials()) as address:
        await call(address, name, mine)
        stranger = other.issue("east").credentials
        for chain in (
            stranger,
            tls.Credentials(stranger.certificate_chain, stranger.private_key, mine.ca_certificate),
        ):
            with refused("CONNECTION_FAILED"):
                await call(address, name, chain)
    async with listening(other.server_credentials()) as address:
        with refused("CONNECTION_FAILED"):
            await call(address, name, mine)
    async with listening(authority.issue("west").credentials) as address:
        with refused("CONNECTION_FAILED"):
            await call(address, name, mine)


@pytest.mark.parametrize("party", [node(NODE_ID), replica("east")])
def test_a_certificate_names_its_party_and_serves_and_calls(store: KeyStore, party: object) -> None:
    authority = ReplicaAuthority(store, NODE_ID, lambda: NOW)
    issued = authority.issue("east")
    credentials = issued.credentials if party == replica("east") else authority.server_credentials()
    leaf, ca = leaf_of(credentials), x509.load_pem_x509_certificate(credentials.ca_certificate)
    assert caller_of(leaf).party == party
    name = caller_of(leaf).party.tls_name
    policy = PolicyBuilder().store(Store([ca])).time(NOW)
    assert policy.build_server_verifier(x509.DNSName(name)).verify(leaf, [])
    assert policy.build_client_verifier().verify(leaf, []).chain
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (
        NOW - timedelta(minutes=10),
        NOW + timedelta(days=825),
    )
    assert set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.SERVER_AUTH,
    }
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)


def test_each_certificate_has_a_key_and_a_thumbprint_of_its_own(authority: ReplicaAuthority) -> None:
    first, second = authority.issue("east"), authority.issue("east")
    assert first.thumbprint == caller_of(leaf_of(first.credentials)).thumbprint != second.thumbprint
    assert first.credentials.private_key != second.credentials.private_key
    assert first.credentials.ca_certificate == second.credentials.ca_certificate
    assert first.until == leaf_of(first.credentials).not_valid_after_utc
    assert "PRIVATE" not in repr(first)


def test_no_certificate_outlives_the_authority(store: KeyStore) -> None:
    ca = ReplicaAuthority(store, NODE_ID, lambda: NOW).server_credentials().ca_certificate
    end = x509.load_pem_x509_certificate(ca).not_valid_after_utc
    assert ReplicaAuthority(store, NODE_ID, lambda: end - timedelta(days=1)).issue("east").until == end


def test_the_authority_is_made_once_whoever_is_first(store: KeyStore, tmp_path: Path) -> None:
    assert not store.exists(AUTHORITY_FILE)
    first = ReplicaAuthority(store, NODE_ID).server_credentials()
    assert [path.name for path in tmp_path.iterdir()] == [AUTHORITY_FILE]
    assert (tmp_path / AUTHORITY_FILE).stat().st_mode & 0o777 == 0o600
    again = ReplicaAuthority(KeyStore(tmp_path), NODE_ID).server_credentials()
    assert again.ca_certificate == first.ca_certificate
    assert leaf_of(again) != leaf_of(first)


def test_one_that_another_process_makes_at_the_same_time_counts(
    store: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ReplicaAuthority(KeyStore(tmp_path), NODE_ID).server_credentials().ca_certificate
    # What this process saw just before.
    monkeypatch.setattr(store, "exists", lambda _: False)
    assert ReplicaAuthority(store, NODE_ID).server_credentials().ca_certificate == other


def test_its_file_is_a_key_file_like_the_others(tmp_path: Path) -> None:
    data = tmp_path / "node"
    keys = NodeKeys(data)
    keys.create()
    before = ReplicaAuthority(keys.store, NODE_ID).server_credentials().ca_certificate
    store = KeyStore(keys.store.directory, lambda: KEY_FILE)
    assert AUTHORITY_FILE in store.encrypt()
    assert b"PRIVATE" not in (store.directory / AUTHORITY_FILE).read_bytes()
    assert ReplicaAuthority(store, NODE_ID).server_credentials().ca_certificate == before
    # A backup and a set of shares are made of this.
    recovered = KeyStore(tmp_path / "recovered" / "keys", lambda: KEY_FILE)
    KeySet.of(store).put(recovered)
    assert ReplicaAuthority(recovered, NODE_ID).server_credentials().ca_certificate == before
    assert AUTHORITY_FILE in store.decrypt()
    assert ReplicaAuthority(keys.store, NODE_ID).server_credentials().ca_certificate == before


def test_a_new_one_is_encrypted_where_keys_are(tmp_path: Path) -> None:
    store = KeyStore(tmp_path, lambda: KEY_FILE)
    ReplicaAuthority(store, NODE_ID).issue("east")
    assert store.plain() == []


@pytest.mark.parametrize("fault", ["cut", "other", "zero"])
def test_a_damaged_file_is_told_and_kept(store: KeyStore, tmp_path: Path, fault: str) -> None:
    ReplicaAuthority(store, NODE_ID).server_credentials()
    path = tmp_path / AUTHORITY_FILE
    text = path.read_text()
    (tmp_path / "other").mkdir()
    ReplicaAuthority(KeyStore(tmp_path / "other"), NODE_ID).server_credentials()
    other = (tmp_path / "other" / AUTHORITY_FILE).read_text()
    certificate = re.compile("-----BEGIN CERTIFICATE.*", re.DOTALL)
    damaged = {
        "cut": text[:100],
        "other": certificate.sub(certificate.findall(other)[0], text),
        "zero": "\0",
    }[fault]
    path.write_text(damaged)
    with refused("CONFIGURATION_INVALID", f"keys/{AUTHORITY_FILE}") as caught:
        ReplicaAuthority(store, NODE_ID).issue("east")
    assert caught.value.__cause__ is None
    assert path.read_text() == damaged


@pytest.mark.parametrize("name", ["", "e", "East", "east.1", "e" * 64, "east\n"])
def test_a_malformed_name_gets_no_certificate(authority: ReplicaAuthority, name: str) -> None:
    with refused("FIELD_INVALID", "replica"):
        authority.issue(name)
