"""A node whose register is built again, and what fetching costs there."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from provider_node.store.generations import Generations
from provider_node.store.state import State
from stayput.v1.log_pb2 import Receipt
from tests.provider_node.serving import register
from tests.provider_node.serving.node import (
    GRANT_ID,
    INDEX_KEY,
    OPRF_KEYS,
    Clock,
    LocalNode,
    Material,
)
from tests.provider_node.serving.oblivious.consumer import RESOURCE, granted, opening, random_elements
from tests.provider_node.serving.oblivious.streams import Evaluated

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub

Charge = tuple[int, int]


def charge(receipt: Receipt) -> Charge:
    """Elements held, and those charged."""
    return receipt.fetch.held_elements, receipt.fetch.charged_elements


async def evaluate(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub", count: int, grant_id: str = GRANT_ID
) -> None:
    """Has so many elements evaluated."""
    stream = Evaluated(consumer, opening(node, (), grant_id=grant_id))
    await stream.open()
    await stream.ask(0, random_elements(count, 1), final=True)
    await stream.receipt(node.material.verification_key)
    await stream.close()


class Rebuilding:
    """A node whose register is built again on demand."""

    def __init__(
        self, material: Material, directory: Path, state: State, clock: Clock, resource: str
    ) -> None:
        self._directory = Path(shutil.copytree(material.data, directory, symlinks=True))
        (self._directory / "resources" / "vehicles.toml").write_text(resource, "utf-8")
        generations = Generations(self._directory / "data", INDEX_KEY.id)
        self.node = LocalNode(replace(material, data=self._directory, generations=generations), state, clock)
        self._built_at = register.BUILT_AT

    async def build(self) -> None:
        """Another generation, of the same register."""
        self._built_at += timedelta(hours=1)
        data = self._directory / "data"
        await asyncio.to_thread(register.build, self._directory, INDEX_KEY, OPRF_KEYS, data, self._built_at)


@asynccontextmanager
async def rebuilding(
    material: Material,
    tmp_path: Path,
    state: State,
    clock: Clock,
    *,
    per_day: int = 1_000,
    resource: str = RESOURCE,
) -> "AsyncIterator[tuple[Rebuilding, ComparisonServiceAsyncStub]]":
    """A node of its own, listening, and the consumer's connection to it."""
    made = Rebuilding(material, tmp_path / "node", state, clock, resource)
    await made.node.give(granted(per_day=per_day))
    async with made.node.listening(), made.node.called_by() as (consumer, _):
        yield made, consumer
