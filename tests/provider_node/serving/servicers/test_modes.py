"""A resource that offers keyed mode and outcomes for each record, and nothing else."""

from collections.abc import AsyncIterator

import pytest

from stayput.v1.comparison_pb2 import EvaluateRequest, FetchFingerprintsRequest, SessionOpen
from stayput.v1.contract_pb2 import Granularity, Mode
from tests.provider_node.serving.consumer import call_request, refused, resealed
from tests.provider_node.serving.node import LocalNode
from tests.provider_node.serving.oblivious.consumer import granted, ticket


@pytest.fixture
async def node(bare_node: LocalNode) -> AsyncIterator[LocalNode]:
    """A node whose grant allows more than the resource offers by now."""
    await bare_node.give(granted())
    async with bare_node.listening():
        yield bare_node


def asked(node: LocalNode, mode: "Mode.ValueType", granularity: "Granularity.ValueType") -> SessionOpen:
    description = node.describe()
    opening = node.asking().open
    opening.mode, opening.granularity = mode, granularity
    opening.ticket = ticket(node.office.at(node.clock.now), node.material)
    return resealed(opening, description).open


async def test_oblivious_mode_is_not_offered(node: LocalNode) -> None:
    opening = asked(node, Mode.MODE_OBLIVIOUS, Granularity.GRANULARITY_RECORD)
    async with node.called_by() as (consumer, _):
        stream = consumer.Evaluate()
        with refused("FIELD_INVALID", "mode"):
            await stream.write(EvaluateRequest(open=opening))
            await stream.read()
        with refused("FIELD_INVALID", "mode"):
            await anext(aiter(consumer.FetchFingerprints(FetchFingerprintsRequest(open=opening))))
    assert node.receipts() == []


@pytest.mark.parametrize("mode", [Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS])
async def test_counts_are_not_offered(node: LocalNode, mode: "Mode.ValueType") -> None:
    opening = asked(node, mode, Granularity.GRANULARITY_COUNT)
    async with node.called_by() as (consumer, _):
        with refused("FIELD_INVALID", "granularity"):
            if mode == Mode.MODE_KEYED:
                request = call_request(resealed(opening, node.describe()), [])
                await consumer.CompareRecords(request)
            else:
                await anext(aiter(consumer.FetchFingerprints(FetchFingerprintsRequest(open=opening))))
    assert node.receipts() == []
