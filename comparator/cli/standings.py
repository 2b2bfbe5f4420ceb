"""`grants`, `suspend`, `resume`, `revoke`: what provider and platform say of grants."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import typer

from comparator import texts
from comparator.cli.failures import told
from comparator.cli.opening import opened
from comparator.cli.tables import dump, filled, minute, plain, show
from comparator.config import load
from comparator.domain.grants import set_standing
from comparator.store.events import PLATFORM
from stayput.language import Text, language_of
from stayput.v1.access_pb2 import ChangeCause, Grant, GrantStanding, GrantState, RecordedGrant

_ACTIVE = GrantState.GRANT_STATE_ACTIVE
_STATES: Mapping[int, Text] = {
    GrantState.GRANT_STATE_ACTIVE: texts.GRANT_ACTIVE,
    GrantState.GRANT_STATE_SUSPENDED: texts.GRANT_SUSPENDED,
    GrantState.GRANT_STATE_REVOKED: texts.GRANT_REVOKED,
}
# What the node did by itself; an administrator's word needs no remark.
_BY_ITSELF: Mapping[int, Text] = {
    ChangeCause.CHANGE_CAUSE_MISS_RATIO: texts.GRANT_SUSPENDED_MISS_RATIO,
    ChangeCause.CHANGE_CAUSE_SEQUENCE: texts.GRANT_SUSPENDED_SEQUENCE,
}


@told()
def grants(path: Path, json: bool) -> None:
    """All of them, newest first."""
    with opened(load(path)) as database, database.reading() as store:
        listed = [recorded for _, recorded in store.grants.page(None, None, None)]
    if json:
        dump([_plain(recorded) for recorded in listed])
        return
    show(
        texts.GRANTS,
        (
            texts.COL_GRANT,
            texts.COL_CONSUMER,
            texts.COL_PROVIDER,
            texts.COL_RESOURCE,
            texts.COL_VERSION,
            texts.COL_VALID_UNTIL,
            texts.COL_PROVIDER_STATE,
            texts.COL_PLATFORM_STATE,
            texts.COL_REASON,
        ),
        (_row(recorded) for recorded in listed),
    )


def _row(recorded: RecordedGrant) -> tuple[str | Text, ...]:
    grant, standing = Grant.FromString(recorded.grant.payload), recorded.standing
    return (
        grant.id,
        grant.consumer,
        grant.provider,
        grant.resource,
        str(grant.version),
        minute(grant.valid_until),
        _provider_state(standing),
        _STATES[standing.platform_state],
        _reasons(standing),
    )


def _provider_state(standing: GrantStanding) -> Text:
    if standing.provider_state == GrantState.GRANT_STATE_SUSPENDED:
        return _BY_ITSELF.get(standing.provider_cause, texts.GRANT_SUSPENDED)
    return _STATES[standing.provider_state]


def _reasons(standing: GrantStanding) -> str:
    """Why it may not be used: the provider's reason, and the platform's."""
    words = (
        (standing.provider_state, standing.provider_reason),
        (standing.platform_state, standing.platform_reason),
    )
    return "; ".join(reason for state, reason in words if state != _ACTIVE)


def _plain(recorded: RecordedGrant) -> dict[str, object]:
    grant = plain(Grant.FromString(recorded.grant.payload))
    return grant | {"standing": plain(recorded.standing)}


@told()
def suspend(path: Path, grant_id: str, reason: str) -> None:
    """The platform suspends the grant."""
    _say(path, grant_id, GrantState.GRANT_STATE_SUSPENDED, reason)


@told()
def resume(path: Path, grant_id: str, reason: str) -> None:
    """The platform says that the grant may be used again."""
    _say(path, grant_id, GrantState.GRANT_STATE_ACTIVE, reason)


@told()
def revoke(path: Path, grant_id: str, reason: str) -> None:
    """The platform revokes the grant."""
    _say(path, grant_id, GrantState.GRANT_STATE_REVOKED, reason)


def _say(path: Path, grant_id: str, state: "GrantState.ValueType", reason: str) -> None:
    with opened(load(path)) as database, database.writing() as store:
        standing = set_standing(store, grant_id, state, reason, PLATFORM, datetime.now(UTC))
    language = language_of()
    said = filled(
        texts.STANDING_SET,
        grant=standing.grant_id,
        platform=_STATES[standing.platform_state].of(language),
        provider=_provider_state(standing).of(language),
    )
    typer.echo(said.of(language))
