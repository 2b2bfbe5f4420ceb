"""The file that a replica is started from: what it is called, where its node is, and how the two prove it.

JSON, of mode 0600. Whoever has it can get the node's keys for as long as the replica is on the node's list.
"""

import os
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from provider_node.config.node import Address, Code
from provider_node.store.files import PRIVATE, sync_directory
from provider_node.store.protection import guarded, unusable
from stayput.errors import StayputError, field_invalid
from stayput.identity import caller_of, replica
from stayput.rpc.tls import Credentials

_FIELD: Final = "file"
_REMEDY: Final = "copy it again, or have the node's administrator add the replica anew"


def _certificates(pem: str) -> str:
    try:
        for certificate in x509.load_pem_x509_certificates(pem.encode()):
            certificate.public_key()
    except UnsupportedAlgorithm:
        raise ValueError("of another kind") from None
    return pem


def _private_key(pem: str) -> str:
    try:
        load_pem_private_key(pem.encode(), None)
    except (TypeError, UnsupportedAlgorithm):
        raise ValueError("encrypted, or of another kind") from None
    return pem


Certificates = Annotated[str, AfterValidator(_certificates)]
PrivateKey = Annotated[str, AfterValidator(_private_key)]


class Bundle(BaseModel):
    """What a replica needs to find its node and to be known by it. Its `repr` shows nothing secret.

    `address` is where the node listens for replicas. `certificate_chain`, `private_key` and `ca_certificate`
    are PEM; the certificate names the replica, and the CA is the node's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["stayput replica"] = "stayput replica"
    version: Literal[1] = 1
    replica: Code
    node_id: Code
    address: Address
    certificate_chain: Certificates
    private_key: Annotated[PrivateKey, Field(repr=False)]
    ca_certificate: Certificates

    @model_validator(mode="after")
    def _of_one_replica(self) -> Self:
        certificate = x509.load_pem_x509_certificate(self.certificate_chain.encode())
        key = load_pem_private_key(self.private_key.encode(), None)
        if certificate.public_key() != key.public_key():
            raise ValueError("certificate_chain and private_key do not belong together")
        try:
            named = caller_of(certificate).party
        except StayputError:
            named = None
        if named != replica(self.replica):
            raise ValueError("certificate_chain names another than replica")
        return self

    @property
    def credentials(self) -> Credentials:
        """The replica's TLS identity towards its node."""
        return Credentials(
            self.certificate_chain.encode(), self.private_key.encode(), self.ca_certificate.encode()
        )

    def write(self, path: Path) -> None:
        """Makes the file, of mode 0600. Raises `FIELD_INVALID` if there is one; that is left as it is."""
        content = self.model_dump_json(indent=2).encode() + b"\n"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        except FileExistsError:
            raise field_invalid("out", f"{path} is there already", "choose another name") from None
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor)
                os.fchmod(descriptor, PRIVATE)
                file.write(content)
                file.flush()
                os.fsync(descriptor)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def read(path: Path) -> Bundle:
    """The bundle in a file. `CONFIGURATION_INVALID`, naming the file and what of it is wrong, never a value.

    Others than its owner must not be able to read it.
    """
    content = guarded(path, _FIELD, "name the file that `provider-node replica add` made")
    try:
        return Bundle.model_validate_json(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    raise unusable(f"{path}:", _problem(found["loc"], found["type"], found["msg"]), _REMEDY, field=_FIELD)


def _problem(location: tuple[str | int, ...], kind: str, message: str) -> str:
    """What is wrong with a bundle, without what it holds."""
    match location, kind:
        case (), "value_error":
            return message.removeprefix("Value error, ")
        case (), _:
            return "is no bundle of a replica"
        case (("format" | "version") as name, *_), _:
            return f"{name} is of no bundle that this release knows"
        case (name, *_), "missing":
            return f"{name} is missing"
        case _, "extra_forbidden":
            return "has a field that this release does not know"
        case _:
            return f"{location[0]} cannot be used"
