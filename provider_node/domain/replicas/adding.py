"""A replica put on the node's list, and the file that it is started from."""

from datetime import datetime
from pathlib import Path

from provider_node.config import NodeConfig
from provider_node.domain import fields
from provider_node.domain.addresses import means_every_interface
from provider_node.domain.replicas.authority import ReplicaAuthority
from provider_node.domain.replicas.bundle import Bundle
from provider_node.store.keystore import KeyStore
from provider_node.store.protection import unusable
from provider_node.store.replicas import Replicas
from stayput.errors import field_invalid
from stayput.identity import checked_code


def add(config: NodeConfig, name: str, out: Path, administrator: str, now: datetime) -> datetime:
    """Writes a replica's bundle to `out` and puts it on the list; until when its certificate is valid.

    A crash leaves at most a file that admits nobody. Raises `FIELD_INVALID` for a name that is malformed or
    taken, a full list, and a file that is there already; `CONFIGURATION_INVALID` if node.toml does not say
    where replicas can call.
    """
    fields.text("administrator", administrator, most=fields.LONGEST_NAME)
    address, replicas = called_by_replicas(config), Replicas(config.node.data)
    replicas.check_free(checked_code(name, "name"))
    if out.exists():
        raise field_invalid("out", f"{out} is there already", "choose another name")
    issued = ReplicaAuthority(KeyStore.of(config), config.node.id, lambda: now).issue(name)
    Bundle(
        replica=name,
        node_id=config.node.id,
        address=address,
        certificate_chain=issued.credentials.certificate_chain.decode(),
        private_key=issued.credentials.private_key.decode(),
        ca_certificate=issued.credentials.ca_certificate.decode(),
    ).write(out)
    try:
        replicas.add(name, issued.thumbprint, now, administrator)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return issued.until


def called_by_replicas(config: NodeConfig) -> str:
    """Where replicas are told to call the node, `host:port`.

    `CONFIGURATION_INVALID` if node.toml has them call nowhere, or where nobody can.
    """
    listen, advertise = config.replicas.listen, config.replicas.advertise
    if listen is None:
        raise unusable(
            "replicas.listen:",
            "is needed: the node listens for no replicas",
            "set it in node.toml to the host:port where replicas shall call, and restart the node",
            field="replicas.listen",
        )
    if advertise is None and (listen.endswith(":0") or means_every_interface(listen)):
        raise unusable(
            "replicas.advertise:",
            "is needed, since replicas.listen names no address that a replica could call",
            "set it in node.toml to the host:port at which replicas reach this node",
            field="replicas.advertise",
        )
    return advertise or listen
