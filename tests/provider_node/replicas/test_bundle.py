"""The file that a replica is started from: what it holds, who can read it, and how a fault in it is told."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provider_node.domain.replicas.authority import ReplicaAuthority
from provider_node.domain.replicas.bundle import Bundle, read
from provider_node.store.keystore import KeyStore
from stayput.errors import StayputError
from tests.provider_node.serving.consumer import refused


def bundle_of(authority: ReplicaAuthority, name: str) -> Bundle:
    credentials = authority.issue(name).credentials
    return Bundle(
        replica=name,
        node_id="vehicles-1",
        address="vehicles-1.internal:7444",
        certificate_chain=credentials.certificate_chain.decode(),
        private_key=credentials.private_key.decode(),
        ca_certificate=credentials.ca_certificate.decode(),
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ReplicaAuthority:
    return ReplicaAuthority(KeyStore(tmp_path_factory.mktemp("keys")), "vehicles-1")


@pytest.fixture(scope="module")
def bundle(authority: ReplicaAuthority) -> Bundle:
    return bundle_of(authority, "east")


@pytest.fixture
def path(tmp_path: Path, bundle: Bundle) -> Path:
    """The bundle's file."""
    made = tmp_path / "east.json"
    bundle.write(made)
    return made


def test_what_is_written_is_read(path: Path, bundle: Bundle) -> None:
    assert read(path) == bundle
    assert json.loads(path.read_text()) == {
        "format": "stayput replica",
        "version": 1,
        "replica": "east",
        "node_id": "vehicles-1",
        "address": "vehicles-1.internal:7444",
        "certificate_chain": bundle.certificate_chain,
        "private_key": bundle.private_key,
        "ca_certificate": bundle.ca_certificate,
    }
    credentials = read(path).credentials
    assert credentials.private_key == bundle.private_key.encode()
    assert credentials.certificate_chain == bundle.certificate_chain.encode()
    assert credentials.ca_certificate == bundle.ca_certificate.encode()
    assert "PRIVATE" not in repr(bundle)


def test_only_its_owner_can_read_it_whatever_is_usual(tmp_path: Path, bundle: Bundle) -> None:
    for number, usual in enumerate((0o000, 0o777)):
        before = os.umask(usual)
        try:
            bundle.write(tmp_path / f"{number}.json")
        finally:
            os.umask(before)
        assert (tmp_path / f"{number}.json").stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_left_as_it_is(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("mine", "link"):
        with refused("FIELD_INVALID", "out"):
            bundle.write(tmp_path / name)
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_write_that_fails_leaves_no_file(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        bundle.write(tmp_path / "east.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_one_that_others_can_read_or_write_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with refused("CONFIGURATION_INVALID", "file") as caught:
        read(path)
    assert f"{path} others than its owner may read or write it" in caught.value.message


def test_one_that_is_missing_is_told(tmp_path: Path) -> None:
    with refused("CONFIGURATION_INVALID", "file") as caught:
        read(tmp_path / "none.json")
    assert "none.json cannot be read: No such file" in caught.value.message


def key(*, encrypted: bool) -> str:
    protection = BestAvailableEncryption(b"secret") if encrypted else NoEncryption()
    drawn = ec.generate_private_key(ec.SECP256R1())
    return drawn.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("format", "stayput key set", "format is of no bundle that this release knows"),
        ("version", 2, "version is of no bundle that this release knows"),
        ("replica", "Geheim!", "replica cannot be used"),
        ("replica", "west", "certificate_chain names another than replica"),
        ("node_id", "", "node_id cannot be used"),
        ("node_id", None, "node_id cannot be used"),
        ("address", "Geheim:0", "address cannot be used"),
        ("address", "Geheim", "address cannot be used"),
        ("certificate_chain", "Geheim", "certificate_chain cannot be used"),
        ("ca_certificate", "", "ca_certificate cannot be used"),
        ("private_key", "Geheim", "private_key cannot be used"),
        ("private_key", key(encrypted=True), "private_key cannot be used"),
        ("private_key", key(encrypted=False), "certificate_chain and private_key do not belong together"),
        ("Geheim", 1, "has a field that this release does not know"),
    ],
)
def test_a_fault_is_told_by_file_and_field(path: Path, field: str, value: object, told: str) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with refused("CONFIGURATION_INVALID", "file") as caught:
        read(path)
    assert caught.value.message == f"{path}: {told}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "field", ["replica", "node_id", "address", "certificate_chain", "private_key", "ca_certificate"]
)
def test_a_missing_field_is_told(path: Path, field: str) -> None:
    held = json.loads(path.read_text())
    del held[field]
    path.write_text(json.dumps(held))
    with refused("CONFIGURATION_INVALID", "file") as caught:
        read(path)
    assert caught.value.message == f"{path}: {field} is missing"


def test_a_certificate_of_the_node_itself_is_none_of_a_replica(
    path: Path, authority: ReplicaAuthority
) -> None:
    node = authority.server_credentials()
    chain, private = node.certificate_chain.decode(), node.private_key.decode()
    held = json.loads(path.read_text()) | {
        "replica": "vehicles-1",
        "certificate_chain": chain,
        "private_key": private,
    }
    path.write_text(json.dumps(held))
    with refused("CONFIGURATION_INVALID", "file") as caught:
        read(path)
    assert "names another than replica" in caught.value.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_whatever_a_file_holds_it_is_read_or_refused(path: Path, bundle: Bundle, data: st.DataObject) -> None:
    whole = bundle.model_dump_json().encode()
    start = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 40))
    path.write_bytes(whole[:start] + data.draw(st.binary(max_size=40)) + whole[start + cut :])
    found: Bundle | StayputError
    try:
        found = read(path)
    except StayputError as error:
        found = error
    if isinstance(found, Bundle):
        assert found.replica == "east"
    else:
        assert found.reason_name == "CONFIGURATION_INVALID"
        assert "PRIVATE" not in found.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(Bundle.model_fields)), inner),
    )
)
def test_other_json_is_refused(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))
    with refused("CONFIGURATION_INVALID", "file"):
        read(path)
