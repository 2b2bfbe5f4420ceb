"""NodeAdminService: the node's keys."""

import asyncio
from dataclasses import dataclass

import structlog

from provider_node.domain import fields
from provider_node.domain.accounts import Clock
from provider_node.domain.keyring import Keyring
from stayput.rpc.server import Context
from stayput.v1.admin_pb2 import (
    ListKeysRequest,
    ListKeysResponse,
    RotateKeyRequest,
    RotateKeyResponse,
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class KeysServicer:
    """Converts and forwards; a part of `AdminServicer`."""

    keyring: Keyring
    clock: Clock

    async def ListKeys(self, request: ListKeysRequest, context: Context) -> ListKeysResponse:
        """The node's keys, without their secrets."""
        return ListKeysResponse(keys=await asyncio.to_thread(self.keyring.statuses))

    async def RotateKey(self, request: RotateKeyRequest, context: Context) -> RotateKeyResponse:
        """Has a new key take the place of one."""
        fields.text("administrator", request.administrator, most=fields.LONGEST_NAME)
        by, now = request.administrator, self.clock()
        keys = await asyncio.to_thread(self.keyring.rotate, request.purpose, by, now)
        _log.info("key rotated", purpose=keys[0].purpose, epoch=keys[0].epoch, key=keys[0].id)
        return RotateKeyResponse(keys=keys)
