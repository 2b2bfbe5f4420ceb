"""What should be put right before publishing, and what there is to know, from what was counted."""

from collections.abc import Iterator
from typing import Final

from provider_node.domain.profile.model import CheckProfile, Finding, Kind, Level, Profile

_FEW: Final = 0.05
"""A share of rows without a value for a check that is nothing to speak of."""
_LEVELS: Final = tuple(Level)


def findings(profile: Profile) -> tuple[Finding, ...]:
    """All that is found, what should be put right first, and within that what affects most rows."""
    found = [
        *_of_the_source(profile),
        *_of_the_keys(profile),
        *_of_the_fields(profile),
        *(finding for check in profile.checks for finding in _of_a_check(check)),
    ]
    return tuple(sorted(found, key=lambda one: (_LEVELS.index(one.level), -one.rows)))


def _of_the_source(profile: Profile) -> Iterator[Finding]:
    if not profile.rows:
        yield Finding(Level.FIX, Kind.NO_ROWS, 0)
    for reason, lines in profile.unreadable.items():
        yield Finding(Level.FIX, Kind.LINES_UNREADABLE, lines, reason=reason)
    if profile.freshness.stale:
        yield Finding(Level.FIX, Kind.STALE, profile.rows)


def _of_the_keys(profile: Profile) -> Iterator[Finding]:
    if profile.rows_without_key:
        yield Finding(Level.FIX, Kind.ROWS_WITHOUT_KEY, profile.rows_without_key)
    for key in profile.keys:
        if key.repeating:
            yield Finding(Level.KNOW, Kind.SUBJECTS_REPEATED, key.repeating, key.name)


def _of_the_fields(profile: Profile) -> Iterator[Finding]:
    in_a_key = {field for key in profile.keys for field in key.fields}
    in_a_check = {field for check in profile.checks for field in check.fields}
    for field in profile.fields:
        for reason, rows in field.rejected.items():
            yield Finding(Level.FIX, Kind.VALUES_REJECTED, rows, field.name, reason)
        if field.missing and field.name in in_a_key:
            yield Finding(Level.FIX, Kind.KEY_VALUES_MISSING, field.missing, field.name)
        elif field.missing > _FEW * profile.rows and field.name in in_a_check:
            yield Finding(Level.KNOW, Kind.CHECK_VALUES_MISSING, field.missing, field.name)


def _of_a_check(check: CheckProfile) -> Iterator[Finding]:
    if check.condition:
        yield Finding(Level.KNOW, Kind.CONDITION, check.present, check.name, guess=check.guess)
    elif check.guess.easy:
        kind = Kind.CHECK_GUESSABLE if check.guess.limit else Kind.CHECK_FEW_VALUES
        yield Finding(Level.FIX, kind, check.present, check.name, guess=check.guess)
