"""A node under oblivious load: keyed sessions go on, and memory stays within bounds."""

import asyncio
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from provider_node.domain.evaluating import Evaluator
from provider_node.domain.serving import Serving
from stayput.v1.contract_pb2 import Granularity
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import call_request
from tests.provider_node.serving.node import LocalNode
from tests.provider_node.serving.oblivious.consumer import opening, random_elements
from tests.provider_node.serving.oblivious.streams import Evaluated

if TYPE_CHECKING:
    from stayput.v1.comparison_pb2_grpc import ComparisonServiceAsyncStub


class HeldUp(Evaluator):
    """One that waits at a gate."""

    def __init__(self, evaluator: Evaluator, gate: threading.Event, come: threading.Semaphore) -> None:
        self._evaluator, self._gate, self._come = evaluator, gate, come

    def evaluate(self, columns: Sequence[Sequence[bytes]]) -> list[list[bytes]]:
        self._come.release()
        assert self._gate.wait(60)
        return self._evaluator.evaluate(columns)


async def test_sessions_in_keyed_mode_do_not_wait_for_others_to_be_evaluated(
    node: LocalNode, consumer: "ComparisonServiceAsyncStub"
) -> None:
    gate, come = threading.Event(), threading.Semaphore(0)
    honest = node.resources.serving

    def serving(code: str) -> Serving:
        found = honest(code)

        def evaluator(key: str, checks: Sequence[str], granularity: "Granularity.ValueType") -> Evaluator:
            return HeldUp(found.evaluator(key, checks, granularity), gate, come)

        return replace(found, evaluator=evaluator)

    node.sessions._serving = serving
    cores = os.cpu_count() or 1
    # More than the threads that asyncio has for all work together.
    streams = [Evaluated(consumer, opening(node, ())) for _ in range(min(32, cores + 4) + 1)]
    for stream in streams:
        await stream.open()
        await stream.send(stream.asking.elements(0, random_elements(1, 1), final=True))
    await asyncio.to_thread(come.acquire)
    answer = await consumer.CompareRecords(call_request(node.asking(), [register.person(1)]))
    assert answer.receipt.payload
    gate.set()
    for stream in streams:
        await stream.read()
        await stream.receipt(node.material.verification_key)
        await stream.close()
