"""The terms of a grant: what is signed, and what an approver may set."""

from datetime import UTC, timedelta

import pytest

from provider_node.domain.decisions import Decisions
from provider_node.domain.policy import GrantPolicy
from provider_node.store.state import State
from stayput import grants
from stayput.limits import DEFAULTS, RANGES, complete
from stayput.v1.access_pb2 import Application, ApplicationState, Hours, Limits
from stayput.v1.admin_pb2 import ApproveRequest
from stayput.v1.contract_pb2 import Granularity, Mode
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import (
    CONSUMER,
    NODE,
    NOW,
    PROVIDER,
    RESOURCE_LIMITS,
    Material,
)
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.policies import policy

GRANTED = ApplicationState.APPLICATION_STATE_GRANTED
KEYED, OBLIVIOUS = Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS
RECORD, COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT
ZHANG = "张伟"
OFFICE_HOURS = Hours(opens="08:30", closes="18:00", weekdays=[1, 2, 3, 4, 5])


def terms() -> ApproveRequest:
    return ApproveRequest(application_id="A-7", administrator=ZHANG)


async def test_a_grant_is_for_exactly_what_was_asked(
    decisions: Decisions, application: Application, peer: Peer, state: State, material: Material
) -> None:
    given = await decisions.approve(terms())
    assert (given.application_id, given.consumer, given.version) == ("A-7", CONSUMER.id, 1)
    assert (given.resource, given.key, tuple(given.checks)) == (register.CODE, register.KEY, register.CHECKS)
    assert list(given.modes) == [Mode.MODE_KEYED]
    assert list(given.granularities) == [Granularity.GRANULARITY_RECORD]
    assert (given.purpose, given.matter) == (application.purpose, application.matter)
    assert (given.provider, given.node_id) == (PROVIDER, NODE.id)
    assert given.security_agreement == application.security_agreement
    assert given.valid_from.ToDatetime(UTC) == given.issued_at.ToDatetime(UTC) == NOW
    assert given.valid_until.ToDatetime(UTC) == NOW + timedelta(days=365)
    assert given.limits == complete(RESOURCE_LIMITS, DEFAULTS)
    assert (given.case_number_required, list(given.operators), given.HasField("hours")) == (False, [], False)
    stored = state.grants.get(given.id)
    assert stored is not None
    assert stored.recorded
    assert peer.grants[given.id] == stored.envelope
    assert grants.verify(stored.envelope, material.verification_key) == given
    assert (application.state, application.grant_id, application.decided_by) == (GRANTED, given.id, ZHANG)


async def test_or_for_less_on_the_approvers_terms(decisions: Decisions, application: Application) -> None:
    asked = terms()
    asked.MergeFrom(
        ApproveRequest(
            valid_days=30,
            case_number_required=True,
            limits=Limits(records_per_day=77, miss_permille=0),
            security_agreement="民政-公安〔2026〕9号",
            without_checks=["plate"],
            operators=["clerk 7", "clerk 8"],
            hours=OFFICE_HOURS,
        )
    )
    given = await decisions.approve(asked)
    assert given.valid_until.ToDatetime(UTC) == NOW + timedelta(days=30)
    assert given.limits == complete(asked.limits, complete(RESOURCE_LIMITS, DEFAULTS))
    assert given.case_number_required
    assert given.security_agreement == "民政-公安〔2026〕9号"
    assert list(given.checks) == ["name"]
    assert (list(given.operators), given.hours) == (["clerk 7", "clerk 8"], OFFICE_HOURS)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (ApproveRequest(valid_days=-1), "valid_days"),
        (ApproveRequest(valid_days=1_097), "valid_days"),
        (ApproveRequest(administrator=" "), "administrator"),
        (ApproveRequest(administrator="长" * 101), "administrator"),
        (ApproveRequest(administrator="a\x1b[31m"), "administrator"),
        (ApproveRequest(security_agreement="长" * 201), "security_agreement"),
        (ApproveRequest(security_agreement="a\x00"), "security_agreement"),
        (ApproveRequest(without_checks=["name", "colour"]), "without_checks"),
        (ApproveRequest(operators=["clerk 7", "clerk 7"]), "operators"),
        (ApproveRequest(operators=[""]), "operators"),
        (ApproveRequest(operators=["长" * 101]), "operators"),
        (ApproveRequest(operators=[f"clerk {n}" for n in range(1_001)]), "operators"),
        (ApproveRequest(hours=Hours()), "hours.opens"),
        (ApproveRequest(hours=Hours(opens="18:00", closes="08:00")), "hours.closes"),
        *(
            (ApproveRequest(limits=Limits(**{name: value})), f"limits.{name}")
            for name, permitted in RANGES.items()
            for value in (permitted.most + 1, -1)
        ),
    ],
)
async def test_terms_out_of_range_are_refused(
    decisions: Decisions, application: Application, state: State, bad: ApproveRequest, field: str
) -> None:
    asked = terms()
    asked.MergeFrom(bad)
    with refused("FIELD_INVALID", field) as caught:
        await decisions.approve(asked)
    assert "长" not in caught.value.message
    assert state.grants.all() == []


@pytest.mark.parametrize("edge", ["least", "most"])
async def test_terms_at_the_edge_are_taken(decisions: Decisions, application: Application, edge: str) -> None:
    asked = terms()
    asked.valid_days = 1 if edge == "least" else 1_096
    for name, permitted in RANGES.items():
        setattr(asked.limits, name, getattr(permitted, edge))
    asked.operators.extend(f"clerk {n}" for n in range(1_000))
    assert (await decisions.approve(asked)).limits == asked.limits


DEMANDED = policy()
LEFT_OPEN = policy(agreement_required=False)
WITHOUT = ApproveRequest(without_agreement=True)


@pytest.mark.parametrize(
    ("policy", "more"), [(DEMANDED, ApproveRequest()), (DEMANDED, WITHOUT), (LEFT_OPEN, ApproveRequest())]
)
async def test_no_grant_without_a_security_agreement(
    decisions: Decisions,
    application: Application,
    policies: dict[str, GrantPolicy],
    state: State,
    policy: GrantPolicy,
    more: ApproveRequest,
) -> None:
    policies[register.CODE] = policy
    application.security_agreement = " "
    asked = terms()
    asked.MergeFrom(more)
    with refused("AGREEMENT_REQUIRED", "security_agreement"):
        await decisions.approve(asked)
    assert state.grants.all() == []
    asked.security_agreement = "民政-公安〔2026〕9号"
    assert (await decisions.approve(asked)).security_agreement == asked.security_agreement


@pytest.mark.parametrize(
    ("mode", "granularity"),
    [(OBLIVIOUS, RECORD), (KEYED, COUNT), (OBLIVIOUS, COUNT), (KEYED, 9), (0, RECORD)],
)
async def test_what_the_resource_does_not_offer_is_not_granted(
    decisions: Decisions,
    application: Application,
    policies: dict[str, GrantPolicy],
    state: State,
    mode: "Mode.ValueType",
    granularity: "Granularity.ValueType",
) -> None:
    application.mode, application.granularity = mode, granularity
    with refused("FIELD_INVALID", "granularity" if mode == KEYED else "mode") as caught:
        await decisions.approve(terms())
    assert "in the resource's file" in caught.value.remedy
    assert state.grants.all() == []
    policies[register.CODE] = policy(modes={KEYED, mode}, granularities={RECORD, granularity})
    given = await decisions.approve(terms())
    assert (list(given.modes), list(given.granularities)) == ([mode], [granularity])
    assert given.limits == DEFAULTS


async def test_the_limits_of_counts_are_signed(decisions: Decisions, application: Application) -> None:
    asked = terms()
    asked.limits.MergeFrom(Limits(count_minimum=25, noise_epsilon_milli=500, noise_budget_milli=4_000))
    limits = (await decisions.approve(asked)).limits
    assert limits == complete(asked.limits, complete(RESOURCE_LIMITS, DEFAULTS))


async def test_unless_both_configuration_and_approver_do_without(
    decisions: Decisions, application: Application, policies: dict[str, GrantPolicy]
) -> None:
    policies[register.CODE] = LEFT_OPEN
    application.security_agreement = ""
    asked = terms()
    asked.MergeFrom(WITHOUT)
    assert (await decisions.approve(asked)).security_agreement == ""
