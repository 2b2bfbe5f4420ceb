"""Grants in the node's state: versions, the two parties' words, and what waits for the platform."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.store.notice import NoticeKind
from provider_node.store.state import State
from stayput.errors import StayputError
from stayput.grants import active_standing, effective_state
from stayput.v1.access_pb2 import Grant, GrantChange, GrantStanding, GrantState
from stayput.v1.signing_pb2 import Envelope
from tests.provider_node.serving.consumer import refused
from tests.provider_node.serving.node import GRANT_ID, Material, grant

ACTIVE = GrantState.GRANT_STATE_ACTIVE
SUSPENDED = GrantState.GRANT_STATE_SUSPENDED
REVOKED = GrantState.GRANT_STATE_REVOKED
STATES = [ACTIVE, SUSPENDED, REVOKED]
UNSIGNED = "G-00000000000000000000000009"


def sign(change: GrantChange) -> Envelope:
    return Envelope(payload=change.SerializeToString())


def to(state: "GrantState.ValueType") -> GrantChange:
    return GrantChange(grant_id=GRANT_ID, state=state, reason="核查", administrator="李娜")


def version(number: int) -> Envelope:
    given_grant = grant(per_day=number)
    given_grant.version = number
    return Envelope(payload=given_grant.SerializeToString())


def standing(state: State) -> GrantStanding:
    found = state.grants.get(GRANT_ID)
    assert found is not None
    return found.standing


async def test_a_grant_begins_pending_and_active(state: State, material: Material) -> None:
    await state.grants.put(GRANT_ID, material.envelope(grant()), "张伟")
    (pending,) = state.grants.pending()
    assert (pending.grant, pending.administrator) == (grant(), "张伟")
    assert standing(state) == active_standing(GRANT_ID)
    assert state.grants.untold() == {GRANT_ID}
    await state.grants.mark_recorded(GRANT_ID)
    assert (state.grants.pending(), state.grants.untold()) == ([], set())


async def test_versions_follow_one_another(state: State) -> None:
    await state.grants.put(GRANT_ID, version(1), "张伟")
    await state.grants.mark_recorded(GRANT_ID)
    await state.grants.amend(version(2))
    for late in (1, 2, 4):
        with refused("GRANT_VERSION", "version") as caught:
            await state.grants.amend(version(late))
        assert caught.value.details == {"expected": "3"}
    found = state.grants.get(GRANT_ID)
    assert found is not None
    assert (found.grant.version, found.envelope) == (2, version(2))
    assert [(one.kind, one.grant_id) for one in state.grants.notices(0, 9)] == [
        (NoticeKind.VERSION, GRANT_ID)
    ]
    assert state.grants.untold() == {GRANT_ID}


async def test_notices_come_in_pages_and_in_order(state: State) -> None:
    await state.grants.put(GRANT_ID, version(1), "张伟")
    await state.grants.amend(version(2))
    await state.grants.change(to(SUSPENDED), sign)
    await state.grants.change(to(ACTIVE), sign)
    first = state.grants.notices(0, 2)
    rest = state.grants.notices(first[-1].number, 9)
    assert [one.kind for one in first + rest] == [NoticeKind.VERSION, NoticeKind.CHANGE, NoticeKind.CHANGE]
    await state.grants.delivered(first[1])
    assert [one.number for one in state.grants.notices(0, 9)] == [first[0].number, rest[0].number]


async def test_an_old_notice_does_not_settle_a_new_one_of_its_number(state: State) -> None:
    await state.grants.put(GRANT_ID, version(1), "张伟")
    await state.grants.change(to(SUSPENDED), sign)
    (old,) = state.grants.notices(0, 9)
    await state.grants.delivered(old)
    await state.grants.change(to(ACTIVE), sign)
    (new,) = state.grants.notices(0, 9)
    assert new.number == old.number
    await state.grants.delivered(old)
    await state.grants.refused(old)
    assert state.grants.notices(0, 9) == [new]


async def test_a_dropped_grant_leaves_nothing(state: State) -> None:
    await state.grants.put(GRANT_ID, version(1), "张伟")
    await state.grants.change(to(SUSPENDED), sign)
    await state.grants.change(to(REVOKED), sign)
    await state.grants.drop(GRANT_ID)
    assert (state.grants.get(GRANT_ID), state.grants.notices(0, 9), state.grants.untold()) == (
        None,
        [],
        set(),
    )
    await state.grants.put(GRANT_ID, version(1), "张伟")
    assert standing(state) == active_standing(GRANT_ID)
    await state.grants.change(to(SUSPENDED), sign)
    (notice,) = state.grants.notices(0, 9)
    assert GrantChange.FromString(notice.envelope.payload).number == 1


async def test_a_change_that_cannot_be_signed_changes_nothing(state: State) -> None:
    await state.grants.put(GRANT_ID, version(1), "张伟")

    def fail(change: GrantChange) -> Envelope:
        raise ValueError(change.grant_id)

    with pytest.raises(ValueError, match=GRANT_ID):
        await state.grants.change(to(SUSPENDED), fail)
    assert (standing(state), state.grants.notices(0, 9)) == (active_standing(GRANT_ID), [])


WORDS = st.lists(
    st.one_of(
        st.tuples(st.just("provider"), st.sampled_from(STATES)),
        st.tuples(st.just("platform"), st.sampled_from(STATES)),
        st.tuples(st.just("platform, of all"), st.sampled_from([*STATES, None])),
        st.tuples(st.just("platform, of another"), st.sampled_from(STATES)),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(words=WORDS)
def test_each_partys_last_word_holds_and_revoked_is_final(
    words: "list[tuple[str, GrantState.ValueType | None]]",
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_hear(Path(directory), words))


async def _hear(directory: Path, words: "list[tuple[str, GrantState.ValueType | None]]") -> None:
    state = State(directory)
    await state.grants.put(GRANT_ID, version(1), "张伟")
    provider, platform, changes = ACTIVE, ACTIVE, 0
    for who, said in words:
        word = ACTIVE if said is None else said
        told = [GrantStanding(grant_id=GRANT_ID, platform_state=word)]
        match who:
            case "provider":
                try:
                    await state.grants.change(to(word), sign)
                except StayputError:
                    assert provider == REVOKED != word
                else:
                    changes += provider != word
                    provider = word
            case "platform":
                stopped = await state.grants.set_platform_words(told, all_of_them=False)
                platform = _heard(platform, word, stopped)
            case "platform, of all":
                stopped = await state.grants.set_platform_words(told if said else [], all_of_them=True)
                platform = _heard(platform, word, stopped)
            case "platform, of another":
                other = [GrantStanding(grant_id=UNSIGNED, platform_state=word)]
                assert await state.grants.set_platform_words(other, all_of_them=False) == []
            case _:
                state.close()
                state = State(directory)
    found = standing(state)
    assert (found.provider_state, found.platform_state) == (provider, platform)
    assert effective_state(found) == max(provider, platform)
    numbers = [
        GrantChange.FromString(notice.envelope.payload).number for notice in state.grants.notices(0, 99)
    ]
    assert numbers == list(range(1, changes + 1))
    assert [Grant.FromString(one.envelope.payload).id for one in state.grants.all()] == [GRANT_ID]
    state.close()


def _heard(
    before: "GrantState.ValueType", word: "GrantState.ValueType", stopped: list[str]
) -> "GrantState.ValueType":
    """The platform's word after it has said something."""
    if before == REVOKED:
        assert stopped == []
        return before
    assert stopped == ([GRANT_ID] if word not in (before, ACTIVE) else [])
    return word
