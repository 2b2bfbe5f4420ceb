from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import grants, signing
from stayput.errors import StayputError
from stayput.v1.access_pb2 import (
    Application,
    ChangeCause,
    Grant,
    GrantChange,
    GrantStanding,
    GrantState,
    Hours,
)
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.signing_pb2 import Envelope, Signature

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
FROM = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
UNTIL = FROM + timedelta(days=365)
APPLICATION = Application(
    id="A-1",
    consumer="civil-affairs",
    resource="vehicles",
    key="resident_id",
    checks=["name", "plate"],
    mode=Mode.MODE_KEYED,
    granularity=Granularity.GRANULARITY_RECORD,
)


def grant() -> Grant:
    given = Grant(
        id="G-1",
        application_id="A-1",
        consumer="civil-affairs",
        resource="vehicles",
        key="resident_id",
        checks=["name", "plate"],
        modes=[Mode.MODE_KEYED],
        granularities=[Granularity.GRANULARITY_RECORD],
    )
    given.valid_from.FromDatetime(FROM)
    given.valid_until.FromDatetime(UNTIL)
    return given


def changed(change: Callable[[Grant], object]) -> Grant:
    other = grant()
    change(other)
    return other


def test_a_grant_verifies_with_the_node_s_key_only() -> None:
    envelope = signing.sign(signing.PayloadType.GRANT, grant(), KEY)
    assert grants.verify(envelope, PUBLIC) == grant()
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for wrong, public in (
        (envelope, other),
        (signing.sign(signing.PayloadType.RECEIPT, grant(), KEY), PUBLIC),
        (Envelope(), PUBLIC),
    ):
        with pytest.raises(StayputError) as caught:
            grants.verify(wrong, public)
        assert caught.value.reason == ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID


def test_a_signed_payload_that_is_no_grant_is_refused() -> None:
    payload = b"\xff\xff\xff"
    signature = signing.sign_bytes(signing.PayloadType.GRANT, payload, KEY)
    envelope = Envelope(
        payload_type=signing.PayloadType.GRANT,
        payload=payload,
        signatures=[Signature(key_id=signing.key_id(PUBLIC), signature=signature)],
    )
    with pytest.raises(StayputError, match="GRANT_SIGNATURE_INVALID"):
        grants.verify(envelope, PUBLIC)


@pytest.mark.parametrize(
    "change",
    [
        lambda g: None,
        lambda g: g.checks.pop(),
        lambda g: g.ClearField("checks"),
        lambda g: g.checks.reverse(),
        lambda g: setattr(g, "case_number_required", True),
    ],
)
def test_a_grant_may_give_what_was_asked_or_less(change: Callable[[Grant], object]) -> None:
    grants.check_within(changed(change), APPLICATION)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda g: setattr(g, "application_id", "A-2"), "application_id"),
        (lambda g: setattr(g, "consumer", "water-works"), "consumer"),
        (lambda g: setattr(g, "resource", "deaths"), "resource"),
        (lambda g: setattr(g, "key", "plate"), "key"),
        (lambda g: g.checks.append("colour"), "checks"),
        (lambda g: g.modes.append(Mode.MODE_OBLIVIOUS), "modes"),
        (lambda g: g.granularities.append(Granularity.GRANULARITY_COUNT), "granularities"),
    ],
)
def test_a_grant_may_not_give_more_than_was_asked(change: Callable[[Grant], object], field: str) -> None:
    with pytest.raises(StayputError) as caught:
        grants.check_within(changed(change), APPLICATION)
    assert caught.value.reason == ErrorReason.ERROR_REASON_GRANT_MISMATCH
    assert caught.value.field == field


@pytest.mark.parametrize("now", [FROM, FROM + timedelta(days=1), UNTIL - timedelta(microseconds=1)])
def test_a_grant_is_active_from_its_beginning_to_just_before_its_end(now: datetime) -> None:
    grants.check_active(grant(), now)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (FROM - timedelta(microseconds=1), "PENDING"),
        (UNTIL, "EXPIRED"),
        (UNTIL + timedelta(days=1), "EXPIRED"),
    ],
)
def test_a_grant_is_not_active_before_and_after(now: datetime, state: str) -> None:
    with pytest.raises(StayputError) as caught:
        grants.check_active(grant(), now)
    assert caught.value.reason == ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE
    assert caught.value.details == {"state": state}


def test_a_grant_without_an_end_is_not_active() -> None:
    with pytest.raises(StayputError, match="expired"):
        grants.check_active(changed(lambda g: g.ClearField("valid_until")), FROM)


def check_scope(
    resource: str = "vehicles",
    key: str = "resident_id",
    checks: tuple[str, ...] = ("name",),
    mode: Mode.ValueType = Mode.MODE_KEYED,
    granularity: Granularity.ValueType = Granularity.GRANULARITY_RECORD,
) -> None:
    grants.check_scope(grant(), resource, key, checks, mode, granularity)


def test_what_was_granted_may_be_asked() -> None:
    check_scope()
    check_scope(checks=())
    check_scope(checks=("plate", "name"))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"resource": "deaths"}, "resource"),
        ({"resource": ""}, "resource"),
        ({"key": "plate"}, "key"),
        ({"checks": ("name", "colour")}, "checks"),
        ({"checks": ("",)}, "checks"),
        ({"mode": Mode.MODE_OBLIVIOUS}, "mode"),
        ({"mode": Mode.MODE_UNSPECIFIED}, "mode"),
        ({"granularity": Granularity.GRANULARITY_COUNT}, "granularity"),
        ({"granularity": 99}, "granularity"),
    ],
)
def test_what_was_not_granted_may_not_be_asked(asked: dict[str, object], field: str) -> None:
    with pytest.raises(StayputError) as caught:
        check_scope(**asked)  # type: ignore[arg-type]
    assert caught.value.reason == ErrorReason.ERROR_REASON_GRANT_SCOPE
    assert caught.value.field == field


ACTIVE = GrantState.GRANT_STATE_ACTIVE
SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
REVOKED = GrantState.GRANT_STATE_REVOKED


def standing(provider: GrantState.ValueType, platform: GrantState.ValueType) -> GrantStanding:
    return GrantStanding(grant_id="G-1", provider_state=provider, platform_state=platform)


def test_a_grant_of_which_nobody_said_anything_may_be_used() -> None:
    assert grants.active_standing("G-1") == standing(ACTIVE, ACTIVE)
    grants.check_standing(grants.active_standing("G-1"))


@pytest.mark.parametrize(
    ("provider", "platform", "details"),
    [
        (SUSPENDED, ACTIVE, {"state": "SUSPENDED", "by": "PROVIDER"}),
        (ACTIVE, SUSPENDED, {"state": "SUSPENDED", "by": "PLATFORM"}),
        (REVOKED, SUSPENDED, {"state": "REVOKED", "by": "PROVIDER"}),
        (ACTIVE, REVOKED, {"state": "REVOKED", "by": "PLATFORM"}),
    ],
)
def test_either_party_s_word_is_enough_to_stop_a_grant(
    provider: GrantState.ValueType, platform: GrantState.ValueType, details: dict[str, str]
) -> None:
    given = standing(provider, platform)
    with pytest.raises(StayputError) as caught:
        grants.check_standing(given)
    assert caught.value.reason == ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE
    assert caught.value.details == details
    assert grants.effective_state(given) == max(provider, platform)


def test_a_standing_that_says_nothing_stops_the_grant() -> None:
    with pytest.raises(StayputError, match="GRANT_NOT_ACTIVE"):
        grants.check_standing(GrantStanding(grant_id="G-1"))


def test_what_the_guards_found_is_told() -> None:
    given = standing(SUSPENDED, ACTIVE)
    given.provider_cause = ChangeCause.CHANGE_CAUSE_MISS_RATIO
    with pytest.raises(StayputError) as caught:
        grants.check_standing(given)
    assert caught.value.details["cause"] == "MISS_RATIO"


def test_a_change_verifies_with_the_node_s_key_only() -> None:
    change = GrantChange(grant_id="G-1", number=1, state=SUSPENDED)
    envelope = signing.sign(signing.PayloadType.GRANT_CHANGE, change, KEY)
    assert grants.verify_change(envelope, PUBLIC) == change
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for wrong, public in (
        (envelope, other),
        (signing.sign(signing.PayloadType.GRANT, change, KEY), PUBLIC),
        (Envelope(), PUBLIC),
    ):
        with pytest.raises(StayputError, match="GRANT_SIGNATURE_INVALID"):
            grants.verify_change(wrong, public)


def test_a_grant_may_be_used_until_it_ends_or_its_hours_do() -> None:
    assert grants.check_use(grant(), "anyone", "", FROM) == UNTIL
    in_the_evening = Hours(opens="18:00", closes="22:00")
    limited = changed(lambda g: g.hours.CopyFrom(in_the_evening))
    assert grants.check_use(limited, "anyone", "", FROM) == FROM + timedelta(hours=2)
    limited.valid_until.FromDatetime(FROM + timedelta(hours=1))
    assert grants.check_use(limited, "anyone", "", FROM) == FROM + timedelta(hours=1)


@pytest.mark.parametrize(
    ("change", "operator", "case_number", "now", "reason"),
    [
        (lambda g: None, "a", "", UNTIL, "GRANT_NOT_ACTIVE"),
        (lambda g: g.operators.append("b"), "a", "", FROM, "OPERATOR_NOT_ALLOWED"),
        (lambda g: g.operators.append("a"), "A", "", FROM, "OPERATOR_NOT_ALLOWED"),
        (lambda g: setattr(g, "case_number_required", True), "a", " ", FROM, "CASE_NUMBER_REQUIRED"),
        (
            lambda g: g.hours.CopyFrom(Hours(opens="08:00", closes="19:59")),
            "a",
            "",
            FROM,
            "OUTSIDE_HOURS",
        ),
    ],
)
def test_a_use_that_the_grant_does_not_permit_is_refused(
    change: Callable[[Grant], object], operator: str, case_number: str, now: datetime, reason: str
) -> None:
    with pytest.raises(StayputError) as caught:
        grants.check_use(changed(change), operator, case_number, now)
    assert caught.value.reason_name == reason


def test_a_use_as_the_grant_names_it_is_permitted() -> None:
    named = changed(lambda g: setattr(g, "case_number_required", True))
    named.operators.extend(["a", "b"])
    grants.check_use(named, "b", "C-1", FROM)
