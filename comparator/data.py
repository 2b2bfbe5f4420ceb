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


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Writes a private key that only the owner can read; never over another."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """A private key; `CONFIGURATION_INVALID` if it is missing, of another kind, or open to other users."""
    pem = _read(path)
    if path.stat().st_mode & _OTHERS:
        raise unusable(texts.KEY_EXPOSED, texts.KEY_EXPOSED_FIX, path=path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise unusable(texts.KEY_WRONG, texts.FILE_MISSING_FIX, path=path) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise unusable(texts.KEY_WRONG, texts.FILE_MISSING_FIX, path=path)
    return key


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
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
