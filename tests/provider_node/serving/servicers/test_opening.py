"""A large generation that is opened for the first time: who asks for it waits, and nobody else."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from provider_node.config import load_resource
from provider_node.domain.build import Builder
from provider_node.store import generations
from provider_node.store.files import sha256_of
from provider_node.store.generations import Generations
from provider_node.store.state import State
from stayput.v1.comparison_pb2 import DescribeRequest
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import call_request
from tests.provider_node.serving.node import INDEX_KEY, OPRF_KEYS, Clock, LocalNode, Material, grant

LARGE = "large"
WAITING = 100
"""More than the threads of any machine's default executor."""


@pytest.fixture
def node(material: Material, state: State, clock: Clock, tmp_path: Path) -> LocalNode:
    """A node of two resources, of which none is open."""
    register.write_files(tmp_path)
    large = tmp_path / "resources" / "large.toml"
    large.write_text(register.RESOURCE.replace(register.CODE, LARGE), "utf-8")
    builder = Builder(tmp_path / "data", INDEX_KEY, OPRF_KEYS, "0.0-test", bytes)
    for path in (tmp_path / "resources").iterdir():
        builder.build(load_resource(path), register.BUILT_AT, lambda _: None)
    fresh = Generations(tmp_path / "data", INDEX_KEY.id)
    return LocalNode(replace(material, data=tmp_path, generations=fresh), state, clock)


async def test_however_many_wait_for_it_another_resource_answers(
    node: LocalNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, go_on = 0, threading.Event()

    def slow(path: Path) -> str:
        nonlocal read
        if LARGE in path.parts:
            read += 1
            assert go_on.wait(60)
        return sha256_of(path)

    monkeypatch.setattr(generations, "sha256_of", slow)
    await node.give(grant())
    person, expected = register.asked(0)
    async with node.listening(), node.called_by() as (stub, _):
        waiting = [stub.Describe(DescribeRequest(resource=LARGE)) for _ in range(WAITING)]
        codes = [asyncio.ensure_future(one.code()) for one in waiting]
        try:
            # Calls of one connection arrive in their order.
            await stub.Describe(DescribeRequest(resource=register.CODE), timeout=60)
            asking = node.asking()
            response = await stub.CompareRecords(call_request(asking, [person]), timeout=60)
            assert asking.outcomes(response.opened, response.outcomes) == [expected]
            assert not any(one.done() for one in codes)
            waiting[0].cancel()
        finally:
            go_on.set()
        ended = await asyncio.gather(*codes)
    assert ended == [grpc.StatusCode.CANCELLED, *[grpc.StatusCode.OK] * (WAITING - 1)]
    assert read == 1
