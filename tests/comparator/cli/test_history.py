"""`comparator events`."""

import json

import pytest

from comparator.cli.history import EVENT_TYPES
from comparator.config import Config
from stayput.v1.log_pb2 import EventType
from tests.comparator import documents
from tests.comparator.platform import Clock, Run, running_platform


@pytest.fixture
async def grant_id(config: Config, clock: Clock) -> str:
    """A platform on which a few things happened; the id of its grant."""
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        consumer = await platform.department("civil-affairs")
        asked, refused = await documents.apply(consumer), await documents.apply(consumer)
        given = documents.grant(asked, node, clock())
        await documents.decide(node, given)
        await documents.refuse(node, refused.id, "材料\n[不全]")
    return given.id


def _types(run: Run, *options: str) -> list[str]:
    listed = json.loads(run("events", "--json", *options).stdout)
    return [each["type"].removeprefix("EVENT_TYPE_") for each in listed]


def test_events_newest_first(run: Run, grant_id: str) -> None:
    assert _types(run) == [
        "APPLICATION_REFUSED",
        "APPLICATION_GRANTED",
        "APPLICATION_SUBMITTED",
        "APPLICATION_SUBMITTED",
        "PARTY_ENROLLED",
        "RESOURCE_PUBLISHED",
        "PARTY_ENROLLED",
    ]
    table = run("events").stdout
    for piece in ("APPLICATION_REFUSED", "department:civil-affairs", "node:vehicles-1", grant_id, "[不全]"):
        assert piece in table
    assert "申请拒绝（APPLICATION_REFUSED）" in run("events", locale="zh_CN.UTF-8").stdout


def test_some_events(run: Run, grant_id: str) -> None:
    assert _types(run, "--type", "party_enrolled", "--type", "RESOURCE-PUBLISHED") == [
        "PARTY_ENROLLED",
        "RESOURCE_PUBLISHED",
        "PARTY_ENROLLED",
    ]
    assert _types(run, "--application", "A-2") == ["APPLICATION_REFUSED", "APPLICATION_SUBMITTED"]
    assert _types(run, "--grant", grant_id) == ["APPLICATION_GRANTED"]
    assert _types(run, "--limit", "1") == ["APPLICATION_REFUSED"]
    assert _types(run, "--grant", "G-none") == []


@pytest.mark.parametrize(
    ("options", "locale", "problem"),
    [
        (
            ["--type", "PARTY"],
            "en",
            "type: there is no event of this type\nhint: known types: PARTY_ENROLLED, ",
        ),
        (["--type", "PARTY"], "zh_CN", "类型：没有这种事件\n提示：可用的类型：PARTY_ENROLLED, "),
        (["--application", "2"], "en", "application"),
    ],
)
def test_wrong_options(run: Run, config: Config, options: list[str], locale: str, problem: str) -> None:
    result = run("events", *options, locale=locale)
    assert result.exit_code == 1
    assert problem in result.stderr


def test_every_type_has_a_name() -> None:
    assert set(EVENT_TYPES) == set(EventType.values()) - {EventType.EVENT_TYPE_UNSPECIFIED}
