"""Many sessions on one grant, in any order and however they end: the accounts are always right."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.identity import Caller
from stayput.v1.comparison_pb2 import SealedChunk
from stayput.v1.log_pb2 import SessionEnd
from tests.provider_node.serving.consumer import Asking
from tests.provider_node.serving.node import CONSUMER, GRANT_ID, Clock, LocalNode, Material, grant

PER_SESSION, PER_DAY = 40, 100
COMPLETE = SessionEnd.SESSION_END_COMPLETE
CUT_BY_CONSUMER = SessionEnd.SESSION_END_CUT_BY_CONSUMER
CUT_BY_NODE = SessionEnd.SESSION_END_CUT_BY_NODE


class Leaves(Exception):
    """The consumer goes."""


@dataclass(frozen=True)
class Plan:
    """Chunks of so many records, and how the session is meant to end."""

    chunks: tuple[int, ...]
    end: str


PLANS = st.builds(
    Plan,
    st.lists(st.integers(1, 30), max_size=4).map(tuple),
    st.sampled_from(["final", "empty final", "leaves", "closes", "bad chunk", "cancelled"]),
)


async def play(node: LocalNode, plan: Plan) -> tuple[int, int]:
    """Plays a session; how it must have ended by what the consumer saw, and the records it had answered."""
    asking = node.asking(checks=())
    caller = Caller(CONSUMER, node.material.consumer.thumbprint)
    answered = 0
    try:
        async with node.sessions.open(asking.open, caller) as session:
            for sequence, records in enumerate(plan.chunks):
                final = plan.end == "final" and sequence == len(plan.chunks) - 1
                await session.answer(_chunk(asking, sequence, records, final=final))
                answered += records
            match plan.end:
                case "final" if plan.chunks:
                    return COMPLETE, answered
                case "final" | "empty final":
                    await session.answer(_chunk(asking, len(plan.chunks), 0, final=True))
                    return COMPLETE, answered
                case "closes":
                    await session.cut(CUT_BY_CONSUMER)
                    return CUT_BY_CONSUMER, answered
                case "bad chunk":
                    await session.answer(SealedChunk(sequence=len(plan.chunks), sealed=b"x"))
                case "cancelled":
                    raise asyncio.CancelledError
            raise Leaves
    except (StayputError, Leaves):
        return CUT_BY_NODE, answered
    except asyncio.CancelledError:
        return CUT_BY_CONSUMER, answered
    raise AssertionError("every plan has an end")


def _chunk(asking: Asking, sequence: int, records: int, *, final: bool) -> SealedChunk:
    return asking.sealed(sequence, bytes(16 * records), final=final)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=st.lists(PLANS, min_size=1, max_size=6))
async def test_one_receipt_for_each_session_and_no_record_over_the_quota(
    material: Material, plans: list[Plan]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        state = State(Path(directory))
        node = LocalNode(material, state, Clock())
        await node.give(grant(per_session=PER_SESSION, per_day=PER_DAY))
        expected = await asyncio.gather(*(play(node, plan) for plan in plans))
        await node.sessions.all_closed()
        found = [(receipt.end, receipt.records) for receipt in node.receipts()]
        assert sorted(found) == sorted(expected)
        assert all(records <= PER_SESSION for _, records in found)
        used = state.used(GRANT_ID, "2026-11-22")
        assert used == sum(records for _, records in found) <= PER_DAY
        assert (node.sessions.open_count, state.open_sessions()) == (0, [])
        state.close()


async def test_eight_sessions_at_once_get_the_days_quota_to_the_record(bare_node: LocalNode) -> None:
    await bare_node.give(grant(per_day=1_003))
    plan = Plan(chunks=tuple([7] * 30), end="empty final")
    results = await asyncio.gather(*(play(bare_node, plan) for _ in range(8)))
    # 143 chunks of 7 fit, and 2 records are left.
    assert sum(records for _, records in results) == bare_node.state.used(GRANT_ID, "2026-11-22") == 1_001
    (last,) = [await play(bare_node, Plan(chunks=(2,), end="final"))]
    assert last == (COMPLETE, 2)
    assert (await play(bare_node, Plan(chunks=(1,), end="final")))[1] == 0
