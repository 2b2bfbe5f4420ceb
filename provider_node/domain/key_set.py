"""All files of a keys directory as one text, to be sealed, kept elsewhere, and put into a directory again."""

import json
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provider_node.domain.keys import NodeKeys
from provider_node.store.files import sync_directory
from provider_node.store.keystore import KeyStore
from provider_node.store.protection import NONCE_BYTES, unusable
from stayput.errors import StayputError
from stayput.signing import key_id
from stayput.v1.errors_pb2 import ErrorReason

_NAME: Final = re.compile(r"[a-z]+(\.\d+)?\.(key|json|csr)")


class KeySet:
    """The contents of the files by name, not encrypted. Hides itself in `repr`."""

    __slots__ = ("_files",)

    def __init__(self, files: Mapping[str, str]) -> None:
        """`ValueError` for names that no keys directory has."""
        if not files or not all(_NAME.fullmatch(name) for name in files):
            raise ValueError("not the files of a keys directory")
        self._files = dict(files)

    def __repr__(self) -> str:
        return f"KeySet({', '.join(self._files)})"

    @classmethod
    def of(cls, store: KeyStore) -> "KeySet":
        """What a keys directory holds, but for files that are no keys. Raises `CONFIGURATION_INVALID`."""
        NodeKeys(store.directory.parent, store).party_keys()
        return cls({name: store.read(name) for name in store.names() if _NAME.fullmatch(name)})

    @classmethod
    def unsealed(cls, key: bytes, sealed: bytes, bound: bytes) -> "KeySet":
        """The reverse of `sealed`. `ValueError` if it does not open or is no key set."""
        try:
            text = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
        except InvalidTag:
            raise ValueError("does not open") from None
        return cls(json.loads(text))

    def sealed(self, key: bytes, bound: bytes) -> bytes:
        """Nonce and AES-256-GCM ciphertext under a 32-byte key, bound to what is said beside it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, json.dumps(self._files).encode(), bound)

    def put(self, store: KeyStore) -> str:
        """Makes the store's directory of it, which must be empty or missing; the id of the signing key.

        The files are encrypted as the store is set. A crash leaves the directory as it was, and beside it
        keys that the next call removes. Nobody else may do this meanwhile. Raises `CONFIGURATION_INVALID`.
        """
        directory = store.directory
        check_empty(directory)
        directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = unfinished_beside(directory)
        unfinished.mkdir(mode=0o700)
        try:
            made = store.moved(unfinished)
            for name, content in self._files.items():
                made.write(name, content)
            keys = NodeKeys(directory.parent, made).party_keys()
            unfinished.rename(directory)
            sync_directory(directory.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return key_id(keys.signing.public_key().public_bytes_raw())


def unfinished_beside(directory: Path) -> Path:
    """A path for what shall become the directory. What killed processes left of theirs is removed.

    It holds keys, of which nobody would know.
    """
    ours = re.compile(rf"\.{re.escape(directory.name)}\.[0-9a-f]{{8}}\.unfinished")
    for path in directory.parent.glob(".*.unfinished"):
        if ours.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    return directory.with_name(f".{directory.name}.{secrets.token_hex(4)}.unfinished")


def check_empty(directory: Path) -> None:
    """Passes if nothing is there: `CONFIGURATION_INVALID`."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise unusable(f"{directory}", "is not empty", "move what is there away first", field="node.data")


def not_sealed_so(place: str, problem: str, remedy: str) -> StayputError:
    """`FIELD_INVALID`: what was given to recover from cannot be used."""
    return StayputError(
        ErrorReason.ERROR_REASON_FIELD_INVALID, f"{place}: {problem}", field=place, remedy=remedy
    )
