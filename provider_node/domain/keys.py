"""The node's keys and the identity it was given, from the files of the keys directory."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
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

from provider_node.config import NodeConfig
from provider_node.domain.key_rings import IndexKeys, SealingKeys
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import KEY_BYTES, IndexKey
from provider_node.store.epochs import Epochs, KeyEntry, Purpose, read_epochs
from provider_node.store.keystore import KeyStore, keys_directory
from provider_node.store.protection import damaged, unusable
from stayput.enrolment import PartyKeys, csr_of
from stayput.errors import StayputError
from stayput.rpc.tls import Credentials
from stayput.sealing import SealingKey
from stayput.v1.enrolment_pb2 import EnrolResponse, Invitation
from stayput.v1.errors_pb2 import ErrorReason

OVERLAP: Final = timedelta(hours=24)
"""How long a key that another has taken the place of goes on working at least."""
GUARDS_FILE: Final = "guards.key"
_SIGNING_FILE: Final = "signing.key"
_TLS_FILE: Final = "tls.key"
_CSR_FILE: Final = "tls.csr"
_ENROLMENT_FILE: Final = "enrolment.json"
_FIRST: Final = KeyEntry(epoch=1)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What enrolment gave the node."""

    credentials: Credentials
    ticket_key: ECKey
    comparator_address: str


class NodeKeys:
    """Reads and writes the keys of one node. What opens the files is derived once, when first needed."""

    def __init__(self, data: Path, store: KeyStore | None = None) -> None:
        """Of the node with that data directory; the files are plain unless a store says otherwise."""
        self.store = store or KeyStore(keys_directory(data))

    @classmethod
    def of(cls, config: NodeConfig) -> "NodeKeys":
        """As node.toml has it."""
        return cls(config.node.data, KeyStore.of(config))

    def create(self) -> None:
        """Makes the keys that the node draws itself; what exists is kept."""
        self.store.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        drawn = PartyKeys.generate()
        makers: dict[str, Callable[[], str]] = {
            GUARDS_FILE: guards_secret,
            _SIGNING_FILE: lambda: drawn.signing.private_bytes_raw().hex(),
            _TLS_FILE: lambda: _pem(drawn.tls),
        }
        for purpose, draw in DRAWN.items():
            makers[_FIRST.file(purpose)] = draw
        for name, make in sorted(makers.items()):
            if not self.store.exists(name):
                self.store.write(name, make())
        if not self.store.exists(_CSR_FILE):
            self.store.write(_CSR_FILE, csr_of(self.party_keys()).hex())

    def create_party(self) -> None:
        """Draws signing and TLS key anew if exactly what enrolment certifies was moved away, all of it."""
        certified = (_SIGNING_FILE, _TLS_FILE, _CSR_FILE, _ENROLMENT_FILE)
        index = self.epochs().of(Purpose.INDEX)[-1].file(Purpose.INDEX)
        if self.store.exists(index) and not any(map(self.store.exists, certified)):
            drawn = PartyKeys.generate()
            self.store.write(_SIGNING_FILE, drawn.signing.private_bytes_raw().hex())
            self.store.write(_TLS_FILE, _pem(drawn.tls))
            self.store.write(_CSR_FILE, csr_of(drawn).hex())

    def party_keys(self) -> PartyKeys:
        """The keys that enrolment certifies."""
        tls = self._parsed(_TLS_FILE, lambda text: load_pem_private_key(text.encode(), None))
        if not isinstance(tls, ec.EllipticCurvePrivateKey):
            raise damaged(_TLS_FILE)
        return PartyKeys(tls, self.signing_key())

    def csr(self) -> bytes:
        """The certificate request, the same at each try."""
        return self._parsed(_CSR_FILE, bytes.fromhex)

    def signing_key(self) -> Ed25519PrivateKey:
        """Signs grants, descriptions and receipts."""
        return self._parsed(
            _SIGNING_FILE, lambda text: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
        )

    def epochs(self) -> Epochs:
        """Which keys there are of each purpose that can be rotated."""
        return read_epochs(self.store)

    def sealing_keys(self) -> SealingKeys:
        """Open session keys: the current one, and those before it until their overlap is over."""
        found = [(self.sealing_key(one), one) for one in self.epochs().of(Purpose.SEALING)]
        until = {key.id: one.retired_at + OVERLAP for key, one in found if one.retired_at is not None}
        return SealingKeys([key for key, _ in found], until)

    def sealing_key(self, entry: KeyEntry) -> SealingKey:
        """One of them."""
        return self._parsed(
            entry.file(Purpose.SEALING), lambda text: SealingKey.from_bytes(bytes.fromhex(text))
        )

    def index_keys(self) -> IndexKeys:
        """Make digests tokens: the current one the next generation's, the others those of earlier ones."""
        return IndexKeys(*(self.index_key(one) for one in self.epochs().of(Purpose.INDEX)))

    def index_key(self, entry: KeyEntry) -> IndexKey:
        """One of them."""
        guards = self._parsed(GUARDS_FILE, _secret) if self.store.exists(GUARDS_FILE) else None
        return self._parsed(entry.file(Purpose.INDEX), lambda text: IndexKey(bytes.fromhex(text), guards))

    def oprf_keys(self) -> OprfKeys:
        """Evaluate in oblivious mode; a node that was initialised before there was one gets them now."""
        first = _FIRST.file(Purpose.OPRF)
        entries = self.epochs().of(Purpose.OPRF)
        if entries == (_FIRST,) and not self.store.exists(first):
            self.store.write_first(first, DRAWN[Purpose.OPRF]())
        return OprfKeys(*(self.oprf_root(one) for one in entries))

    def oprf_root(self, entry: KeyEntry) -> bytes:
        """Of one of their epochs."""
        return self._parsed(entry.file(Purpose.OPRF), _secret)

    def store_enrolment(self, invitation: Invitation, response: EnrolResponse) -> None:
        """Stores what enrolment gave, in one file, so that its parts can never disagree."""
        self.store.write(
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
        if not self.store.exists(_ENROLMENT_FILE):
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
                    raise unusable(
                        f"keys/{_ENROLMENT_FILE}", "belongs to another tls.key", "restore both together"
                    )
                return Enrolled(
                    Credentials(chain.encode(), self.store.read(_TLS_FILE).encode(), ca_certificate.encode()),
                    ECKey.import_key(ticket_key),
                    address,
                )
        raise damaged(_ENROLMENT_FILE)

    def _parsed(self, name: str, parse: Callable[[str], _T]) -> _T:
        try:
            return parse(self.store.read(name))
        except (ValueError, JoseError):
            raise damaged(name) from None


def guards_secret() -> str:
    """A new secret for the names of what the guards count, as its file has it."""
    return secrets.token_hex(KEY_BYTES)


DRAWN: Final[dict[Purpose, Callable[[], str]]] = {
    Purpose.INDEX: lambda: secrets.token_hex(KEY_BYTES),
    Purpose.SEALING: lambda: SealingKey.generate().to_bytes().hex(),
    Purpose.OPRF: lambda: secrets.token_hex(KEY_BYTES),
}
"""New keys, as their files have them."""


def _secret(text: str) -> bytes:
    content = bytes.fromhex(text)
    if len(content) != KEY_BYTES:
        raise ValueError("of another length")
    return content


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
