"""The node's keys and the identity it was given: files of mode 0600 in `<data>/keys`, which has mode 0700.

A file is written beside its place, made durable and renamed, so a crash leaves the old one or the new one.
"""

import json
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from provider_node.domain.oprf_keys import ROOT_BYTES, OprfKeys
from provider_node.store.directory import sync_directory, write_durably
from stayput.enrolment import PartyKeys, csr_of
from stayput.errors import StayputError
from stayput.rpc.tls import Credentials
from stayput.sealing import SealingKey
from stayput.v1.enrolment_pb2 import EnrolResponse, Invitation
from stayput.v1.errors_pb2 import ErrorReason

INDEX_KEY_BYTES: Final = 32
INDEX_KEY_FILE: Final = "index.key"
OPRF_ROOT_FILE: Final = "oprf.key"
_ENROLMENT_FILE: Final = "enrolment.json"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What enrolment gave the node."""

    credentials: Credentials
    ticket_key: ECKey
    comparator_address: str


class NodeKeys:
    """Reads and writes the key files of one node."""

    def __init__(self, data: Path) -> None:
        self._directory = data / "keys"

    def create(self) -> None:
        """Makes the keys that the node draws itself; what exists is kept."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        drawn = PartyKeys.generate()
        makers: dict[str, Callable[[], str]] = {
            INDEX_KEY_FILE: lambda: secrets.token_hex(INDEX_KEY_BYTES),
            OPRF_ROOT_FILE: _oprf_root,
            "sealing.key": lambda: SealingKey.generate().to_bytes().hex(),
            "signing.key": lambda: drawn.signing.private_bytes_raw().hex(),
            "tls.key": lambda: _pem(drawn.tls),
        }
        for name, make in makers.items():
            if not (self._directory / name).exists():
                self._write(name, make())
        if not (self._directory / "tls.csr").exists():
            self._write("tls.csr", csr_of(self.party_keys()).hex())

    def party_keys(self) -> PartyKeys:
        """The keys that enrolment certifies."""
        tls = self._parsed("tls.key", lambda text: load_pem_private_key(text.encode(), None))
        if not isinstance(tls, ec.EllipticCurvePrivateKey):
            raise _damaged("tls.key")
        return PartyKeys(tls, self.signing_key())

    def csr(self) -> bytes:
        """The certificate request, the same at each try."""
        return self._parsed("tls.csr", bytes.fromhex)

    def signing_key(self) -> Ed25519PrivateKey:
        """Signs grants, descriptions and receipts."""
        return self._parsed(
            "signing.key", lambda text: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
        )

    def sealing_key(self) -> SealingKey:
        """Opens session keys."""
        return self._parsed("sealing.key", lambda text: SealingKey.from_bytes(bytes.fromhex(text)))

    def oprf_keys(self) -> OprfKeys:
        """Evaluates in oblivious mode; a node that was initialised before there was that mode gets it now."""
        if not (self._directory / OPRF_ROOT_FILE).exists():
            self._write_first(OPRF_ROOT_FILE, _oprf_root())
        return self._parsed(OPRF_ROOT_FILE, lambda text: OprfKeys(bytes.fromhex(text)))

    def store_enrolment(self, invitation: Invitation, response: EnrolResponse) -> None:
        """Stores what enrolment gave, in one file, so that its parts can never disagree."""
        self._write(
            _ENROLMENT_FILE,
            json.dumps(
                {
                    "certificate_chain": response.certificate_chain,
                    "ca_certificate": invitation.ca_certificate,
                    "ticket_key": response.ticket_key,
                    "comparator_address": response.comparator_address,
                },
                indent=2,
            ),
        )

    def enrolled(self) -> Enrolled:
        """What enrolment gave; `CONFIGURATION_INVALID` before it."""
        if not (self._directory / _ENROLMENT_FILE).exists():
            raise StayputError(
                ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
                "the node is not enrolled",
                remedy="run `provider-node enrol INVITATION`",
            )
        return self._parsed(_ENROLMENT_FILE, self._enrolled)

    def _enrolled(self, text: str) -> Enrolled:
        match json.loads(text):
            case {
                "certificate_chain": str(chain),
                "ca_certificate": str(ca_certificate),
                "ticket_key": str(ticket_key),
                "comparator_address": str(address),
            }:
                x509.load_pem_x509_certificate(ca_certificate.encode())
                leaf = x509.load_pem_x509_certificates(chain.encode())[0]
                if leaf.public_key() != self.party_keys().tls.public_key():
                    raise _unusable(_ENROLMENT_FILE, "belongs to another tls.key", "restore both together")
                return Enrolled(
                    Credentials(chain.encode(), self._read("tls.key").encode(), ca_certificate.encode()),
                    ECKey.import_key(ticket_key),
                    address,
                )
        raise _damaged(_ENROLMENT_FILE)

    def _parsed(self, name: str, parse: Callable[[str], _T]) -> _T:
        try:
            return parse(self._read(name))
        except (ValueError, JoseError):
            raise _damaged(name) from None

    def _read(self, name: str) -> str:
        path = self._directory / name
        try:
            if path.stat().st_mode & _OTHERS:
                raise _unusable(name, "can be read by others than its owner", "set its mode to 0600")
            return path.read_text("ascii")
        except FileNotFoundError:
            raise _unusable(
                name,
                "is missing",
                "run `provider-node init`, or restore the node's keys from a backup",
            ) from None

    def _write(self, name: str, text: str) -> None:
        self._written(name, text).replace(self._directory / name)
        sync_directory(self._directory)

    def _write_first(self, name: str, text: str) -> None:
        """As `_write`, unless another process, a build beside the node, has written it in the meantime."""
        temporary = self._written(name, text)
        with suppress(FileExistsError):
            os.link(temporary, self._directory / name)
        temporary.unlink()
        sync_directory(self._directory)

    def _written(self, name: str, text: str) -> Path:
        temporary = self._directory / f".{name}.{secrets.token_hex(4)}"
        write_durably(temporary, text.encode("ascii"))
        return temporary


def _oprf_root() -> str:
    return secrets.token_hex(ROOT_BYTES)


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _damaged(name: str) -> StayputError:
    return _unusable(name, "is damaged", "restore the node's keys from a backup")


def _unusable(name: str, problem: str, remedy: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
        f"keys/{name} {problem}",
        field=f"keys/{name}",
        remedy=remedy,
    )
