"""Builds that a running node makes, by hand or on schedule."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from provider_node.domain.builds import run_build
from provider_node.domain.live_definitions import LiveDefinitions
from provider_node.domain.platform import Platform
from provider_node.domain.resources import Resources
from stayput.v1.admin_pb2 import BuildResponse


@dataclass(frozen=True, kw_only=True)
class LiveBuilds:
    """Builds under a running node, which then serves what was built and tells the catalogue so.

    `config` is the node's configuration, `address` what the catalogue tells callers.
    """

    config: Path
    address: str
    definitions: LiveDefinitions
    resources: Resources
    platform: Platform

    async def run(
        self, code: str, as_of: datetime | None, *, accept_bounds: bool = False
    ) -> AsyncGenerator[BuildResponse, None]:
        """As `run_build`, also raising `RESOURCE_UNKNOWN`; by the resource's file as it is now."""
        await self.definitions.refresh(code, self.address)
        self.resources.config(code)
        async with aclosing(run_build(self.config, code, as_of, accept_bounds=accept_bounds)) as build:
            async for progress in build:
                yield progress
        await self.resources.renew(code, self.platform, self.address)

    async def build(self, code: str) -> None:
        """The same without a word in between."""
        async with aclosing(self.run(code, None)) as build:
            async for _ in build:
                pass
