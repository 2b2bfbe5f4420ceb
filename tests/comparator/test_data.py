"""The data directory: permissions, refusals, the run file."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from comparator.data import (
    DataDirectory,
    Running,
    ensure_log_key,
    read_certificate,
    read_key,
    read_log_key,
    write_key,
)
from stayput.errors import StayputError


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    data = DataDirectory(tmp_path / "data")
    data.create()
    return data


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_enter(data: DataDirectory) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    write_key(data.ca_key, key)
    assert _mode(data.path) == _mode(data.ca_key.parent) == 0o700
    assert _mode(data.ca_key) == 0o600
    assert read_key(data.ca_key).private_numbers() == key.private_numbers()


def test_a_key_is_never_overwritten(data: DataDirectory) -> None:
    write_key(data.ca_key, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(FileExistsError):
        write_key(data.ca_key, ec.generate_private_key(ec.SECP256R1()))


def test_a_place_in_use_is_left_alone(data: DataDirectory, tmp_path: Path) -> None:
    with pytest.raises(StayputError, match="exists already"):
        data.create()
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StayputError, match="exists already"):
        DataDirectory(file).create()


def test_a_key_that_others_can_read(data: DataDirectory) -> None:
    write_key(data.ca_key, ec.generate_private_key(ec.SECP256R1()))
    data.ca_key.chmod(0o640)
    with pytest.raises(StayputError) as caught:
        read_key(data.ca_key)
    assert caught.value.remedy == f"chmod 600 {data.ca_key}"


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a key",
        _pem(ec.generate_private_key(ec.SECP384R1())),
        _pem(rsa.generate_private_key(public_exponent=65_537, key_size=2_048)),
    ],
)
def test_what_is_no_key(data: DataDirectory, content: bytes) -> None:
    data.ca_key.touch(0o600)
    data.ca_key.write_bytes(content)
    with pytest.raises(StayputError, match="is not a P-256 key"):
        read_key(data.ca_key)


def test_the_logs_key_is_made_once(data: DataDirectory) -> None:
    with pytest.raises(StayputError, match=r"log\.key: is missing"):
        read_log_key(data)
    ensure_log_key(data)
    made = data.log_key.read_bytes()
    assert _mode(data.log_key) == 0o600
    assert read_log_key(data).private_bytes_raw()
    ensure_log_key(data)
    assert data.log_key.read_bytes() == made
    assert [path.name for path in data.log_key.parent.iterdir()] == ["log.key"]


def test_a_refused_key_leaves_nothing_behind(data: DataDirectory) -> None:
    first = ec.generate_private_key(ec.SECP256R1())
    write_key(data.ca_key, first)
    with pytest.raises(FileExistsError):
        write_key(data.ca_key, Ed25519PrivateKey.generate())
    assert [path.name for path in data.ca_key.parent.iterdir()] == ["ca.key"]
    assert read_key(data.ca_key).private_numbers() == first.private_numbers()


def test_keys_of_the_wrong_kind(data: DataDirectory) -> None:
    write_key(data.ca_key, Ed25519PrivateKey.generate())
    with pytest.raises(StayputError, match="is not a P-256 key"):
        read_key(data.ca_key)
    write_key(data.log_key, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(StayputError, match="is not an Ed25519 key"):
        read_log_key(data)


def test_what_is_missing(data: DataDirectory) -> None:
    with pytest.raises(StayputError, match=r"ca\.key: is missing"):
        read_key(data.ca_key)
    with pytest.raises(StayputError, match=r"ca\.pem: is missing"):
        read_certificate(data.ca_certificate)
    data.ca_certificate.write_text("not a certificate")
    with pytest.raises(StayputError, match=r"ca\.pem"):
        read_certificate(data.ca_certificate)


def test_the_run_file_speaks_of_a_living_process(data: DataDirectory) -> None:
    assert data.running() is None
    running = Running("h:1", "h:2", os.getpid())
    data.set_running(running)
    assert data.running() == running
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    data.set_running(Running("h:1", "h:2", child))
    assert data.running() is None
    assert [path.name for path in (data.path / "run").iterdir()] == ["addresses.json"]
