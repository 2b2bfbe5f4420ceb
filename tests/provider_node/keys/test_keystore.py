"""Key files under a passphrase or key file: what opens them, what does not, and that no crash loses one."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provider_node.config import load_node
from provider_node.domain.keys import NodeKeys
from provider_node.store import files, keystore
from provider_node.store.keystore import KeyStore
from provider_node.store.protection import (
    Unlocker,
    environment_unlocker,
    key_file_unlocker,
    passphrase_file_unlocker,
    unlocker_of,
)
from stayput.errors import StayputError
from tests.provider_node.serving.consumer import refused

PASSPHRASE = "correct horse battery staple"
# The key files' bytes do not depend on how long a derivation takes, so most tests take what takes none.
KEY_FILE = Unlocker("key-file", bytes(range(32)))
SECRET = "00112233445566778899aabbccddeeff" * 2


@contextmanager
def refusing(field: str) -> Iterator[pytest.ExceptionInfo[StayputError]]:
    with refused("CONFIGURATION_INVALID", field) as caught:
        yield caught
    told = f"{caught.value.message} {caught.value.remedy} {caught.value!r}"
    assert PASSPHRASE not in told
    assert SECRET not in told
    assert caught.value.__cause__ is None


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def store(directory: Path) -> KeyStore:
    return KeyStore(directory, lambda: KEY_FILE)


def opened(directory: Path, unlocker: Unlocker | None = KEY_FILE) -> KeyStore:
    """As another process has it."""
    return KeyStore(directory, lambda: unlocker)


def test_a_secret_is_on_disk_only_encrypted(store: KeyStore, directory: Path) -> None:
    store.write("index.key", SECRET)
    store.write("tls.csr", "00ff")
    assert sorted(path.name for path in directory.iterdir()) == ["index.key", "kek.json", "tls.csr"]
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    held = b"".join(path.read_bytes() for path in directory.iterdir())
    assert SECRET.encode() not in held
    assert bytes.fromhex(SECRET).hex().encode() not in held
    assert (directory / "tls.csr").read_text() == "00ff"
    assert opened(directory).read("index.key") == SECRET
    assert not store.plain()
    assert store.names() == ["index.key", "tls.csr"]


def test_the_same_content_is_never_encrypted_to_the_same(store: KeyStore, directory: Path) -> None:
    store.write("index.key", SECRET)
    before = json.loads((directory / "index.key").read_text())
    store.write("index.key", SECRET)
    after = json.loads((directory / "index.key").read_text())
    assert before["nonce"] != after["nonce"]
    assert before["content"] != after["content"]


def test_a_passphrase_opens_what_it_closed_and_no_other_does(directory: Path) -> None:
    good = Unlocker("scrypt", PASSPHRASE.encode())
    opened(directory, good).write("index.key", SECRET)
    assert opened(directory, good).read("index.key") == SECRET
    parameters = json.loads((directory / "kek.json").read_text())["kdf"]
    assert (parameters["name"], parameters["r"], parameters["p"]) == ("scrypt", 8, 1)
    assert parameters["n"] >= 2**15
    assert len(parameters["salt"]) == 32
    with refusing("keys/kek.json") as caught:
        opened(directory, Unlocker("scrypt", b"incorrect horse battery")).read("index.key")
    assert "another one, or the file is damaged" in caught.value.message


def test_one_derivation_opens_all_files(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, derived = Unlocker("scrypt", PASSPHRASE.encode()), list[dict[str, Any]]()
    writing = opened(directory, good)
    for name in ("index.key", "oprf.key", "tls.key"):
        writing.write(name, SECRET)
    derive = Unlocker.derive

    def counted(one: Unlocker, parameters: dict[str, Any]) -> bytes:
        derived.append(parameters)
        return derive(one, parameters)

    monkeypatch.setattr(Unlocker, "derive", counted)
    reading = opened(directory, good)
    assert {reading.read(name) for name in reading.names()} == {SECRET}
    assert len(derived) == 1


def test_encrypted_without_anything_that_opens(store: KeyStore, directory: Path) -> None:
    store.write("index.key", SECRET)
    with refusing("keys/index.key") as caught:
        opened(directory, None).read("index.key")
    assert "names nothing that opens it" in caught.value.message


def test_another_kind_of_unlocker_is_told_apart(store: KeyStore, directory: Path) -> None:
    store.write("index.key", SECRET)
    with refusing("keys/kek.json") as caught:
        opened(directory, Unlocker("scrypt", PASSPHRASE.encode())).read("index.key")
    assert "is opened by a key file" in caught.value.message


def test_one_file_in_the_place_of_another_does_not_open(store: KeyStore, directory: Path) -> None:
    store.write("index.key", SECRET)
    store.write("index.2.key", "ff" * 32)
    store.write("oprf.key", "aa" * 32)
    for given_, taken in (("index.key", "oprf.key"), ("index.key", "index.2.key")):
        (directory / taken).write_bytes((directory / given_).read_bytes())
        with refusing(f"keys/{taken}") as caught:
            opened(directory).read(taken)
        assert "another file in its place" in caught.value.message


def test_files_of_another_node_do_not_open(store: KeyStore, directory: Path, tmp_path: Path) -> None:
    store.write("index.key", SECRET)
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    opened(other).write("index.key", SECRET)
    (directory / "index.key").write_bytes((other / "index.key").read_bytes())
    with refusing("keys/index.key") as caught:
        opened(directory).read("index.key")
    assert "another keys/kek.json" in caught.value.message


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("index.key", "nonce"),
        ("index.key", "content"),
        ("index.key", "key"),
        ("index.key", "kind"),
        ("kek.json", "nonce"),
        ("kek.json", "wrapped"),
        ("kek.json", "id"),
        ("kek.json", "kdf"),
    ],
)
def test_what_was_changed_does_not_open(store: KeyStore, directory: Path, name: str, part: str) -> None:
    store.write("index.key", SECRET)
    path = directory / name
    held = json.loads(path.read_text())
    value = held[part]
    other = {"name": "key-file", "n": 1} if part == "kdf" else ("0" if value[0] != "0" else "1") + value[1:]
    held[part] = other
    path.write_text(json.dumps(held))
    with refused("CONFIGURATION_INVALID"):
        opened(directory).read("index.key")


def _says_the_same(one: bytes, other: bytes) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


@given(cut=st.integers(0, 1_000), put=st.binary(max_size=20), name=st.sampled_from(["index.key", "kek.json"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_of_any_kind_is_told_as_that(directory: Path, cut: int, put: bytes, name: str) -> None:
    for before in directory.iterdir():
        before.unlink()
    opened(directory).write("index.key", SECRET)
    path = directory / name
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] + put + whole[cut + len(put) :][: max(0, 200 - cut)])
    # What does not begin as an encrypted file does is one that is not, and its reader finds no key in it.
    left = path.read_bytes()
    if _says_the_same(left, whole) or (name == "index.key" and not left.startswith(b"{")):
        return
    with refused("CONFIGURATION_INVALID") as caught:
        opened(directory).read("index.key")
    assert SECRET not in caught.value.message


@pytest.mark.parametrize("n", [2**14, 2**15 + 1, 2**21, 0, -1])
def test_a_derivation_that_is_too_weak_or_too_costly_is_refused(directory: Path, n: int) -> None:
    good = Unlocker("scrypt", PASSPHRASE.encode())
    opened(directory, KEY_FILE).write("index.key", SECRET)
    held = json.loads((directory / "kek.json").read_text())
    held["kdf"] = {"name": "scrypt", "n": n, "r": 8, "p": 1, "salt": "00" * 16}
    (directory / "kek.json").write_text(json.dumps(held))
    with refusing("keys/kek.json") as caught:
        opened(directory, good).read("index.key")
    assert caught.value.message == "keys/kek.json is damaged"


def test_what_others_can_read_is_refused(store: KeyStore, directory: Path) -> None:
    store.write("index.key", SECRET)
    (directory / "kek.json").chmod(0o640)
    with refusing("keys/kek.json"):
        opened(directory).read("index.key")


def test_plain_and_encrypted_files_side_by_side_are_read(directory: Path) -> None:
    opened(directory, None).write("index.key", SECRET)
    mixed = opened(directory)
    mixed.write("oprf.key", "aa" * 32)
    assert (mixed.read("index.key"), mixed.read("oprf.key")) == (SECRET, "aa" * 32)
    assert mixed.plain() == ["index.key"]


def test_encrypting_and_decrypting_give_the_same_files(directory: Path) -> None:
    keys = NodeKeys(directory.parent)
    keys.create()
    before = {path.name: path.read_text() for path in directory.iterdir()}
    signing = keys.signing_key().private_bytes_raw()
    store = opened(directory)
    assert store.encrypt() == [name for name in sorted(before) if name.endswith(".key")]
    assert store.encrypt() == []
    assert not any(before["tls.key"] in path.read_text() for path in directory.iterdir())
    again = NodeKeys(directory.parent, opened(directory))
    assert again.party_keys().signing.private_bytes_raw() == signing
    opened(directory).decrypt()
    assert {path.name: path.read_text() for path in directory.iterdir()} == before


def test_a_plaintext_that_a_crash_left_goes_when_the_files_are_encrypted(directory: Path) -> None:
    opened(directory, None).write("index.key", SECRET)
    (directory / ".index.key.0011aabb").write_text(SECRET)
    opened(directory).encrypt()
    assert sorted(path.name for path in directory.iterdir()) == ["index.key", "kek.json"]


def test_encrypting_without_a_way_to_open_is_refused(directory: Path) -> None:
    opened(directory, None).write("index.key", SECRET)
    with refusing("keys"):
        opened(directory, None).encrypt()
    assert opened(directory, None).read("index.key") == SECRET


class Crash(BaseException):
    """As if the process were gone."""


@pytest.mark.parametrize("conversion", ["encrypt", "decrypt", "change"])
def test_a_crash_at_any_step_leaves_files_that_are_read_and_can_be_converted(
    tmp_path: Path, conversion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Unlocker("key-file", bytes(32))
    steps: dict[str, Callable[[KeyStore], object]] = {
        "encrypt": KeyStore.encrypt,
        "decrypt": KeyStore.decrypt,
        "change": lambda store: store.change_unlocker(new),
    }
    write, sync = files.write_durably, files.sync_directory
    crashes = 0
    for step in range(40):
        directory = tmp_path / f"{step}" / "keys"
        directory.mkdir(parents=True, mode=0o700)
        names = ("index.key", "oprf.key", "tls.key")
        for name in names:
            opened(directory, None if conversion == "encrypt" else KEY_FILE).write(name, SECRET)
        left = iter([*[False] * step, True])

        def crash(work: Callable[..., None], *given_: object) -> None:
            if next(left, False):  # noqa: B023 (called within the round)
                raise Crash
            work(*given_)

        monkeypatch.setattr(keystore, "write_durably", lambda *given_: crash(write, *given_))
        monkeypatch.setattr(keystore, "sync_directory", lambda path: crash(sync, path))
        try:
            steps[conversion](opened(directory))
        except Crash:
            crashes += 1
        finally:
            monkeypatch.undo()
        readable = [unlocker for unlocker in (KEY_FILE, new) if _reads(directory, names, unlocker)]
        assert readable, f"nothing is lost after step {step}"
        steps[conversion](opened(directory, readable[0]))
        finally_ = new if conversion == "change" else KEY_FILE
        assert _reads(directory, names, finally_)
        if next(left, False):
            break
    assert crashes >= 2
    assert crashes == step


def _reads(directory: Path, names: tuple[str, ...], unlocker: Unlocker) -> bool:
    try:
        return {opened(directory, unlocker).read(name) for name in names} == {SECRET}
    except StayputError:
        return False


def test_a_changed_passphrase_opens_and_the_one_before_does_not(store: KeyStore, directory: Path) -> None:
    store.write("index.key", SECRET)
    before = (directory / "index.key").read_bytes()
    store.change_unlocker(Unlocker("scrypt", PASSPHRASE.encode()))
    assert (directory / "index.key").read_bytes() == before
    assert opened(directory, Unlocker("scrypt", PASSPHRASE.encode())).read("index.key") == SECRET
    with refusing("keys/kek.json"):
        opened(directory).read("index.key")


def test_a_passphrase_that_is_short_is_not_taken(store: KeyStore, directory: Path) -> None:
    store.write("index.key", SECRET)
    short = Unlocker("scrypt", "八个字的口令太短".encode())
    with refusing("keys") as caught:
        store.change_unlocker(short)
    assert "八个字" not in caught.value.message
    (directory / "kek.json").unlink()
    with refusing("keys"):
        opened(directory, short).write("oprf.key", SECRET)


def test_what_is_not_encrypted_has_no_passphrase_to_change(directory: Path) -> None:
    opened(directory, None).write("index.key", SECRET)
    with refusing("keys") as caught:
        opened(directory).change_unlocker(KEY_FILE)
    assert "not encrypted" in caught.value.message


def test_each_way_of_node_toml_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, key_file = tmp_path / "passphrase", tmp_path / "key"
    file.touch(mode=0o600)
    key_file.touch(mode=0o600)
    file.write_text(f"{PASSPHRASE}\n")
    key_file.write_bytes(bytes(range(32)))
    monkeypatch.setenv("NODE_PASSPHRASE", PASSPHRASE)
    expected = Unlocker("scrypt", PASSPHRASE.encode())
    for table, unlocker in (
        (f'passphrase_file = "{file}"', expected),
        ('passphrase_env = "NODE_PASSPHRASE"', expected),
        ('key_file = "key"', KEY_FILE),
        ("", None),
    ):
        config = tmp_path / "node.toml"
        config.write_text(f'[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\n[keys]\n{table}\n')
        assert unlocker_of(load_node(config).keys) == unlocker
    assert PASSPHRASE not in repr(expected)


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"\xff\xfe", b"a\x00b", b"two\n\n"])
def test_what_is_no_passphrase_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with refusing("keys"):
        passphrase_file_unlocker(file)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_file_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(bytes(length))
    with refusing("keys"):
        key_file_unlocker(file)


def test_a_passphrase_that_others_can_read_or_nobody_gave_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    with refusing("keys"):
        passphrase_file_unlocker(file)
    file.write_text(PASSPHRASE)
    file.chmod(0o644)
    with refusing("keys"):
        passphrase_file_unlocker(file)
    assert "NOT_SET_ANYWHERE" not in os.environ
    with refusing("keys") as caught:
        environment_unlocker("NOT_SET_ANYWHERE")
    assert "NOT_SET_ANYWHERE" in caught.value.message


def test_a_whole_node_is_made_encrypted(tmp_path: Path) -> None:
    keys = NodeKeys(tmp_path, opened(tmp_path / "keys"))
    keys.create()
    assert not keys.store.plain()
    again = NodeKeys(tmp_path, opened(tmp_path / "keys"))
    assert again.index_keys().current.id == keys.index_keys().current.id
    assert again.sealing_keys().current.id == keys.sealing_keys().current.id


def test_the_format_is_what_is_documented(directory: Path) -> None:
    """Opened by nothing but what docs/keys.md says."""
    opened(directory, Unlocker("scrypt", PASSPHRASE.encode())).write("index.2.key", SECRET)
    kek = json.loads((directory / "kek.json").read_text())
    kdf = kek["kdf"]
    wrapping = hashlib.scrypt(
        PASSPHRASE.encode(), salt=bytes.fromhex(kdf["salt"]), n=kdf["n"], r=8, p=1, maxmem=2**26, dklen=32
    )
    told = f'["stayput/v1 data key", 1, "{kek["id"]}", {json.dumps(kdf, sort_keys=True)}]'
    nonce, wrapped = bytes.fromhex(kek["nonce"]), bytes.fromhex(kek["wrapped"])
    data_key = AESGCM(wrapping).decrypt(nonce, wrapped, told.encode())
    file = json.loads((directory / "index.2.key").read_text())
    assert (file["kind"], file["key"]) == ("stayput encrypted key file", kek["id"])
    nonce, content = bytes.fromhex(file["nonce"]), bytes.fromhex(file["content"])
    told = '["stayput/v1 key file", "index", "index.2.key"]'
    assert AESGCM(data_key).decrypt(nonce, content, told.encode()) == SECRET.encode()
