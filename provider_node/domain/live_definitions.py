"""The definitions of a running node: what is stored holds from then on, without a restart."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field

import structlog

from provider_node.config import NodeConfig, ResourceConfig
from provider_node.domain.definitions import PUBLISH, Definitions
from provider_node.domain.platform import Platform
from provider_node.domain.policy import GrantPolicy, policies
from provider_node.domain.resources import Resources
from stayput.v1.admin_pb2 import (
    DefinitionVersion,
    GetDefinitionResponse,
    PutDefinitionRequest,
    PutDefinitionResponse,
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class LiveDefinitions:
    """Definitions, and what the node's other parts know of them.

    `configured` and `laid_down` are what these parts look resources and their grant policies up in.
    """

    definitions: Definitions
    config: NodeConfig
    configured: MutableMapping[str, ResourceConfig]
    laid_down: MutableMapping[str, GrantPolicy]
    resources: Resources
    platform: Platform
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _putting: "set[asyncio.Task[PutDefinitionResponse]]" = field(default_factory=set)

    async def get(self, code: str, version: int) -> GetDefinitionResponse:
        """As `Definitions.get`."""
        return await asyncio.to_thread(self.definitions.get, code, version)

    async def versions(self, code: str) -> list[DefinitionVersion]:
        """As `Definitions.versions`."""
        return await asyncio.to_thread(self.definitions.versions, code)

    async def put(self, request: PutDefinitionRequest, address: str) -> PutDefinitionResponse:
        """As `Definitions.put`; what was stored holds, and the catalogue is told if the resource is in it.

        It is finished also if whoever asked for it has gone: what is stored must hold.
        """
        putting = asyncio.create_task(self._put(request, address))
        self._putting.add(putting)
        putting.add_done_callback(self._putting.discard)
        return await asyncio.shield(putting)

    async def refresh(self, code: str, address: str) -> None:
        """Has the resource's file hold as it is now; `CONFIGURATION_INVALID` if it is wrong."""
        async with self._turn:
            await self._held(code, address)

    async def _put(self, request: PutDefinitionRequest, address: str) -> PutDefinitionResponse:
        put = await asyncio.to_thread(self.definitions.put, request)
        for version in put.made:
            _log.info(
                "definition stored",
                resource=put.code,
                version=version.version,
                administrator=version.administrator,
                needs=list(put.response.needs),
            )
        if request.store:
            async with self._turn:
                told = await self._held(put.code, address)
            if told and PUBLISH in put.response.needs:
                put.response.needs.remove(PUBLISH)
        return put.response

    async def _held(self, code: str, address: str) -> bool:
        """Has what the file says hold; whether the catalogue was told."""
        resource = await asyncio.to_thread(self.definitions.reread, code)
        if resource is None or self.configured.get(code) == resource:
            return False
        self.configured[code] = resource
        self.laid_down.update(policies(self.config, {code: resource}))
        return await self.resources.renew(code, self.platform, address)
