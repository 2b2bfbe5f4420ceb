"""What opens the node's key files: a passphrase or a key file, and the file `kek.json` that it unlocks.

The key files are encrypted under a data key of 32 random bytes. `kek.json` holds that key, wrapped under one
that scrypt makes of a passphrase or HKDF of a key file: one derivation opens all files, and another
passphrase is one file replaced. docs/keys.md has the format.
"""

import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from provider_node.config.node import Keys
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

DATA_KEY_BYTES: Final = 32
KEY_FILE_BYTES: Final = 32
SHORTEST_PASSPHRASE: Final = 12
NONCE_BYTES: Final = 12
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
FORMAT: Final = 1
_SCRYPT_N: Final = 2**15
_SCRYPT_MOST_N: Final = 2**20
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1
_SALT_BYTES: Final = 16
_ID_BYTES: Final = 8
_OF_KEYS: Final = ("keys", "check `[keys]` of node.toml")


@dataclass(frozen=True, slots=True, repr=False)
class Unlocker:
    """A passphrase (`scrypt`) or the bytes of a key file (`key-file`). Hides itself in `repr`."""

    kdf: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Unlocker({self.kdf})"

    def check_strong(self) -> None:
        """Passes unless it is a passphrase too short to be a new one: `CONFIGURATION_INVALID`."""
        if self.kdf == "scrypt" and len(self.secret.decode()) < SHORTEST_PASSPHRASE:
            raise unusable(
                "the passphrase",
                f"has fewer than {SHORTEST_PASSPHRASE} characters",
                "take a longer one, of several words",
                field="keys",
            )

    def parameters(self) -> dict[str, Any]:
        """New parameters of the derivation, as `kek.json` has them."""
        if self.kdf == "key-file":
            return {"name": self.kdf}
        salt = secrets.token_hex(_SALT_BYTES)
        return {"name": self.kdf, "n": _SCRYPT_N, "r": _SCRYPT_R, "p": _SCRYPT_P, "salt": salt}

    def derive(self, parameters: dict[str, Any]) -> bytes:
        """The 32-byte key that wraps; `ValueError` for parameters of another kind or beyond all bounds."""
        match parameters:
            case {"name": "key-file"} if self.kdf == "key-file":
                return HKDF(SHA256(), DATA_KEY_BYTES, None, b"stayput/v1 key file").derive(self.secret)
            case {"name": "scrypt", "n": int(n), "r": int(r), "p": int(p), "salt": str(salt)} if (
                self.kdf == "scrypt"
                and _SCRYPT_N <= n <= _SCRYPT_MOST_N
                and n & (n - 1) == 0
                and (r, p) == (_SCRYPT_R, _SCRYPT_P)
            ):
                return Scrypt(bytes.fromhex(salt), DATA_KEY_BYTES, n, r, p).derive(self.secret)
        raise ValueError("parameters of another derivation")


def unlocker_of(keys: Keys) -> Unlocker | None:
    """What `[keys]` of node.toml names, `None` if nothing. Raises `CONFIGURATION_INVALID`."""
    if keys.key_file is not None:
        return key_file_unlocker(keys.key_file)
    if keys.passphrase_file is not None:
        return passphrase_file_unlocker(keys.passphrase_file)
    if keys.passphrase_env is not None:
        return environment_unlocker(keys.passphrase_env)
    return None


def key_file_unlocker(path: Path) -> Unlocker:
    """From a file of 32 bytes. Raises `CONFIGURATION_INVALID`."""
    content = guarded(path, *_OF_KEYS)
    if len(content) != KEY_FILE_BYTES:
        raise unusable(
            f"{path}",
            f"must hold {KEY_FILE_BYTES} bytes",
            "make it with `head -c 32 /dev/urandom`, or restore it",
            field="keys",
        )
    return Unlocker("key-file", content)


def passphrase_file_unlocker(path: Path) -> Unlocker:
    """From a file whose first and only line it is. Raises `CONFIGURATION_INVALID`."""
    return _passphrase(f"{path}", guarded(path, *_OF_KEYS))


def environment_unlocker(variable: str) -> Unlocker:
    """From an environment variable. Raises `CONFIGURATION_INVALID`."""
    return _passphrase(f"the environment variable {variable}", os.environb.get(variable.encode(), b""))


def _passphrase(place: str, content: bytes) -> Unlocker:
    line = content.removesuffix(b"\n").removesuffix(b"\r")
    try:
        fine = bool(line) and b"\n" not in line and line.decode().isprintable()
    except UnicodeDecodeError:
        fine = False
    if not fine:
        raise unusable(place, "must hold a passphrase: one line of text in UTF-8", "set it", field="keys")
    return Unlocker("scrypt", line)


def guarded(path: Path, field: str, remedy: str) -> bytes:
    """The content of a file that only its owner can read and write; else `CONFIGURATION_INVALID`.

    `field` is what names the file, `remedy` what helps if it cannot be read.
    """
    try:
        mode, content = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise unusable(f"{path}", f"cannot be read: {error.strerror}", remedy, field=field) from None
    if mode & OTHERS:
        raise unusable(
            f"{path}", "others than its owner may read or write it", "set its mode to 0600", field=field
        )
    return content


@dataclass(frozen=True, slots=True, repr=False)
class DataKey:
    """The key of all key files, and the id by which they name it. Hides itself in `repr`."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.id})"

    @classmethod
    def generate(cls) -> "DataKey":
        """A new one."""
        return cls(secrets.token_hex(_ID_BYTES), AESGCM.generate_key(8 * DATA_KEY_BYTES))

    def wrapped(self, unlocker: Unlocker) -> str:
        """The content of a `kek.json` that `unlocker` opens."""
        parameters, nonce = unlocker.parameters(), secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(unlocker.derive(parameters)).encrypt(nonce, self.key, _bound(self.id, parameters))
        return json.dumps(
            {
                "format": FORMAT,
                "id": self.id,
                "kdf": parameters,
                "nonce": nonce.hex(),
                "wrapped": sealed.hex(),
            },
            indent=2,
        )

    @classmethod
    def unwrapped(cls, text: str, unlocker: Unlocker, place: str = "keys/kek.json") -> "DataKey":
        """The key in a `kek.json`, or what is called `place`. Raises `CONFIGURATION_INVALID`."""
        try:
            match json.loads(text):
                case {
                    "format": 1,
                    "id": str(name),
                    "kdf": dict(parameters),
                    "nonce": str(nonce),
                    "wrapped": str(wrapped),
                }:
                    if parameters.get("name") != unlocker.kdf:
                        raise _opens_with(place, parameters.get("name"))
                    aead = AESGCM(unlocker.derive(parameters))
                    key = aead.decrypt(bytes.fromhex(nonce), bytes.fromhex(wrapped), _bound(name, parameters))
                    return cls(name, key)
        except InvalidTag:
            raise unusable(
                place,
                "does not open: the passphrase or key file is another one, or the file is damaged",
                "use what it was encrypted with, or restore it from another copy",
            ) from None
        except (ValueError, RecursionError):
            pass
        raise unusable(place, "is damaged", "restore it from another copy")


def _bound(name: str, parameters: dict[str, Any]) -> bytes:
    """What the wrapping is bound to."""
    return json.dumps(["stayput/v1 data key", FORMAT, name, parameters], sort_keys=True).encode()


def _opens_with(place: str, kdf: object) -> StayputError:
    kind = {"scrypt": "a passphrase", "key-file": "a key file"}.get(str(kdf), "something else")
    return unusable(
        place,
        f"is opened by {kind}, and something else was given",
        "give that, or correct `[keys]` of node.toml",
    )


def damaged(name: str) -> StayputError:
    """A file of the keys directory is damaged."""
    return unusable(f"keys/{name}", "is damaged", "restore the node's keys from a backup")


def unusable(place: str, problem: str, remedy: str, *, field: str = "") -> StayputError:
    """`CONFIGURATION_INVALID`; the field is the place unless another is named."""
    return StayputError(
        ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
        f"{place} {problem}",
        field=field or place,
        remedy=remedy,
    )
