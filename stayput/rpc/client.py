"""The client side of the error vocabulary: failed calls raise `StayputError`."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc.aio

from stayput.errors import StayputError
from stayput.rpc.status import STATUS_TRAILER, from_status


@contextmanager
def translated(peer: str) -> Iterator[None]:
    """Runs calls to `peer` (a name for messages); `grpc.aio.AioRpcError` becomes `StayputError`."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise error_of(error, peer) from None


def error_of(error: grpc.aio.AioRpcError, peer: str) -> StayputError:
    """The `StayputError` that a failed call carried."""
    trailer = next((value for name, value in error.trailing_metadata() or () if name == STATUS_TRAILER), None)
    translated_error = from_status(
        error.code(), error.details() or "", trailer if isinstance(trailer, bytes) else None
    )
    if trailer is None:
        translated_error.message = f"{peer}: {translated_error.message}"
    return translated_error
