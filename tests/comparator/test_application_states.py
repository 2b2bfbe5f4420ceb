"""AcceptApplication, WithdrawApplication, RecordDecision: which state leads where, who is told of whom."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from comparator.store.applications import number_of
from stayput.v1.access_pb2 import Application, ApplicationState, GetApplicationRequest
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused

_State = ApplicationState
_SUBMITTED = _State.APPLICATION_STATE_SUBMITTED
_ACCEPTED = _State.APPLICATION_STATE_ACCEPTED
_GRANTED = _State.APPLICATION_STATE_GRANTED
_REFUSED = _State.APPLICATION_STATE_REFUSED
_WITHDRAWN = _State.APPLICATION_STATE_WITHDRAWN
_EXPIRED = _State.APPLICATION_STATE_EXPIRED
_FINAL = (_GRANTED, _REFUSED, _WITHDRAWN, _EXPIRED)
Step = Callable[[Application], Awaitable[Application]]


@pytest.fixture
async def node(node: Member) -> Member:
    await documents.publish(node)
    return node


@pytest.fixture
def steps(platform: Platform, node: Member, consumer: Member) -> dict[int, Step]:
    """The step that leads to each state, made by whoever it is up to."""

    async def expire(asked: Application) -> Application:
        with platform.database.writing() as store:
            store.applications.expire(number_of(asked), platform.clock())
        return await _get(node, asked.id)

    def grant(asked: Application) -> Awaitable[Application]:
        when = asked.submitted_at.ToDatetime(UTC)
        return documents.decide(node, documents.grant(asked, node, when, number_of(asked)))

    return {
        _ACCEPTED: lambda asked: documents.accept(node, asked.id),
        _GRANTED: grant,
        _REFUSED: lambda asked: documents.refuse(node, asked.id, "理由"),
        _WITHDRAWN: lambda asked: documents.withdraw(consumer, asked.id, "不再需要"),
        _EXPIRED: expire,
    }


async def _get(by: Member, application_id: str) -> Application:
    return (await by.access.GetApplication(GetApplicationRequest(id=application_id))).application


async def test_an_open_application_goes_any_way(consumer: Member, steps: dict[int, Step]) -> None:
    for state, step in steps.items():
        asked = await documents.apply(consumer)
        after = await step(asked)
        assert after.state == state
        assert after.HasField("decided_at") == (state != _ACCEPTED)
        assert after.HasField("decision_clock") == (state == _ACCEPTED)


async def test_an_accepted_application_goes_any_way_but_back(
    node: Member, consumer: Member, steps: dict[int, Step]
) -> None:
    for state, step in steps.items():
        asked = await documents.apply(consumer)
        accepted = await steps[_ACCEPTED](asked)
        await step(asked)
        after = await _get(node, asked.id)
        assert after.state == state
        assert (after.accepted_at, after.accepted_by) == (accepted.accepted_at, documents.ADMINISTRATOR)


async def test_nothing_follows_a_final_state(
    platform: Platform, node: Member, consumer: Member, steps: dict[int, Step]
) -> None:
    for state in _FINAL:
        asked = await documents.apply(consumer)
        decided = await steps[state](asked)
        for other, step in steps.items():
            if other not in (state, _EXPIRED):
                with refused("APPLICATION_DECIDED", "application_id") as caught:
                    await step(asked)
                assert caught.value.details["state"] == _State.Name(state).rpartition("_")[2]
                when = datetime.fromisoformat(caught.value.details["decided_at"])
                assert when == decided.decided_at.ToDatetime(UTC)
                assert abs(when - platform.clock()) < timedelta(seconds=60)
        with refused("APPLICATION_DECIDED"):
            await documents.refuse(node, asked.id, "另一个理由")
        assert await _get(node, asked.id) == decided


async def test_the_same_step_again_changes_nothing(consumer: Member, steps: dict[int, Step]) -> None:
    for state, step in steps.items():
        if state != _EXPIRED:
            asked = await documents.apply(consumer)
            after = await step(asked)
            assert await step(asked) == after


async def test_who_took_it_in_first_is_kept(node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    first = await documents.accept(node, asked.id, "李四")
    assert await documents.accept(node, asked.id, "王五") == first
    assert first.accepted_by == "李四"


async def test_a_withdrawal_tells_the_provider_why(node: Member, consumer: Member) -> None:
    asked = await documents.apply(consumer)
    mine = await documents.withdraw(consumer, asked.id, "材料有误")
    assert (await _get(node, asked.id)).withdrawal_reason == mine.withdrawal_reason == "材料有误"
    silent = await documents.apply(consumer)
    assert (await documents.withdraw(consumer, silent.id)).withdrawal_reason == ""


async def test_the_second_administrator_is_told_of_the_first(
    platform: Platform, node: Member, consumer: Member
) -> None:
    asked = await documents.apply(consumer)
    await documents.refuse(node, asked.id, "理由", "李四")
    with refused("APPLICATION_DECIDED") as caught:
        await documents.refuse(node, asked.id, "理由", "王五")
    assert caught.value.details["decided_by"] == "李四"
    with refused("APPLICATION_DECIDED") as caught:
        await documents.decide(node, documents.grant(asked, node, platform.clock()), administrator="王五")
    assert caught.value.details["decided_by"] == "李四"


async def test_administrators_are_not_told_to_the_consumer(
    platform: Platform, node: Member, consumer: Member, auditor: Member, operator: Member
) -> None:
    asked = await documents.apply(consumer)
    await documents.accept(node, asked.id, "李四")
    await documents.decide(node, documents.grant(asked, node, platform.clock()), administrator="王五")
    for party in (node, auditor, operator):
        seen = await _get(party, asked.id)
        assert (seen.accepted_by, seen.decided_by) == ("李四", "王五")
    mine = await _get(consumer, asked.id)
    assert (mine.accepted_by, mine.decided_by) == ("", "")
    assert mine.HasField("accepted_at")
    with refused("APPLICATION_DECIDED") as caught:
        await documents.withdraw(consumer, asked.id)
    assert "decided_by" not in caught.value.details


@pytest.mark.parametrize("administrator", ["", " ", "secret" * 17, "secret\x1b[0m"])
async def test_an_administrator_without_a_fit_name(
    platform: Platform, node: Member, consumer: Member, administrator: str
) -> None:
    asked = await documents.apply(consumer)
    grant = documents.grant(asked, node, platform.clock())
    for call in (
        documents.accept(node, asked.id, administrator),
        documents.refuse(node, asked.id, "理由", administrator),
        documents.decide(node, grant, administrator=administrator),
    ):
        with refused("FIELD_INVALID", "administrator") as caught:
            await call
        text = caught.value.message + caught.value.remedy
        assert "secret" not in text
        assert "1 to 100" in text or "control" in text
    assert (await _get(node, asked.id)).state == _SUBMITTED


@pytest.mark.parametrize("reason", ["", " ", "理" * 1_001, "理\x00"])
async def test_a_refusal_without_a_fit_reason(node: Member, consumer: Member, reason: str) -> None:
    asked = await documents.apply(consumer)
    with refused("FIELD_INVALID", "refusal_reason") as caught:
        await documents.refuse(node, asked.id, reason)
    text = caught.value.message + caught.value.remedy
    assert "1 to 1000" in text or "control" in text
    assert "理" not in text


@pytest.mark.parametrize("reason", ["由" * 1_001, "由\x00"])
async def test_a_withdrawal_without_a_fit_reason(node: Member, consumer: Member, reason: str) -> None:
    asked = await documents.apply(consumer)
    with refused("FIELD_INVALID", "reason") as caught:
        await documents.withdraw(consumer, asked.id, reason)
    assert "由" not in caught.value.message
    assert (await _get(consumer, asked.id)).state == _SUBMITTED
