"""Binding the addresses that are configured."""

import grpc.aio

from stayput.errors import StayputError
from stayput.rpc import tls
from stayput.v1.errors_pb2 import ErrorReason


def listening(
    server: grpc.aio.Server, address: str, credentials: tls.Credentials, field: str = "node.listen"
) -> int:
    """The port that is bound; `CONFIGURATION_INVALID` naming the field if the address cannot be had."""
    try:
        return tls.listen(server, address, credentials)
    except RuntimeError:
        raise StayputError(
            ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
            f"{field}: cannot listen on {address}",
            field=field,
            remedy="choose an address of this machine and a port that no other program uses",
        ) from None
