"""Whether a grant may be used, in words: what provider and platform say of it, and why."""

from datetime import UTC, datetime
from typing import Final

from provider_node.cli.output import local, sentence, word
from stayput.v1.access_pb2 import ChangeCause, Grant, GrantStanding, GrantState

_STATES: Final = {
    GrantState.GRANT_STATE_SUSPENDED: "suspended",
    GrantState.GRANT_STATE_REVOKED: "revoked",
}
_CAUSES: Final = {
    ChangeCause.CHANGE_CAUSE_MISS_RATIO: "by_breaker",
    ChangeCause.CHANGE_CAUSE_SEQUENCE: "by_detector",
}


def told_standing(grant: Grant, standing: GrantStanding) -> str:
    """Whose word stops the grant, since when and why; else whether it has expired or is active."""
    words = []
    for state, by, since, reason in (
        (
            standing.provider_state,
            _CAUSES.get(standing.provider_cause, "by_provider"),
            standing.provider_changed_at,
            standing.provider_reason,
        ),
        (
            standing.platform_state,
            "by_platform",
            standing.platform_changed_at,
            standing.platform_reason,
        ),
    ):
        if state in _STATES:
            words.append(sentence(_STATES[state], by=word(by), since=local(since), reason=reason))
    if words:
        return "; ".join(words)
    return word("expired" if grant.valid_until.ToDatetime(UTC) <= datetime.now(UTC) else "active")
