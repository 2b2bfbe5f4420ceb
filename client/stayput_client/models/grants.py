"""A grant: what it permits, to whom, and whether it can be used now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from stayput import hours
from stayput.errors import StayputError
from stayput.v1 import access_pb2
from stayput_client.models.limits import Limits, limits
from stayput_client.models.vocabulary import (
    ChangeCause,
    GrantState,
    Granularity,
    Mode,
    SaidBy,
    all_known,
    known,
    malformed,
    moment,
    unknown_value,
)


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the day in China, each as `HH:MM`, on those days, 1 (Monday) to 7; none means every day."""

    opens: str
    closes: str
    weekdays: tuple[int, ...]

    def __str__(self) -> str:
        return hours.told(access_pb2.Hours(opens=self.opens, closes=self.closes, weekdays=self.weekdays))


@dataclass(frozen=True, slots=True)
class GrantStop:
    """One party's word that a grant may not be used: SUSPENDED or REVOKED, why, and since when.

    `cause` is the provider's only, and None if it names none.
    """

    by: SaidBy
    state: GrantState
    cause: ChangeCause | None
    reason: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant and whether it can be used now.

    `operators` empty means anyone of the department, `hours` None at any time. `stops` says who suspended or
    revoked it, the stricter word first. `signed` is the message that the node signed, by which a use is
    judged.
    """

    id: str
    version: int
    application_id: str
    provider: str
    node: str
    resource: str
    key: str
    checks: tuple[str, ...]
    modes: tuple[Mode, ...]
    granularities: tuple[Granularity, ...]
    purpose: str
    matter: str
    security_agreement: str
    valid_from: datetime
    valid_until: datetime
    case_number_required: bool
    operators: tuple[str, ...]
    hours: Hours | None
    limits: Limits
    state: GrantState
    stops: tuple[GrantStop, ...]
    signed: access_pb2.Grant = field(repr=False)

    @property
    def stop(self) -> GrantStop | None:
        """The word that decides, if the grant is SUSPENDED or REVOKED."""
        return next((one for one in self.stops if one.state is self.state), None)

    @property
    def state_reason(self) -> str:
        """Why it was suspended or revoked, in the words of who did it; empty in another state."""
        return self.stop.reason if self.stop else ""

    @property
    def state_by(self) -> SaidBy | None:
        """Who suspended or revoked it; None in another state."""
        return self.stop.by if self.stop else None


_STATES: Final[Mapping[int, GrantState]] = {
    access_pb2.GRANT_STATE_ACTIVE: GrantState.ACTIVE,
    access_pb2.GRANT_STATE_SUSPENDED: GrantState.SUSPENDED,
    access_pb2.GRANT_STATE_REVOKED: GrantState.REVOKED,
}


def grant_state(number: int, field: str) -> GrantState:
    """A party's word on a grant; `PROTOCOL_VIOLATION` if it is missing, `UNSUPPORTED` if it is not known."""
    if number == access_pb2.GRANT_STATE_UNSPECIFIED:
        raise malformed(field)
    if number not in _STATES:
        raise unknown_value(field)
    return _STATES[number]


def grant_stops(standing: access_pb2.GrantStanding) -> tuple[GrantStop, ...]:
    """Who suspended or revoked a grant, REVOKED first; raises as `grant_state`."""
    provider = grant_state(standing.provider_state, "standing.provider_state")
    platform = grant_state(standing.platform_state, "standing.platform_state")
    cause = standing.provider_cause
    stops = [
        GrantStop(
            SaidBy.PROVIDER,
            provider,
            known(ChangeCause, cause, "standing.provider_cause") if cause else None,
            standing.provider_reason,
            moment(standing.provider_changed_at) if standing.HasField("provider_changed_at") else None,
        ),
        GrantStop(
            SaidBy.PLATFORM,
            platform,
            None,
            standing.platform_reason,
            moment(standing.platform_changed_at) if standing.HasField("platform_changed_at") else None,
        ),
    ]
    stopped = [one for one in stops if one.state is not GrantState.ACTIVE]
    return tuple(sorted(stopped, key=lambda one: one.state is not GrantState.REVOKED))


def grant(message: access_pb2.Grant, state: GrantState, stops: tuple[GrantStop, ...]) -> Grant:
    """A grant as its node signed it, in the state given; `PROTOCOL_VIOLATION` for what it cannot say."""
    return Grant(
        id=message.id,
        version=message.version,
        application_id=message.application_id,
        provider=message.provider,
        node=message.node_id,
        resource=message.resource,
        key=message.key,
        checks=tuple(message.checks),
        modes=all_known(Mode, message.modes, "mode"),
        granularities=all_known(Granularity, message.granularities, "granularity"),
        purpose=message.purpose,
        matter=message.matter,
        security_agreement=message.security_agreement,
        valid_from=moment(message.valid_from),
        valid_until=moment(message.valid_until),
        case_number_required=message.case_number_required,
        operators=tuple(message.operators),
        hours=_hours(message.hours) if message.HasField("hours") else None,
        limits=limits(message.limits, "grant.limits"),
        state=state,
        stops=stops,
        signed=message,
    )


def _hours(message: access_pb2.Hours) -> Hours:
    try:
        hours.checked(message)
    except StayputError:
        raise malformed("grant.hours") from None
    return Hours(message.opens, message.closes, tuple(sorted(message.weekdays)))
