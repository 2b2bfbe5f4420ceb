"""Description, grant and ticket are kept between calls, as long as they work."""

from datetime import UTC, datetime, timedelta

import pytest

from stayput.errors import StayputError
from stayput_client import Client
from stayput_client.agreements import TICKET_MARGIN, Recent, seconds_of_use
from tests.client.world import RESOURCE, World, resident_id

KEY = "resident_id"


async def ask(client: Client, operator: str = "甲") -> None:
    await client.compare([{KEY: resident_id(0)}], resource=RESOURCE, key=KEY, operator=operator)


async def test_records_one_after_another_share_a_ticket_and_have_a_receipt_each(
    world: World, client: Client
) -> None:
    for _ in range(3):
        await ask(client)
    assert world.access.tickets == 1
    assert len(world.node.receipts) == 3


async def test_another_operator_has_a_ticket_of_his_own(world: World, client: Client) -> None:
    await ask(client)
    await ask(client, "乙")
    assert world.access.tickets == 2
    assert [receipt.operator for receipt in world.node.receipts] == ["甲", "乙"]


async def test_what_did_not_work_is_not_used_again(world: World, client: Client) -> None:
    await ask(client)
    given = dict(world.node.grants)
    world.node.grants.clear()
    with pytest.raises(StayputError):
        await ask(client)
    world.node.grants.update(given)
    await ask(client)
    assert world.access.tickets == 2


async def test_what_is_kept_has_its_time() -> None:
    now = 0.0
    made: list[float] = []

    async def make() -> tuple[float, float]:
        made.append(now)
        return now, 60.0

    recent: Recent[str, float] = Recent(lambda: now)
    assert await recent.get("a", make) == 0.0
    now = 59.0
    assert await recent.get("a", make) == 0.0
    now = 60.0
    assert await recent.get("a", make) == 60.0
    assert made == [0.0, 60.0]


def test_a_ticket_is_not_used_up_to_its_last_second() -> None:
    assert seconds_of_use(datetime.now(UTC) + TICKET_MARGIN) <= 0
    assert 239 < seconds_of_use(datetime.now(UTC) + timedelta(minutes=5)) <= 240
