"""Which grant is used, and that what it does not permit is said before a ticket is asked for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from stayput.errors import StayputError
from stayput.language import Language
from stayput.v1.access_pb2 import (
    CHANGE_CAUSE_SEQUENCE,
    GRANT_STATE_REVOKED,
    GRANT_STATE_SUSPENDED,
    Hours,
)
from stayput_client import Client, Comparison
from stayput_client.faults import ClientFault
from stayput_client.home import Home
from tests.client.world import RESOURCE, World, resident_id

KEY = "resident_id"
OFFICE = Hours(opens="08:30", closes="18:00", weekdays=[1, 2, 3, 4, 5])
MONDAY_MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC) - timedelta(hours=8)


def at(moment: datetime, **fields: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment + timedelta(**fields))
    return stamp


async def ask(
    client: Client, grant: str | None = None, *, operator: str = "", case_number: str = ""
) -> Comparison:
    return await client.compare(
        [{KEY: resident_id(0)}],
        resource=RESOURCE,
        key=KEY,
        operator=operator,
        case_number=case_number,
        grant=grant,
    )


async def refusal(
    world: World, client: Client, grant: str | None = None, *, operator: str = "", case_number: str = ""
) -> ClientFault:
    """What the client says when it does not even ask for a ticket."""
    with pytest.raises(ClientFault) as caught:
        await ask(client, grant, operator=operator, case_number=case_number)
    assert (world.access.tickets, world.node.receipts) == (0, [])
    assert caught.value.remedy
    assert caught.value.remedy_in(Language.CHINESE) != caught.value.remedy
    return caught.value


@pytest.mark.parametrize("named", ["G-2", None])
async def test_an_operator_whom_the_grant_does_not_name(
    world: World, client: Client, named: str | None
) -> None:
    world.access.grants.clear()
    world.grant("G-2", operators=["甲", "乙"])
    fault = await refusal(world, client, named, operator="丙")
    assert fault.reason_name == "OPERATOR_NOT_ALLOWED"
    assert fault.message.startswith("operator: the grant names the operators who may use it")
    assert fault.message_in(Language.CHINESE).startswith("经办人（operator）不在")
    await ask(client, named, operator=" 乙 ")
    assert world.node.receipts[0].operator == "乙"


async def test_among_several_grants_the_one_that_permits_the_use(world: World, client: Client) -> None:
    world.access.grants.clear()
    world.grant("G-2", operators=["甲"])
    world.grant("G-3", operators=["乙"])
    for operator, used in (("甲", "G-2"), ("乙", "G-3")):
        await ask(client, operator=operator)
        assert world.node.receipts[-1].grant_id == used
    with pytest.raises(StayputError, match="several active grants cover the request: G-3, G-2"):
        await ask(client, operator="丙")
    world.grant("G-4")
    with pytest.raises(StayputError, match="several active grants cover the request: G-4, G-2"):
        await ask(client, operator="甲")


@pytest.fixture
async def monday(world: World) -> AsyncIterator[Client]:
    """A client whose clock stands at nine on a Monday morning in China."""
    async with Client(Home(world.home), lambda: MONDAY_MORNING) as opened:
        yield opened


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (Hours(opens="09:01", closes="18:00"), "09:01-18:00"),
        (Hours(opens="00:00", closes="09:00"), "00:00-09:00"),
        (Hours(opens="00:00", closes="24:00", weekdays=[7, 6]), "00:00-24:00 6,7"),
    ],
)
async def test_an_hour_at_which_the_grant_may_not_be_used(
    world: World, monday: Client, hours: Hours, told: str
) -> None:
    world.access.grants.clear()
    world.grant(
        "G-2",
        hours=hours,
        valid_from=at(MONDAY_MORNING, days=-1),
        valid_until=at(MONDAY_MORNING, days=1),
    )
    fault = await refusal(world, monday)
    assert (fault.reason_name, fault.details["hours"]) == ("OUTSIDE_HOURS", told)
    assert fault.message.endswith(f"it may be {told}")
    assert f"可用时段为 {told}" in fault.message_in(Language.CHINESE)


async def test_within_its_hours_the_grant_is_used(world: World, monday: Client) -> None:
    world.access.clock = world.node.clock = lambda: MONDAY_MORNING
    world.access.grants.clear()
    world.grant(
        "G-2",
        hours=OFFICE,
        valid_from=at(MONDAY_MORNING, days=-1),
        valid_until=at(MONDAY_MORNING, days=1),
    )
    await ask(monday)
    assert world.node.receipts[0].grant_id == "G-2"


async def test_a_case_number_is_demanded(world: World, client: Client) -> None:
    world.access.grants.clear()
    world.grant("G-2", case_number_required=True)
    fault = await refusal(world, client, case_number="  ")
    assert (fault.reason_name, fault.field) == ("CASE_NUMBER_REQUIRED", "case_number")
    await ask(client, case_number="C-1")
    assert world.node.receipts[0].case_number == "C-1"


@pytest.mark.parametrize("named", ["G-1", None])
@pytest.mark.parametrize(
    ("words", "details", "english", "chinese"),
    [
        (
            {"provider_state": GRANT_STATE_SUSPENDED, "provider_reason": "核查中"},
            {"state": "SUSPENDED", "by": "PROVIDER"},
            "the provider has suspended the grant [核查中]",
            "提供部门已暂停该授权 [核查中]",
        ),
        (
            {"platform_state": GRANT_STATE_SUSPENDED},
            {"state": "SUSPENDED", "by": "PLATFORM"},
            "the platform has suspended the grant",
            "平台已暂停该授权",
        ),
        (
            {"provider_state": GRANT_STATE_SUSPENDED, "provider_cause": CHANGE_CAUSE_SEQUENCE},
            {"state": "SUSPENDED", "by": "PROVIDER", "cause": "SEQUENCE"},
            "the provider's node has suspended the grant: the records found follow one another",
            "提供部门的节点已暂停该授权：查得的记录在库中号码顺序上前后相连",
        ),
        (
            {"provider_state": GRANT_STATE_SUSPENDED, "platform_state": GRANT_STATE_REVOKED},
            {"state": "REVOKED", "by": "PLATFORM"},
            "the platform has revoked the grant",
            "平台已撤销该授权",
        ),
        (
            {"provider_state": GRANT_STATE_REVOKED, "provider_reason": "用途不符"},
            {"state": "REVOKED", "by": "PROVIDER"},
            "the provider has revoked the grant [用途不符]",
            "提供部门已撤销该授权 [用途不符]",
        ),
    ],
)
async def test_a_grant_that_was_stopped_is_told_with_who_and_why(
    world: World,
    client: Client,
    named: str | None,
    words: dict[str, object],
    details: dict[str, str],
    english: str,
    chinese: str,
) -> None:
    standing = world.standing("G-1")
    for name, word in words.items():
        setattr(standing, name, word)
    fault = await refusal(world, client, named)
    assert (fault.reason_name, fault.details) == ("GRANT_NOT_ACTIVE", details)
    assert fault.message.startswith(english)
    assert fault.message_in(Language.CHINESE).startswith(chinese)


@pytest.mark.parametrize(("begins", "ends", "state"), [(-2, -1, "EXPIRED"), (1, 2, "PENDING")])
async def test_a_grant_out_of_its_time_is_told_as_such(
    world: World, client: Client, begins: int, ends: int, state: str
) -> None:
    world.access.grants.clear()
    now = datetime.now(UTC)
    world.grant("G-2", valid_from=at(now, hours=begins), valid_until=at(now, hours=ends))
    fault = await refusal(world, client)
    assert (fault.reason_name, fault.details) == ("GRANT_NOT_ACTIVE", {"state": state})


async def test_a_stopped_grant_does_not_stand_in_the_way_of_an_active_one(
    world: World, client: Client
) -> None:
    world.grant("G-2")
    world.standing("G-2").provider_state = GRANT_STATE_SUSPENDED
    await ask(client)
    assert world.node.receipts[0].grant_id == "G-1"


async def test_without_any_grant_the_client_says_how_to_apply(world: World, client: Client) -> None:
    world.access.grants.clear()
    fault = await refusal(world, client)
    assert fault.reason_name == "GRANT_UNKNOWN"
    assert "stayput apply --resource vehicle-owners --key resident_id --purpose" in fault.remedy
    assert "--matter" in fault.remedy
