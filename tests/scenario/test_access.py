"""Grants from application to revocation, through real commands, real processes and the real platform.

The tests share a deployment; each has a department of its own, so that none meets another's grants.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Any

import pytest

from examples.deployment import EXAMPLES
from stayput.errors import StayputError
from stayput_client import Client
from tests.commands import Commands
from tests.world import CHECKS, DEATHS, FILES, RESOURCES, VEHICLES, World

REVOKED_WITHIN = 5.0
SOMEBODY = {"resident_id": "11010519491231002X", "name": "张三", "plate": "京A12345"}
SPELL = 60.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Iterator[World]:
    """A platform, and the vehicle register in its catalogue."""
    with World(tmp_path_factory.mktemp("w"), commands) as world:
        world.add_comparator()
        world.open_register(VEHICLES)
        yield world


@dataclass(frozen=True)
class Department:
    """A department that can compare."""

    world: World
    code: str

    def run(self, *command: str) -> str:
        """What a command of the department printed."""
        return self.world.run(self.code, *command)

    def grant(self) -> dict[str, Any]:
        """The department's only grant, as it sees it."""
        return one(self.run("stayput", "grants", "--json"))

    def application(self) -> dict[str, Any]:
        """The department's only application, as it sees it."""
        return one(self.run("stayput", "applications", "--json"))

    def use(self, work: Callable[[Client], Awaitable[None]]) -> None:
        """Runs something with the department's SDK."""

        async def run() -> None:
            async with Client.open(self.world.directory / self.code) as client:
                await work(client)

        asyncio.run(run())


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(1)


@pytest.fixture
def department(world: World, numbers: Iterator[int]) -> Department:
    """A new department without a grant."""
    code = f"bureau-{next(numbers)}"
    world.add_consumer(code)
    return Department(world, code)


@pytest.fixture
def granted(department: Department) -> Department:
    """A new department with a grant on the vehicles."""
    department.world.grant(VEHICLES, consumer=department.code)
    return department


def one(text: str) -> dict[str, Any]:
    """The only entry of a JSON list."""
    (entry,) = json.loads(text)
    return dict(entry)


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


def test_a_grant_that_the_platform_revokes_is_dead_at_the_node_within_seconds(granted: Department) -> None:
    world, grant = granted.world, granted.grant()["id"]

    async def revoked_while_in_use(client: Client) -> None:
        # From here on the client has description, grant and ticket, and asks nobody but the node.
        await ask(client)
        world.run("comparator", "comparator", "revoke", grant, "--reason", "违规使用")
        said = monotonic()
        error = await refusal(client)
        assert monotonic() - said < REVOKED_WITHIN
        assert error.reason_name == "GRANT_NOT_ACTIVE"
        assert (error.details["state"], error.details["by"]) == ("REVOKED", "PLATFORM")

    granted.use(revoked_while_in_use)
    assert granted.grant()["state"] == "REVOKED"
    again = world.attempt("comparator", "comparator", "resume", grant, "--reason", "误操作")
    assert again.returncode == 1


def test_a_session_under_way_ends_and_leaves_a_receipt_of_what_was_answered(granted: Department) -> None:
    world, grant = granted.world, granted.grant()["id"]

    def without_end() -> Iterator[Mapping[str, str]]:
        for _ in range(20_000):
            yield SOMEBODY
        world.run(VEHICLES, "provider-node", "suspend", grant, "--reason", "核查")
        for _ in range(500_000):
            yield SOMEBODY

    async def cut(client: Client) -> None:
        with pytest.raises(StayputError) as caught:
            await client.compare(
                without_end(), resource=RESOURCES[VEHICLES], key="resident_id", operator="tester"
            )
        assert caught.value.reason_name == "GRANT_NOT_ACTIVE"
        assert caught.value.details["by"] == "PROVIDER"

    granted.use(cut)
    world.settle_receipts()
    (receipt,) = (each for each in world.receipts() if each["consumer"] == granted.code)
    assert receipt["end"] == "SESSION_END_CUT_BY_NODE"
    assert 0 < int(str(receipt["records"])) < 520_000


def test_a_node_that_was_away_catches_up_before_it_serves(granted: Department) -> None:
    world, grant = granted.world, granted.grant()["id"]
    before = int(world.status(VEHICLES)["receipts"])

    async def suspended_meanwhile(client: Client) -> None:
        await ask(client)
        world.kill(VEHICLES)
        world.run("comparator", "comparator", "suspend", grant, "--reason", "核查")
        world.start_node(VEHICLES)
        error = await refusal(client)
        while error.reason_name in ("CONNECTION_FAILED", "CATCHING_UP"):
            error = await refusal(client)
        assert error.reason_name == "GRANT_NOT_ACTIVE"
        # Nothing was answered after the one record before the node went away.
        assert int(world.status(VEHICLES)["receipts"]) == before + 1

    granted.use(suspended_meanwhile)
    world.run("comparator", "comparator", "resume", grant, "--reason", "核查完毕")

    async def in_use_again(client: Client) -> None:
        until = monotonic() + SPELL
        while monotonic() < until:
            try:
                return await ask(client)
            except StayputError:
                continue
        raise AssertionError("still refused")

    granted.use(in_use_again)


def test_walking_through_the_numbers_suspends_the_grant_and_everybody_sees_why(granted: Department) -> None:
    world, grant = granted.world, granted.grant()["id"]
    walk = world.directory / "walk.csv"
    numbers = (f"11010519491231{sequence:03}" for sequence in range(1, 1_000))
    walk.write_text("身份证号,姓名,号牌号码\n" + "".join(f"{with_check(n)},张三,\n" for n in numbers))
    world.run(VEHICLES, "provider-node", "limits", grant, "--miss-ratio", "0.5")
    stopped = world.attempt(granted.code, *world.compare_command(VEHICLES, "walk.csv", "walked.csv"))
    assert stopped.returncode != 0
    assert not re.search(r"\d{15}", stopped.stderr)
    at_the_node = json.loads(world.run(VEHICLES, "provider-node", "grants", "--json"))["grants"]
    (standing,) = (each["standing"] for each in at_the_node if each["grant"]["id"] == grant)
    assert standing["providerState"] == "GRANT_STATE_SUSPENDED"
    assert standing["providerCause"] == "CHANGE_CAUSE_MISS_RATIO"
    wait_for(lambda: granted.grant()["state"] == "SUSPENDED")
    events = json.loads(world.run("comparator", "comparator", "events", "--json"))
    assert any("GRANT_LIMIT_TRIPPED" in text and grant in text for text in map(json.dumps, events))
    world.run(VEHICLES, "provider-node", "resume", grant, "--reason", "已说明")
    wait_for(lambda: granted.grant()["state"] == "ACTIVE")


def with_check(number: str) -> str:
    """A resident ID from its first 17 digits (GB 11643-1999)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return number + "10X98765432"[sum(w * int(d) for w, d in zip(weights, number, strict=True)) % 11]


def wait_for(reached: Callable[[], bool]) -> None:
    """Returns when it is so; what is waited for runs processes, which takes its time."""
    until = monotonic() + SPELL
    while not reached():
        assert monotonic() < until


def test_an_unconditional_resource_is_granted_without_anybody(department: Department) -> None:
    world = department.world
    world.add_node(DEATHS)
    resource = world.directory / DEATHS / "resources" / f"{FILES[DEATHS]}.toml"
    resource.write_text(resource.read_text().replace('sharing = "conditional"', 'sharing = "unconditional"'))
    world.open_node(DEATHS)
    world.apply(DEATHS, department.code)
    wait_for(lambda: department.application()["state"] == "GRANTED")
    applicants = str(EXAMPLES / "applicants.csv")
    department.run(*world.compare_command(DEATHS, applicants, "out.csv"))
    world.stop(DEATHS)


def test_an_application_is_accepted_withdrawn_or_refused_for_want_of_an_agreement(
    department: Department,
) -> None:
    world = department.world
    withdrawn = world.apply(VEHICLES, department.code)
    world.run(VEHICLES, "provider-node", "accept", withdrawn, "--as", "li.na")
    waiting = department.application()
    assert waiting["state"] == "ACCEPTED"
    assert "li.na" not in json.dumps(waiting)
    department.run("stayput", "withdraw", withdrawn, "--reason", "改为书面办理")
    late = world.attempt(VEHICLES, "provider-node", "approve", withdrawn)
    assert late.returncode == 1
    department.run(
        "stayput", "apply", "--resource", RESOURCES[VEHICLES], "--key", "resident_id",
        *(option for check in CHECKS[VEHICLES] for option in ("--check", check)),
        "--purpose", "核对", "--legal-basis", "办法", "--matter", "事项",
    )  # fmt: skip
    applications = json.loads(world.run(VEHICLES, "provider-node", "applications", "--json"))["applications"]
    without = applications[0]["id"]
    refused = world.attempt(VEHICLES, "provider-node", "approve", without)
    assert refused.returncode == 1
    assert "agreement" in refused.stderr
    world.run(
        VEHICLES, "provider-node", "approve", without, "--agreement", "安协〔2026〕8号", "--as", "li.na"
    )
    twice = world.attempt(VEHICLES, "provider-node", "refuse", without, "--reason", "不予", "--as", "wu.di")
    assert twice.returncode == 1


def test_the_sample_list_still_fits_its_grants(granted: Department) -> None:
    """The breaker and the detector leave the story's own lists alone."""
    world = granted.world
    granted.run(*world.compare_command(VEHICLES, str(EXAMPLES / "applicants.csv"), "fits.csv"))
    assert (world.directory / "fits.csv").exists()
    assert granted.grant()["state"] == "ACTIVE"
