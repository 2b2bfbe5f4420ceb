"""An address that is held for a listener to come."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason


@contextmanager
def claimed(address: str) -> Iterator[str]:
    """Holds `host:port` for the length of the block; what it is, with the port that was chosen for port 0.

    A listener that binds as gRPC does can have it meanwhile. Raises `CONFIGURATION_INVALID` if it cannot be
    had.
    """
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, *_, place = found[0]
        claim = socket.socket(family)
    except OSError:
        raise not_to_be_had(address) from None
    with claim:
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            claim.bind(place)
        except OSError:
            raise not_to_be_had(address) from None
        yield f"{host}:{claim.getsockname()[1]}"


def not_to_be_had(address: str) -> StayputError:
    """`CONFIGURATION_INVALID`: nothing can listen there."""
    return StayputError(
        ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
        f"listen: cannot listen on {address}",
        field="listen",
        remedy="choose an address of this machine and a port that no other program uses",
    )
