"""Grants from application to revocation, through real commands, real processes and the real platform."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from examples.deployment import EXAMPLES
from stayput.errors import StayputError
from stayput_client import Client
from tests.world import CHECKS, CONSUMER, DEATHS, FILES, RESOURCES, VEHICLES, World

REVOKED_WITHIN = 5.0
SOMEBODY = {"resident_id": "11010519491231002X", "name": "张三", "plate": "京A12345"}
SPELL = 60.0


def one(text: str) -> dict[str, Any]:
    """The only entry of a JSON list."""
    (entry,) = json.loads(text)
    return dict(entry)


def grant_id(world: World) -> str:
    """Id of the consumer's newest grant."""
    return str(json.loads(world.run(CONSUMER, "stayput", "grants", "--json"))[0]["id"])


async def ask(client: Client) -> None:
    """One record against the vehicles, by what the client has agreed on already."""
    await client.compare([SOMEBODY], resource=RESOURCES[VEHICLES], key="resident_id", operator="tester")


async def refusal(client: Client) -> StayputError:
    """Why the client is refused; it asks until it is."""
    until = monotonic() + SPELL
    while monotonic() < until:
        try:
            await ask(client)
        except StayputError as error:
            return error
    raise AssertionError("never refused")


def as_consumer(world: World, work: Callable[[Client], Awaitable[None]]) -> None:
    """Runs something with the consumer's SDK."""

    async def run() -> None:
        async with Client.open(world.directory / CONSUMER) as client:
            await work(client)

    asyncio.run(run())


@pytest.fixture
def granted(empty_world: World) -> World:
    """The vehicle register serves, and the consumer has a grant on it."""
    empty_world.open_register(VEHICLES)
    empty_world.grant(VEHICLES)
    return empty_world


def test_a_grant_that_the_platform_revokes_is_dead_at_the_node_within_seconds(granted: World) -> None:
    async def revoked_while_in_use(client: Client) -> None:
        # From here on the client has description, grant and ticket, and asks nobody but the node.
        await ask(client)
        granted.run("comparator", "comparator", "revoke", grant_id(granted), "--reason", "违规使用")
        said = monotonic()
        error = await refusal(client)
        assert monotonic() - said < REVOKED_WITHIN
        assert error.reason_name == "GRANT_NOT_ACTIVE"
        assert (error.details["state"], error.details["by"]) == ("REVOKED", "PLATFORM")

    as_consumer(granted, revoked_while_in_use)
    held = one(granted.run(CONSUMER, "stayput", "grants", "--json"))
    assert held["state"] == "REVOKED"
    again = granted.attempt("comparator", "comparator", "resume", held["id"], "--reason", "误操作")
    assert again.returncode == 1


def test_a_session_under_way_ends_and_leaves_a_receipt_of_what_was_answered(granted: World) -> None:
    def without_end() -> Iterator[Mapping[str, str]]:
        for _ in range(20_000):
            yield SOMEBODY
        granted.run(VEHICLES, "provider-node", "suspend", grant_id(granted), "--reason", "核查")
        for _ in range(500_000):
            yield SOMEBODY

    async def cut(client: Client) -> None:
        with pytest.raises(StayputError) as caught:
            await client.compare(
                without_end(), resource=RESOURCES[VEHICLES], key="resident_id", operator="tester"
            )
        assert caught.value.reason_name == "GRANT_NOT_ACTIVE"
        assert caught.value.details["by"] == "PROVIDER"

    as_consumer(granted, cut)
    granted.settle_receipts()
    receipt = granted.receipts()[-1]
    assert receipt["end"] == "SESSION_END_CUT_BY_NODE"
    assert 0 < int(str(receipt["records"])) < 520_000


def test_a_node_that_was_away_catches_up_before_it_serves(granted: World) -> None:
    async def suspended_meanwhile(client: Client) -> None:
        await ask(client)
        granted.kill(VEHICLES)
        granted.run("comparator", "comparator", "suspend", grant_id(granted), "--reason", "核查")
        granted.start_node(VEHICLES)
        error = await refusal(client)
        while error.reason_name in ("CONNECTION_FAILED", "CATCHING_UP"):
            error = await refusal(client)
        assert error.reason_name == "GRANT_NOT_ACTIVE"
        receipts = granted.status(VEHICLES)["receipts"]
        # Nothing was answered after the one record before the node went away.
        assert receipts == "1"

    as_consumer(granted, suspended_meanwhile)
    granted.run("comparator", "comparator", "resume", grant_id(granted), "--reason", "核查完毕")

    async def in_use_again(client: Client) -> None:
        until = monotonic() + SPELL
        while monotonic() < until:
            try:
                return await ask(client)
            except StayputError:
                continue
        raise AssertionError("still refused")

    as_consumer(granted, in_use_again)


def test_walking_through_the_numbers_suspends_the_grant_and_everybody_sees_why(granted: World) -> None:
    walk = granted.directory / "walk.csv"
    numbers = (f"11010519491231{sequence:03}" for sequence in range(1, 1_000))
    walk.write_text("身份证号,姓名,号牌号码\n" + "".join(f"{with_check(n)},张三,\n" for n in numbers))
    granted.run(VEHICLES, "provider-node", "limits", grant_id(granted), "--miss-ratio", "0.5")
    stopped = granted.attempt(CONSUMER, *granted.compare_command(VEHICLES, "walk.csv", "walked.csv"))
    assert stopped.returncode != 0
    assert not re.search(r"\d{15}", stopped.stderr)
    (at_the_node,) = json.loads(granted.run(VEHICLES, "provider-node", "grants", "--json"))["grants"]
    assert at_the_node["standing"]["providerState"] == "GRANT_STATE_SUSPENDED"
    assert at_the_node["standing"]["providerCause"] == "CHANGE_CAUSE_MISS_RATIO"
    wait_for(lambda: one(granted.run(CONSUMER, "stayput", "grants", "--json"))["state"] == "SUSPENDED")
    events = json.loads(granted.run("comparator", "comparator", "events", "--json"))
    assert "GRANT_LIMIT_TRIPPED" in json.dumps(events)
    granted.run(VEHICLES, "provider-node", "resume", grant_id(granted), "--reason", "已说明")
    wait_for(lambda: one(granted.run(CONSUMER, "stayput", "grants", "--json"))["state"] == "ACTIVE")


def with_check(number: str) -> str:
    """A resident ID from its first 17 digits (GB 11643-1999)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return number + "10X98765432"[sum(w * int(d) for w, d in zip(weights, number, strict=True)) % 11]


def wait_for(reached: Callable[[], bool]) -> None:
    """Returns when it is so; what is waited for runs processes, which takes its time."""
    until = monotonic() + SPELL
    while not reached():
        assert monotonic() < until


def test_an_unconditional_resource_is_granted_without_anybody(empty_world: World) -> None:
    empty_world.add_node(DEATHS)
    resource = empty_world.directory / DEATHS / "resources" / f"{FILES[DEATHS]}.toml"
    resource.write_text(resource.read_text().replace('sharing = "conditional"', 'sharing = "unconditional"'))
    empty_world.open_node(DEATHS)
    empty_world.apply(DEATHS)
    wait_for(
        lambda: one(empty_world.run(CONSUMER, "stayput", "applications", "--json"))["state"] == "GRANTED"
    )
    (empty_world.directory / "applicants.csv").write_bytes((EXAMPLES / "applicants.csv").read_bytes())
    empty_world.run(CONSUMER, *empty_world.compare_command(DEATHS, "applicants.csv", "out.csv"))


def test_an_application_is_accepted_withdrawn_or_refused_for_want_of_an_agreement(empty_world: World) -> None:
    world = empty_world
    world.open_register(DEATHS)
    withdrawn = world.apply(DEATHS)
    world.run(DEATHS, "provider-node", "accept", withdrawn, "--as", "li.na")
    waiting = one(world.run(CONSUMER, "stayput", "applications", "--json"))
    assert waiting["state"] == "ACCEPTED"
    assert "li.na" not in json.dumps(waiting)
    world.run(CONSUMER, "stayput", "withdraw", withdrawn, "--reason", "改为书面办理")
    late = world.attempt(DEATHS, "provider-node", "approve", withdrawn)
    assert late.returncode == 1
    world.run(
        CONSUMER, "stayput", "apply", "--resource", RESOURCES[DEATHS], "--key", "resident_id",
        *(option for check in CHECKS[DEATHS] for option in ("--check", check)),
        "--purpose", "核对", "--legal-basis", "办法", "--matter", "事项",
    )  # fmt: skip
    without = json.loads(world.run(DEATHS, "provider-node", "applications", "--json"))["applications"][0][
        "id"
    ]
    refused = world.attempt(DEATHS, "provider-node", "approve", without)
    assert refused.returncode == 1
    assert "agreement" in refused.stderr
    world.run(DEATHS, "provider-node", "approve", without, "--agreement", "安协〔2026〕8号", "--as", "li.na")
    twice = world.attempt(DEATHS, "provider-node", "refuse", without, "--reason", "不予", "--as", "wu.di")
    assert twice.returncode == 1


def test_the_sample_list_still_fits_its_grants(granted: World) -> None:
    """The breaker and the detector leave the story's own lists alone."""
    (granted.directory / "applicants.csv").write_bytes((EXAMPLES / "applicants.csv").read_bytes())
    granted.run(CONSUMER, *granted.compare_command(VEHICLES, "applicants.csv", "out.csv"))
    assert Path(granted.directory / "out.csv").exists()
    assert one(granted.run(CONSUMER, "stayput", "grants", "--json"))["state"] == "ACTIVE"
