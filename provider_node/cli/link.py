"""The command line's connection to a running node, over its administration socket."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from provider_node.config import NodeConfig, load_node
from provider_node.store.run_directory import RunDirectory
from stayput.errors import StayputError
from stayput.rpc.client import translated
from stayput.rpc.tls import local_channel
from stayput.v1.admin_pb2_grpc import NodeAdminServiceStub
from stayput.v1.errors_pb2 import ErrorReason

if TYPE_CHECKING:
    from stayput.v1.admin_pb2_grpc import NodeAdminServiceAsyncStub

_T = TypeVar("_T")


def ask(config_path: Path, call: "Callable[[NodeAdminServiceAsyncStub], Awaitable[_T]]") -> _T:
    """The answer of one call to the running node; `CONNECTION_FAILED` with a remedy if none runs."""
    config = load_node(config_path)
    if not RunDirectory(config.node.data).answers():
        raise StayputError(
            ErrorReason.ERROR_REASON_CONNECTION_FAILED,
            "the node is not running",
            remedy="start it with `provider-node serve`",
        )
    return asyncio.run(asked(config, call))


async def asked(config: NodeConfig, call: "Callable[[NodeAdminServiceAsyncStub], Awaitable[_T]]") -> _T:
    """The same for a node that is known to run."""
    async with local_channel(str(RunDirectory(config.node.data).socket)) as channel:
        with translated("node"):
            return await call(NodeAdminServiceStub(channel))
