"""A resource of so many checks that a chunk holds fewer elements of 32 bytes than digests of 16."""

from dataclasses import replace
from pathlib import Path

from provider_node.domain.by_record import chunk_records
from provider_node.store.state import State
from tests.provider_node.serving import register
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, Clock, LocalNode, make_material
from tests.provider_node.serving.oblivious.consumer import granted, opening_by, random_elements
from tests.provider_node.serving.oblivious.streams import Evaluated

CHECKS = [f"plate{number}" for number in range(16)]
RESOURCE = register.RESOURCE.partition("[checks.name]")[0].replace(
    "[source]", 'modes = ["keyed", "oblivious"]\n[source]'
) + "".join(f'[checks.{check}]\nfields = ["plate"]\n' for check in CHECKS)


async def test_a_chunk_may_be_as_large_as_the_description_says(
    tmp_path: Path, state: State, clock: Clock
) -> None:
    node = LocalNode(make_material(tmp_path / "many", RESOURCE), state, clock)
    given = granted()
    given.checks[:] = CHECKS
    await node.give(given)
    description = node.describe()
    most = description.chunk_records
    assert most < chunk_records(len(CHECKS))
    [[element]] = random_elements(1, 1)
    async with node.listening(), node.called_by() as (consumer, _):
        stream = Evaluated(consumer, opening_by(description, ticket(node), CHECKS))
        assert (await stream.open()).chunk_records == most
        answered = await stream.ask(0, [[element] * most, *([] for _ in CHECKS)])
        assert len(answered[0]) == most
        stream.call.cancel()


def ticket(node: LocalNode) -> str:
    made = node.office.ticket(CONSUMER, node.material.consumer, GRANT_ID)
    return node.office.issue(
        replace(made, scope=replace(made.scope, checks=tuple(CHECKS), modes=("OBLIVIOUS",)))
    )
