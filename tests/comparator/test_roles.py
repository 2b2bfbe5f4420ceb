"""Roles of departments: how they are given and changed, and what is written down of it."""

import pytest

from comparator.domain.enrolment import change_roles
from comparator.store.events import PLATFORM, About
from comparator.store.models import Role
from stayput.errors import StayputError
from stayput.identity import department, node
from stayput.v1.log_pb2 import Event, EventType
from tests.comparator.platform import Platform

_USUAL = {Role.CONSUMER, Role.PROVIDER}


def _roles(platform: Platform, code: str = "civil-affairs") -> set[Role]:
    with platform.database.reading() as store:
        return set(store.parties.roles(department(code)))


def _change(platform: Platform, *roles: Role, code: str = "civil-affairs") -> None:
    with platform.database.writing() as store:
        change_roles(store, code, frozenset(roles), platform.clock())


def _events(platform: Platform) -> list[Event]:
    """Oldest first."""
    with platform.database.reading() as store:
        return store.events.page(None, None, About())[::-1]


def test_a_department_consumes_and_provides_unless_it_is_said(platform: Platform) -> None:
    platform.invite_department("civil-affairs")
    assert _roles(platform) == _USUAL
    platform.invite_department("data-bureau", roles=frozenset({Role.OPERATOR, Role.CONSUMER}))
    assert _roles(platform, "data-bureau") == {Role.OPERATOR, Role.CONSUMER}


def test_inviting_again_keeps_roles_unless_it_is_said(platform: Platform) -> None:
    platform.invite_department("civil-affairs", roles=frozenset({Role.CONSUMER}))
    platform.invite_department("civil-affairs")
    assert _roles(platform) == {Role.CONSUMER}
    assert _events(platform) == []
    platform.invite_department("civil-affairs", roles=frozenset({Role.AUDITOR}))
    assert _roles(platform) == {Role.AUDITOR}
    assert [event.detail for event in _events(platform)] == ["from consumer to auditor"]


def test_a_change_is_an_event(platform: Platform) -> None:
    platform.invite_department("civil-affairs")
    _change(platform, Role.OPERATOR, Role.CONSUMER)
    _change(platform, Role.CONSUMER, Role.OPERATOR)
    (event,) = _events(platform)
    assert (event.type, event.actor, event.party, event.detail) == (
        EventType.EVENT_TYPE_ROLES_CHANGED,
        PLATFORM,
        department("civil-affairs").urn,
        "from consumer provider to consumer operator",
    )


async def test_enrolments_are_events(platform: Platform) -> None:
    await platform.node("vehicles-1", "traffic-police")
    await platform.department("traffic-police")
    await platform.department("traffic-police")
    first, second = node("vehicles-1").urn, department("traffic-police").urn
    assert [(event.type, event.actor, event.party) for event in _events(platform)] == [
        (EventType.EVENT_TYPE_PARTY_ENROLLED, first, first),
        (EventType.EVENT_TYPE_PARTY_ENROLLED, second, second),
        (EventType.EVENT_TYPE_PARTY_ENROLLED, second, second),
        (EventType.EVENT_TYPE_KEYS_CHANGED, second, second),
    ]


@pytest.mark.parametrize("others", [{Role.CONSUMER}, {Role.OPERATOR}, {Role.PROVIDER, Role.CONSUMER}])
def test_an_auditor_is_nothing_else(platform: Platform, others: set[Role]) -> None:
    both = frozenset({Role.AUDITOR, *others})
    with pytest.raises(StayputError, match="would audit itself"):
        platform.invite_department("audit-office", roles=both)
    with platform.database.reading() as store:
        assert store.parties.find(department("audit-office")) is None
    platform.invite_department("civil-affairs")
    for change in (
        lambda: _change(platform, *both),
        lambda: platform.invite_department("civil-affairs", roles=both),
    ):
        with pytest.raises(StayputError, match="would audit itself"):
            change()
    assert _roles(platform) == _USUAL
    assert _events(platform) == []


def test_roles_cannot_be_none(platform: Platform) -> None:
    platform.invite_department("civil-affairs")
    with pytest.raises(StayputError, match="none is given"):
        _change(platform)


@pytest.mark.parametrize("code", ["no-such", "No Such"])
def test_an_unknown_department(platform: Platform, code: str) -> None:
    with pytest.raises(StayputError) as caught:
        _change(platform, Role.CONSUMER, code=code)
    assert caught.value.reason_name == "FIELD_INVALID"


def test_only_providers_have_nodes(platform: Platform) -> None:
    platform.invite_department("civil-affairs", roles=frozenset({Role.CONSUMER}))
    with pytest.raises(StayputError, match="not enrolled as provider") as caught:
        platform.invite_node("civil-1", "civil-affairs")
    assert "comparator roles CODE" in caught.value.remedy
    _change(platform, Role.PROVIDER)
    assert platform.invite_node("civil-1", "civil-affairs").node_id == "civil-1"
