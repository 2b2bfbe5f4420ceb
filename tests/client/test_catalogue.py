"""The catalogue, its search, and descriptions with what is left of grants, through the SDK."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from stayput.errors import StayputError
from stayput.v1.access_pb2 import GRANT_STATE_SUSPENDED
from stayput.v1.catalogue_pb2 import CATEGORY_BASE, SHARING_NOT_SHARED, Resource
from stayput.v1.comparison_pb2 import Allowance
from stayput.v1.contract_pb2 import MODE_OBLIVIOUS
from stayput_client import Category, Client, GrantState, Mode, Sharing, UpdateFrequency
from tests.client.servicers.register import GENERATION, NODE
from tests.client.world import RESOURCE, World, resident_id

KEY = "resident_id"


def add_adoptions(world: World) -> None:
    """Another entry: a base library that is not shared."""
    closed = world.catalogue.resources["adoptions"] = Resource()
    closed.CopyFrom(world.catalogue.resources[RESOURCE])
    closed.code, closed.sharing, closed.category = "adoptions", SHARING_NOT_SHARED, CATEGORY_BASE
    closed.title, closed.title_en, closed.provider = "收养登记", "Adoptions", "civil-affairs"
    closed.modes.append(MODE_OBLIVIOUS)
    closed.ClearField("as_of")


async def test_the_whole_catalogue_is_listed(world: World, client: Client) -> None:
    add_adoptions(world)
    first, second = await client.catalogue()
    assert (first.code, first.sharing, first.as_of) == ("adoptions", Sharing.NOT_SHARED, None)
    assert (second.code, second.category) == (RESOURCE, Category.DEPARTMENT)
    assert second.update_frequency is UpdateFrequency.DAILY
    assert second.keys == {KEY: (KEY,), "name_birth": ("name", "birth_date")}
    assert second.modes == (Mode.KEYED,)
    assert second.as_of == datetime.fromtimestamp(1_790_000_000, UTC)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"query": "VEHICLE 所有人"}, [RESOURCE]),
        ({"query": "vehicle adoption"}, []),
        ({"query": "身份证号"}, ["adoptions", RESOURCE]),
        ({"categories": [Category.BASE]}, ["adoptions"]),
        ({"categories": [Category.BASE, Category.DEPARTMENT]}, ["adoptions", RESOURCE]),
        ({"categories": [Category.THEME]}, []),
        ({"sharings": [Sharing.CONDITIONAL]}, [RESOURCE]),
        ({"provider": "civil-affairs"}, ["adoptions"]),
        ({"modes": [Mode.KEYED, Mode.OBLIVIOUS]}, ["adoptions"]),
        ({"query": "adoptions", "sharings": [Sharing.CONDITIONAL]}, []),
    ],
)
async def test_a_search_finds_what_fits_all_that_is_given_on_every_page(
    world: World, client: Client, search: dict[str, object], found: list[str]
) -> None:
    add_adoptions(world)
    listed = await client.catalogue(**search)  # type: ignore[arg-type]
    assert [one.code for one in listed] == found


async def test_a_category_that_this_release_does_not_know_is_an_error(world: World, client: Client) -> None:
    world.catalogue.resources[RESOURCE].category = 99  # type: ignore[assignment]
    with pytest.raises(StayputError, match="UNSUPPORTED: category: "):
        await client.catalogue()


async def test_a_time_in_no_year_is_an_error(world: World, client: Client) -> None:
    world.catalogue.resources[RESOURCE].as_of.seconds = 2**62
    with pytest.raises(StayputError, match="PROTOCOL_VIOLATION: time: "):
        await client.catalogue()


async def test_a_description_gives_what_the_node_signed(client: Client) -> None:
    description = await client.describe(RESOURCE)
    assert (description.node, description.generation) == (NODE.id, GENERATION)
    assert description.title == "机动车所有人"
    assert [field.name for field in description.contract.fields] == [KEY, "name", "plate", "birth_date"]
    with pytest.raises(StayputError, match="RESOURCE_UNKNOWN"):
        await client.describe("marriages")


async def test_a_description_tells_what_is_left_today_of_each_grant(world: World, client: Client) -> None:
    world.grant("G-2", checks=["name"])
    world.node.standings["G-2"] = world.standing("G-2")
    world.node.standings["G-2"].provider_state = GRANT_STATE_SUSPENDED
    records = [{KEY: resident_id(serial)} for serial in range(3)]
    await client.compare(records, resource=RESOURCE, key=KEY, grant="G-1")
    first, second = (await client.describe(RESOURCE)).allowances
    assert (first.grant_id, first.state) == ("G-1", GrantState.ACTIVE)
    assert (first.records_used_today, first.records_left_today) == (3, 999_997)
    assert (first.limits.records_per_session, first.limits.miss_permille) == (100_000, 500)
    assert timedelta(0) < first.day_ends - datetime.now(UTC) <= timedelta(days=1)
    assert (second.grant_id, second.state) == ("G-2", GrantState.SUSPENDED)
    assert (second.records_used_today, second.records_left_today) == (0, 1_000_000)


def changed(change: Callable[[Allowance], object]) -> Callable[[Allowance], Allowance]:
    def spoil(allowance: Allowance) -> Allowance:
        change(allowance)
        return allowance

    return spoil


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda a: setattr(a, "state", 9), "UNSUPPORTED: allowance.state: "),
        (lambda a: a.ClearField("state"), "PROTOCOL_VIOLATION: allowance.state: "),
        (lambda a: a.limits.ClearField("sequence_run"), "PROTOCOL_VIOLATION: allowance.limits: "),
        (lambda a: setattr(a.day_ends, "seconds", 2**62), "PROTOCOL_VIOLATION: time: "),
    ],
)
async def test_an_allowance_that_cannot_be_right_is_an_error_to_describe_and_none_to_compare(
    world: World, client: Client, change: Callable[[Allowance], object], complaint: str
) -> None:
    world.node.faults.allowance = changed(change)
    with pytest.raises(StayputError, match=complaint):
        await client.describe(RESOURCE)
    assert (await client.compare([{KEY: resident_id(0)}], resource=RESOURCE, key=KEY)).receipt is not None
