"""The data directory: keys, certificates and the run file. Only its owner can enter it.

No key file is encrypted: whoever can read the directory can act as the platform.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from comparator import texts
from comparator.calendars import PACKAGED
from comparator.texts import unusable

_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Running:
    """What a running service tells local commands: the addresses that callers dial, and its process id."""

    main: str
    enrolment: str
    pid: int


class DataDirectory:
    """The files in it, by meaning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ca_certificate = path / "ca.pem"
        self.server_certificate = path / "server.pem"
        self.ca_key = path / "keys" / "ca.key"
        self.server_key = path / "keys" / "server.key"
        self.ticket_key = path / "keys" / "ticket.key"
        self.log_key = path / "keys" / "log.key"
        self.calendars = path / "calendars"
        # Of the same year, a file loaded by the operator counts before the packaged one.
        self.calendar_directories = (PACKAGED, self.calendars)
        self._run_file = path / "run" / "addresses.json"

    def create(self) -> None:
        """Makes the directories; `CONFIGURATION_INVALID` if there is anything at the path already."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise unusable(texts.EXISTS, texts.EXISTS_FIX, path=self.path)
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        for child in (self.ca_key.parent, self._run_file.parent):
            child.mkdir(mode=0o700)

    def set_running(self, running: Running) -> None:
        """Writes the run file in one step. It stays when the service ends, for one that takes its place."""
        _replace(self._run_file, json.dumps(asdict(running)).encode(), 0o600)

    def put_calendar(self, year: int, content: bytes) -> Path:
        """Keeps a calendar file in one step, over an earlier one of that year, and says where."""
        path = self.calendars / f"{year}.toml"
        try:
            self.calendars.mkdir(mode=0o700, exist_ok=True)
            _replace(path, content, 0o600)
        except OSError as error:
            raise unusable(
                texts.CANNOT_WRITE, texts.CALENDAR_UNWRITTEN_FIX, path=path, why=error.strerror
            ) from None
        return path

    def running(self) -> Running | None:
        """The service that runs on this directory; None if there is none (any more)."""
        try:
            running = Running(**json.loads(self._run_file.read_bytes()))
        except FileNotFoundError:
            return None
        return running if _alive(running.pid) else None


def write_key(path: Path, key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> None:
    """Writes a private key that only the owner can read: durably, whole or not at all, never over another."""
    temporary = _written(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    try:
        path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    _sync(path.parent)


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """A private key; `CONFIGURATION_INVALID` if it is missing, of another kind, or open to other users."""
    key = _read_key(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise unusable(texts.KEY_WRONG, texts.FILE_MISSING_FIX, path=path)
    return key


def read_log_key(data: DataDirectory) -> Ed25519PrivateKey:
    """The key that signs the log's checkpoints; `CONFIGURATION_INVALID` as `read_key`."""
    key = _read_key(data.log_key)
    if not isinstance(key, Ed25519PrivateKey):
        raise unusable(texts.LOG_KEY_WRONG, texts.FILE_MISSING_FIX, path=data.log_key)
    return key


def ensure_log_key(data: DataDirectory) -> None:
    """Makes the log's key if there is none: installations of before the log have none."""
    if not data.log_key.exists():
        # Of two that do this at once, the first one's key stays.
        with suppress(FileExistsError):
            write_key(data.log_key, Ed25519PrivateKey.generate())


def _read_key(path: Path) -> PrivateKeyTypes:
    pem = _read(path)
    if path.stat().st_mode & _OTHERS:
        raise unusable(texts.KEY_EXPOSED, texts.KEY_EXPOSED_FIX, path=path)
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise unusable(texts.KEY_WRONG, texts.FILE_MISSING_FIX, path=path) from None


def write_certificate(path: Path, certificate: x509.Certificate) -> None:
    """Writes a certificate as PEM in one step."""
    _replace(path, certificate.public_bytes(Encoding.PEM), 0o644)


def read_certificate(path: Path) -> x509.Certificate:
    """A certificate; `CONFIGURATION_INVALID` if it is missing or none."""
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError:
        raise unusable(texts.FILE_MISSING, texts.FILE_MISSING_FIX, path=path) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise unusable(texts.FILE_MISSING, texts.FILE_MISSING_FIX, path=path) from None


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Whoever reads `path` finds the old content or the new, whole."""
    _written(path, content, mode).replace(path)


def _written(path: Path, content: bytes, mode: int) -> Path:
    """A file beside `path` with that content, durable."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync(directory: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
