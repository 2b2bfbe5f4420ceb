"""Addresses: where a node listens, and where it can be called."""

import ipaddress

from pydantic import TypeAdapter, ValidationError

from provider_node.config.node import ListenAddress
from stayput.errors import StayputError, field_invalid
from stayput.v1.errors_pb2 import ErrorReason


def checked_listen(address: str) -> str:
    """`address`, if it is `host:port` as node.listen may have it; else `FIELD_INVALID`."""
    try:
        return TypeAdapter(ListenAddress).validate_python(address)
    except ValidationError:
        raise field_invalid(
            "listen", "must be host:port, with brackets around an IPv6 address", "for example 0.0.0.0:7443"
        ) from None


def means_every_interface(address: str) -> bool:
    """Whether the host of `host:port` can be listened on, but not called: 0.0.0.0 or [::]."""
    try:
        return ipaddress.ip_address(address.rpartition(":")[0].strip("[]")).is_unspecified
    except ValueError:  # a name
        return False


def checked_callable(address: str) -> str:
    """`address`, if others can call it; `CONFIGURATION_INVALID` for one that means every interface."""
    if means_every_interface(address):
        raise StayputError(
            ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
            "node.advertise: is needed, since node.listen names no address that a department could call",
            field="node.advertise",
            remedy="set it to the host:port at which departments reach this node, and restart the node",
        )
    return address
