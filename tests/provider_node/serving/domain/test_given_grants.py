"""Grants after they were given: new versions, and the provider's word on them."""

import asyncio
from datetime import UTC, timedelta

import pytest

from provider_node.domain.grants import GivenGrants
from provider_node.domain.notices import Notices
from provider_node.store.grants import StoredGrant
from stayput import grants
from stayput.limits import RANGES, complete
from stayput.v1.access_pb2 import ChangeCause, Grant, GrantState, Hours, Limits
from stayput.v1.admin_pb2 import AmendGrantRequest, ChangeGrantRequest, Operators
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, NODE, NOW, LocalNode, grant
from tests.provider_node.serving.peer import Peer

ACTIVE = GrantState.GRANT_STATE_ACTIVE
SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
REVOKED = GrantState.GRANT_STATE_REVOKED
OFFICE_HOURS = Hours(opens="08:30", closes="18:00")
LATER = NOW + timedelta(days=3)


def to(
    state: "GrantState.ValueType", reason: str = "核查", administrator: str = "李娜"
) -> ChangeGrantRequest:
    return ChangeGrantRequest(grant_id=GRANT_ID, state=state, reason=reason, administrator=administrator)


def amendment(**terms: object) -> AmendGrantRequest:
    return AmendGrantRequest(grant_id=GRANT_ID, **terms)  # type: ignore[arg-type]  # of any field


@pytest.fixture
async def recorded(bare_node: LocalNode, peer: Peer) -> Grant:
    """A grant that the platform has recorded; the clock stands three days later."""
    given = grant()
    given.operators.extend(["clerk 7", "clerk 8"])
    given.hours.CopyFrom(OFFICE_HOURS)
    await bare_node.give(given)
    await bare_node.state.grants.mark_recorded(GRANT_ID)
    peer.grants[GRANT_ID] = bare_node.material.envelope(given)
    bare_node.clock.now = LATER
    return given


def stored(node: LocalNode) -> StoredGrant:
    found = node.state.grants.get(GRANT_ID)
    assert found is not None
    return found


async def test_a_new_version_differs_in_what_was_asked_and_nothing_else(
    given_grants: GivenGrants, recorded: Grant, bare_node: LocalNode, notices: Notices, peer: Peer
) -> None:
    told = await given_grants.amend(
        amendment(
            valid_days=30,
            limits=Limits(records_per_day=9, miss_permille=700),
            without_checks=["plate"],
            operators=Operators(names=["clerk 9"]),
            hours=Hours(opens="00:00", closes="24:00", weekdays=[1]),
            case_number_required=True,
            security_agreement="民政-公安〔2026〕9号",
        )
    )
    expected = Grant()
    expected.CopyFrom(recorded)
    expected.version = 2
    expected.issued_at.FromDatetime(LATER)
    expected.valid_until.FromDatetime(LATER + timedelta(days=30))
    expected.limits.CopyFrom(complete(Limits(records_per_day=9, miss_permille=700), recorded.limits))
    expected.checks[:] = ["name"]
    expected.operators[:] = ["clerk 9"]
    expected.hours.CopyFrom(Hours(opens="00:00", closes="24:00", weekdays=[1]))
    expected.case_number_required = True
    expected.security_agreement = "民政-公安〔2026〕9号"
    assert told.grant == expected
    assert (told.recorded, told.allowance.records_left_today) == (False, 9)
    envelope = stored(bare_node).envelope
    assert grants.verify(envelope, bare_node.material.verification_key) == expected
    assert await notices.deliver()
    assert peer.grants[GRANT_ID] == envelope
    (listed,) = given_grants.all()
    assert listed.recorded


async def test_operators_hours_and_case_numbers_can_be_lifted(
    given_grants: GivenGrants, recorded: Grant
) -> None:
    await given_grants.amend(amendment(case_number_required=True))
    told = await given_grants.amend(
        amendment(operators=Operators(), hours=Hours(), case_number_required=False)
    )
    assert (list(told.grant.operators), told.grant.HasField("hours")) == ([], False)
    assert not told.grant.case_number_required
    assert told.grant.version == 3


async def test_an_expired_grant_can_be_renewed(
    given_grants: GivenGrants, recorded: Grant, bare_node: LocalNode
) -> None:
    bare_node.clock.now = NOW + timedelta(days=400)
    told = await given_grants.amend(amendment(valid_days=365))
    assert told.grant.valid_until.ToDatetime(UTC) == NOW + timedelta(days=765)
    assert told.grant.valid_from == recorded.valid_from


async def test_two_amendments_at_once_both_count(given_grants: GivenGrants, recorded: Grant) -> None:
    await asyncio.gather(
        given_grants.amend(amendment(without_checks=["plate"])),
        given_grants.amend(amendment(limits=Limits(records_per_day=9))),
    )
    (told,) = given_grants.all()
    assert (told.grant.version, list(told.grant.checks), told.grant.limits.records_per_day) == (
        3,
        ["name"],
        9,
    )


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (amendment(), "grant_id"),
        (amendment(case_number_required=False), "grant_id"),
        (amendment(operators=Operators(names=["clerk 7", "clerk 8"]), hours=OFFICE_HOURS), "grant_id"),
        (amendment(valid_days=-1), "valid_days"),
        (amendment(valid_days=1_097), "valid_days"),
        (amendment(without_checks=["colour"]), "without_checks"),
        (amendment(operators=Operators(names=[" "])), "operators"),
        (amendment(operators=Operators(names=["a", "a"])), "operators"),
        (amendment(hours=Hours(opens="08:00")), "hours.closes"),
        (amendment(hours=Hours(weekdays=[1])), "hours.opens"),
        (amendment(security_agreement="长" * 201), "security_agreement"),
        (amendment(security_agreement="a\x1b"), "security_agreement"),
        *(
            (amendment(limits=Limits(**{name: permitted.most + 1})), f"limits.{name}")
            for name, permitted in RANGES.items()
        ),
    ],
)
async def test_an_amendment_that_says_nothing_or_too_much_is_refused(
    given_grants: GivenGrants, recorded: Grant, bare_node: LocalNode, bad: AmendGrantRequest, field: str
) -> None:
    with refused("FIELD_INVALID", field):
        await given_grants.amend(bad)
    assert (stored(bare_node).grant, bare_node.state.grants.notices(0, 1)) == (recorded, [])


async def test_a_check_once_taken_away_does_not_come_back(given_grants: GivenGrants, recorded: Grant) -> None:
    await given_grants.amend(amendment(without_checks=["plate"]))
    with refused("FIELD_INVALID", "without_checks"):
        await given_grants.amend(amendment(without_checks=["plate"]))


async def test_a_grant_that_the_platform_does_not_know_yet_is_not_amended(
    given_grants: GivenGrants, bare_node: LocalNode
) -> None:
    await bare_node.give(grant())
    with refused("FIELD_INVALID", "grant_id") as caught:
        await given_grants.amend(amendment(valid_days=1))
    assert "not recorded" in caught.value.message


async def test_what_the_node_never_signed_is_neither_amended_nor_changed(given_grants: GivenGrants) -> None:
    with refused("GRANT_UNKNOWN", "grant_id"):
        await given_grants.amend(amendment(valid_days=1))
    with refused("GRANT_UNKNOWN", "grant_id"):
        await given_grants.change(to(REVOKED))


async def test_the_providers_word_is_signed_numbered_and_told(
    given_grants: GivenGrants, recorded: Grant, notices: Notices, peer: Peer
) -> None:
    told = await given_grants.change(to(SUSPENDED, "接到举报，暂停核查"))
    standing = told.standing
    assert (standing.provider_state, standing.platform_state) == (SUSPENDED, ACTIVE)
    assert standing.provider_cause == ChangeCause.CHANGE_CAUSE_ADMINISTRATOR
    assert standing.provider_reason == "接到举报，暂停核查"
    assert standing.provider_changed_at.ToDatetime(UTC) == LATER
    assert (told.allowance.state, told.recorded) == (SUSPENDED, False)
    await given_grants.change(to(ACTIVE))
    await given_grants.change(to(REVOKED))
    assert await notices.deliver()
    assert [(change.number, change.state) for change in peer.changes] == [
        (1, SUSPENDED),
        (2, ACTIVE),
        (3, REVOKED),
    ]
    first = peer.changes[0]
    assert (first.grant_id, first.node_id, first.administrator) == (GRANT_ID, NODE.id, "李娜")


async def test_saying_the_same_again_changes_nothing(
    given_grants: GivenGrants, recorded: Grant, bare_node: LocalNode
) -> None:
    first = await given_grants.change(to(SUSPENDED))
    assert await given_grants.change(to(SUSPENDED, "另一个理由", "王建国")) == first
    assert len(bare_node.state.grants.notices(0, 10)) == 1
    await given_grants.change(to(REVOKED))
    await given_grants.change(to(REVOKED))
    assert len(bare_node.state.grants.notices(0, 10)) == 2


@pytest.mark.parametrize("word", [ACTIVE, SUSPENDED])
async def test_a_revoked_grant_is_dead(
    given_grants: GivenGrants, recorded: Grant, word: "GrantState.ValueType"
) -> None:
    await given_grants.change(to(REVOKED))
    with refused("GRANT_NOT_ACTIVE") as caught:
        await given_grants.change(to(word))
    assert caught.value.details["state"] == "REVOKED"
    with refused("GRANT_NOT_ACTIVE"):
        await given_grants.amend(amendment(valid_days=1))
    (told,) = given_grants.all()
    assert told.standing.provider_state == REVOKED


async def test_nor_is_one_amended_that_the_platform_has_revoked(
    given_grants: GivenGrants, recorded: Grant, bare_node: LocalNode
) -> None:
    word = grants.active_standing(GRANT_ID)
    word.platform_state = REVOKED
    await bare_node.state.grants.set_platform_words([word], all_of_them=False)
    with refused("GRANT_NOT_ACTIVE") as caught:
        await given_grants.amend(amendment(valid_days=1))
    assert caught.value.details == {"state": "REVOKED", "by": "PLATFORM"}
    # The provider's own word stays its own.
    told = await given_grants.change(to(SUSPENDED))
    assert (told.standing.provider_state, told.standing.platform_state) == (SUSPENDED, REVOKED)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (to(GrantState.GRANT_STATE_UNSPECIFIED), "state"),
        (to(9), "state"),  # type: ignore[arg-type]  # a state of a later release
        (to(REVOKED, reason=" "), "reason"),
        (to(REVOKED, reason="长" * 1_001), "reason"),
        (to(REVOKED, reason="a\x00"), "reason"),
        (to(REVOKED, administrator=""), "administrator"),
        (to(REVOKED, administrator="长" * 101), "administrator"),
    ],
)
async def test_a_change_says_what_why_and_who(
    given_grants: GivenGrants, recorded: Grant, bare_node: LocalNode, bad: ChangeGrantRequest, field: str
) -> None:
    with refused("FIELD_INVALID", field):
        await given_grants.change(bad)
    assert bare_node.state.grants.notices(0, 1) == []


async def test_grants_are_listed_newest_first(given_grants: GivenGrants, bare_node: LocalNode) -> None:
    for number in (1, 2, 3):
        given = grant()
        given.id = f"{GRANT_ID[:-1]}{number}"
        await bare_node.give(given)
    await bare_node.state.grants.mark_recorded(GRANT_ID)
    told = [(one.grant.id[-1], one.recorded) for one in given_grants.all()]
    assert told == [("3", False), ("2", False), ("1", True)]
