"""The directory that holds a department's identity, pinned keys and settings.

```
identity -> identities/<name>   the identity in use (a link, so that it is replaced in one step)
identities/<name>/              tls_key.pem signing_key.pem request.der certificate.pem ca.pem platform.json
known_nodes.json                signing keys of nodes, pinned at first use
config.toml                     operator = "", purpose = "": defaults of `stayput compare`
fingerprints/                   of the oblivious mode, see stayput_client.fingerprint_cache
```
Directories have mode 0700 and files 0600. The directory of an enrolment is named after its invitation's
token, so that repeating an enrolment finds the keys that it made before.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tomllib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.faults import ClientFault

ENVIRONMENT_VARIABLE: Final = "STAYPUT_HOME"
_PRIVATE_DIRECTORY: Final = 0o700
_SETTINGS: Final = frozenset({"operator", "purpose"})
_TLS_KEY, _SIGNING_KEY, _REQUEST = "tls_key.pem", "signing_key.pem", "request.der"
_CERTIFICATE, _AUTHORITY, _PLATFORM = "certificate.pem", "ca.pem", "platform.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults of comparisons; empty means not set."""

    operator: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """Whose identity this is, and where the comparator answers. `ticket_key` is PEM."""

    department: str
    comparator_address: str
    ticket_key: str


def default_home() -> Path:
    """`$STAYPUT_HOME`, or `~/.stayput`."""
    return Path(os.environ.get(ENVIRONMENT_VARIABLE) or Path.home() / ".stayput")


class IdentityFiles:
    """The files of one identity, complete or in the making."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def complete(self) -> bool:
        """It can be used: platform.json is written last."""
        return (self.directory / _PLATFORM).is_file()

    def begin(self, tls_key: bytes, signing_key: bytes, request: bytes) -> None:
        """Stores keys (PEM) and certificate request (DER) before they are used; the request last."""
        make_private(self.directory)
        write_private(self.directory / _TLS_KEY, tls_key)
        write_private(self.directory / _SIGNING_KEY, signing_key)
        write_private(self.directory / _REQUEST, request)

    def begun(self) -> tuple[bytes, bytes, bytes] | None:
        """What `begin` stored, if it got to its end."""
        if not (self.directory / _REQUEST).is_file():
            return None
        return self.read(_TLS_KEY), self.read(_SIGNING_KEY), self.read(_REQUEST)

    def finish(self, certificate_chain: str, ca_certificate: str, platform: Platform) -> None:
        """Stores what the enrolment gave."""
        write_private(self.directory / _CERTIFICATE, certificate_chain.encode())
        write_private(self.directory / _AUTHORITY, ca_certificate.encode())
        stored = {name: getattr(platform, name) for name in Platform.__slots__}
        write_private(self.directory / _PLATFORM, json.dumps(stored, indent=2).encode())

    def read(self, name: str) -> bytes:
        """The bytes of one file."""
        return (self.directory / name).read_bytes()

    def tls(self) -> tuple[bytes, bytes, bytes]:
        """Certificate chain, private key and CA certificate, each PEM."""
        return self.read(_CERTIFICATE), self.read(_TLS_KEY), self.read(_AUTHORITY)

    def signing_key(self) -> Ed25519PrivateKey:
        """With which this department signs what it asks; `CONFIGURATION_INVALID` if the file is damaged."""
        try:
            key = load_pem_private_key(self.read(_SIGNING_KEY), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise damaged(self.directory / _SIGNING_KEY)
        return key

    def platform(self) -> Platform:
        """Whose identity this is; `CONFIGURATION_INVALID` if the file is damaged."""
        try:
            return Platform(**json.loads(self.read(_PLATFORM)))
        except (ValueError, TypeError):
            raise damaged(self.directory / _PLATFORM) from None


class Home:
    """A home directory. Creating the object touches nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._current = path / "identity"

    def identity(self) -> IdentityFiles:
        """The identity in use; `CERTIFICATE_REQUIRED` if there is none."""
        files = IdentityFiles(self._current)
        if not files.complete:
            raise ClientFault(
                ErrorReason.ERROR_REASON_CERTIFICATE_REQUIRED, "not_enrolled", home=str(self.path)
            )
        return files

    @property
    def enrolled(self) -> bool:
        """An identity is in use."""
        return IdentityFiles(self._current).complete

    def identity_for(self, token: str) -> IdentityFiles:
        """The files of the identity that the invitation with this token leads to."""
        name = hashlib.sha256(token.encode()).hexdigest()[:16]
        return IdentityFiles(self.path / "identities" / name)

    def in_use(self, files: IdentityFiles) -> bool:
        """It is this identity that is in use."""
        return files.complete and self._current.exists() and self._current.samefile(files.directory)

    def adopt(self, files: IdentityFiles) -> None:
        """Puts a complete identity in use in one step, then removes the one it replaces."""
        replaced = self._current.resolve() if self._current.exists() else None
        link = self.path / ".identity.new"
        link.unlink(missing_ok=True)
        link.symlink_to(files.directory.relative_to(self.path))
        link.replace(self._current)
        if replaced is not None and not self._current.samefile(replaced):
            shutil.rmtree(replaced)

    def settings(self) -> Settings:
        """Settings of config.toml; defaults without one. `CONFIGURATION_INVALID` for anything else."""
        path = self.path / "config.toml"
        if not path.is_file():
            return Settings()
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except ValueError:
            raise damaged(path) from None
        for name, value in content.items():
            if name not in _SETTINGS or not isinstance(value, str):
                raise ClientFault(
                    ErrorReason.ERROR_REASON_CONFIGURATION_INVALID, "setting", field=name, file=path.name
                )
        return Settings(**content)

    def known_node(self, node_id: str) -> bytes | None:
        """The pinned signing key (raw Ed25519, 32 bytes) of a node, if it was met before."""
        return self._known_nodes().get(node_id)

    def require_pinned(self, node_id: str, signing_key: bytes) -> None:
        """Passes if the node was not met before or shows the same key; else `PINNED_KEY_CHANGED`."""
        if self._known_nodes().get(node_id, signing_key) != signing_key:
            raise ClientFault(
                ErrorReason.ERROR_REASON_PINNED_KEY_CHANGED,
                "pinned_key",
                field="signing_key",
                node=node_id,
                file=str(self.known_nodes_path),
            )

    def pin(self, node_id: str, signing_key: bytes) -> None:
        """Remembers the signing key of a node at first use; later only `require_pinned`."""
        with self._locked():
            self.require_pinned(node_id, signing_key)
            known = self._known_nodes()
            if node_id not in known:
                known[node_id] = signing_key
                keys = {name: b64encode(key).decode() for name, key in sorted(known.items())}
                write_private(self.known_nodes_path, json.dumps(keys, indent=2).encode())

    @property
    def known_nodes_path(self) -> Path:
        """Where pinned keys are kept."""
        return self.path / "known_nodes.json"

    @property
    def fingerprints_path(self) -> Path:
        """Where fingerprints are cached."""
        return self.path / "fingerprints"

    def _known_nodes(self) -> dict[str, bytes]:
        if not self.known_nodes_path.is_file():
            return {}
        try:
            stored = json.loads(self.known_nodes_path.read_bytes())
            return {name: b64decode(key, validate=True) for name, key in stored.items()}
        except (ValueError, TypeError, AttributeError):
            raise damaged(self.known_nodes_path) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Two commands that meet different nodes at the same time must not lose one another's pin.
        make_private(self.path)
        with (self.path / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def make_private(directory: Path) -> None:
    """Makes a directory of mode 0700, and those above it, unless it is there."""
    if not directory.is_dir():
        make_private(directory.parent)
        directory.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file of mode 0600 so that a crash leaves either the old content or the new."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise


def damaged(path: Path) -> StayputError:
    """`CONFIGURATION_INVALID` for a file of the home directory that cannot be read."""
    return ClientFault(ErrorReason.ERROR_REASON_CONFIGURATION_INVALID, "damaged", file=str(path))
