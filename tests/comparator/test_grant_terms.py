"""What a version of a grant may say, when it is decided on and when it is amended: the same terms."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from stayput import limits
from stayput.v1.access_pb2 import ApplicationState, GetApplicationRequest, Grant, Hours, RecordDecisionRequest
from stayput.v1.contract_pb2 import Granularity, Mode
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused

Change = Callable[[Grant], object]
_DAY = 86_400


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


def _set(name: str, value: object) -> Change:
    """Sets a field, also one of a message inside, also a repeated one."""

    def change(grant: Grant) -> None:
        *path, last = name.split(".")
        inside = grant
        for part in path:
            inside = getattr(inside, part)
        if isinstance(value, list):
            getattr(inside, last).extend(value)
        else:
            setattr(inside, last, value)

    return change


def _limit(name: str, value: int) -> Change:
    return _set(f"limits.{name}", value)


def _hours(opens: str, closes: str, *weekdays: int) -> Change:
    return lambda grant: grant.hours.CopyFrom(Hours(opens=opens, closes=closes, weekdays=weekdays))


def _later(name: str, days: float) -> Change:
    def change(grant: Grant) -> None:
        getattr(grant, name).seconds += round(days * _DAY)

    return change


_WRONG: list[tuple[str, str, Change]] = [
    ("application_id", "", _set("application_id", "A-9")),
    ("consumer", "", _set("consumer", "tax-office")),
    ("resource", "", _set("resource", "deaths")),
    ("key", "", _set("key", "secret")),
    ("checks", "", lambda grant: grant.checks.append("secret")),
    ("checks", "at most once", lambda grant: grant.checks.append("name")),
    ("modes", "", lambda grant: grant.modes.append(Mode.MODE_OBLIVIOUS)),
    ("modes", "at least one", lambda grant: grant.ClearField("modes")),
    ("modes", "at most once", lambda grant: grant.modes.append(Mode.MODE_KEYED)),
    ("granularities", "", lambda grant: grant.granularities.append(Granularity.GRANULARITY_COUNT)),
    ("granularities", "at least one", lambda grant: grant.ClearField("granularities")),
    ("provider", "", _set("provider", "tax-office")),
    ("node_id", "", _set("node_id", "vehicles-2")),
    ("purpose", "1 to 500", _set("purpose", "secret" * 84)),
    ("purpose", "1 to 500", _set("purpose", "")),
    ("matter", "", _set("matter", "secret")),
    ("security_agreement", "0 to 200", _set("security_agreement", "secret" * 34)),
    ("valid_until", "1,096", lambda grant: grant.valid_until.CopyFrom(grant.valid_from)),
    ("valid_until", "1,096", _later("valid_until", 1_096 - 365 + 1 / _DAY)),
    ("valid_until", "no time", _set("valid_until.seconds", 2**62)),
    ("valid_from", "no time", _set("valid_from.seconds", -(2**62))),
    ("issued_at", "no time", _set("issued_at.nanos", 2**30)),
    *(
        (name, "missing", lambda grant, name=name: grant.ClearField(name))
        for name in ("valid_from", "valid_until", "issued_at")
    ),
    ("issued_at", "future", _later("issued_at", 1.1)),
    ("operators", "1 to 100", _set("operators", [""])),
    ("operators", "1 to 100", _set("operators", ["secret" * 17])),
    ("operators", "control", _set("operators", ["secret\n\x00"])),
    ("operators", "at most once", _set("operators", ["secret", "secret"])),
    ("operators", "0 to 1000", _set("operators", [f"secret-{n}" for n in range(1_001)])),
    ("hours.opens", "HH:MM", _hours("24:00", "24:00")),
    ("hours.opens", "HH:MM", _hours("8:30", "18:00")),
    ("hours.closes", "HH:MM", _hours("08:30", "secret")),
    ("hours.closes", "later", _hours("18:00", "08:30")),
    ("hours.weekdays", "1 to 7", _hours("08:30", "18:00", 8)),
    ("hours.weekdays", "at most once", _hours("08:30", "18:00", 1, 1)),
    *((f"limits.{name}", str(each), _limit(name, each.most + 1)) for name, each in limits.RANGES.items()),
    *((f"limits.{name}", str(each), _limit(name, -1)) for name, each in limits.RANGES.items()),
    *(
        (f"limits.{name}", str(each), _limit(name, each.least - 1 or -1))
        for name, each in limits.RANGES.items()
    ),
    *(
        (f"limits.{name}", "missing", lambda grant, name=name: grant.limits.ClearField(name))
        for name in limits.RANGES
    ),
]

_FIT: list[Change] = [
    lambda grant: grant.checks.remove("plate"),
    lambda grant: grant.ClearField("checks"),
    _later("valid_until", 1_096 - 365),
    _set("operators", [f"operator-{n}" for n in range(1_000)]),
    _set("operators", ["人" * 100]),
    _hours("00:00", "24:00", 7, 1),
    _set("case_number_required", True),
    _set("purpose", "只核对主申请人"),
    *(_limit(name, each.most) for name, each in limits.RANGES.items()),
    *(_limit(name, 0 if each.off else each.least) for name, each in limits.RANGES.items()),
]


async def test_wrong_terms_are_named_with_their_ranges(
    platform: Platform, node: Member, consumer: Member, subtests: pytest.Subtests
) -> None:
    asked, second = await documents.apply(consumer), await documents.apply(consumer)
    given = documents.grant(second, node, platform.clock())
    await documents.decide(node, given)
    for field, told, change in _WRONG:
        with subtests.test(field=field, told=told):
            new, version = documents.grant(asked, node, platform.clock(), 2), documents.amended(given)
            for draft in (new, version):
                change(draft)
            # Under the application's own id, whatever the grant says.
            request = RecordDecisionRequest(
                application_id=asked.id, grant=documents.signed(new, node), administrator="李四"
            )
            with refused("GRANT_MISMATCH", field) as caught:
                await node.access.RecordDecision(request)
            text = f"{caught.value.message} {caught.value.remedy}"
            assert told in text
            assert "secret" not in text
            with refused("GRANT_MISMATCH", field):
                await documents.amend(node, version)
    answer = await consumer.access.GetApplication(GetApplicationRequest(id=asked.id))
    assert answer.application.state == ApplicationState.APPLICATION_STATE_SUBMITTED
    with platform.database.reading() as store:
        assert store.grants.versions(given.id) == [documents.signed(given, node)]


async def test_terms_at_the_ends_of_their_ranges(
    platform: Platform, node: Member, consumer: Member, subtests: pytest.Subtests
) -> None:
    for number, change in enumerate(_FIT, start=1):
        with subtests.test(number=number):
            grant = documents.grant(await documents.apply(consumer), node, platform.clock(), number)
            change(grant)
            granted = await documents.decide(node, grant)
            assert granted.state == ApplicationState.APPLICATION_STATE_GRANTED
            version = documents.amended(grant)
            assert (await documents.amend(node, version)).grant == documents.signed(version, node)


@pytest.mark.parametrize("grant_id", ["", "G-1", "G-" + "0" * 27, "G-" + "0" * 25 + "\n", "g-" + "0" * 26])
async def test_an_id_of_another_form(
    platform: Platform, node: Member, consumer: Member, grant_id: str
) -> None:
    grant = documents.grant(await documents.apply(consumer), node, platform.clock())
    grant.id = grant_id
    with refused("GRANT_MISMATCH", "id"):
        await documents.decide(node, grant)
    with refused("GRANT_UNKNOWN", "grant_id"):
        await documents.amend(node, grant)


async def test_a_renewed_grant_keeps_its_beginning(
    platform: Platform, node: Member, consumer: Member
) -> None:
    now = platform.clock()
    grant = documents.grant(await documents.apply(consumer), node, now - timedelta(days=1_000))
    await documents.decide(node, grant)
    renewed = documents.amended(grant)
    renewed.valid_until.CopyFrom(documents.stamp(now + timedelta(days=365)))
    with refused("GRANT_MISMATCH", "valid_until"):  # by what was signed so long ago
        await documents.amend(node, renewed)
    renewed.issued_at.CopyFrom(documents.stamp(now))
    assert (await documents.amend(node, renewed)).grant == documents.signed(renewed, node)
