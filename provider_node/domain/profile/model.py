"""What a profile says. It holds counts, lengths, shapes and shares, and no value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from provider_node.domain.profile.guessing import Guess
from provider_node.domain.profile.shapes import Shape

VERSION: Final = 1
"""Of the JSON form, which docs/profile.md describes."""


class Level(StrEnum):
    """Whether something should be put right before publishing, or is only to be known."""

    FIX = "FIX"
    KNOW = "KNOW"


class Kind(StrEnum):
    """What is found."""

    NO_ROWS = "NO_ROWS"
    LINES_UNREADABLE = "LINES_UNREADABLE"
    ROWS_WITHOUT_KEY = "ROWS_WITHOUT_KEY"
    VALUES_REJECTED = "VALUES_REJECTED"
    KEY_VALUES_MISSING = "KEY_VALUES_MISSING"
    STALE = "STALE"
    CHECK_GUESSABLE = "CHECK_GUESSABLE"
    CHECK_FEW_VALUES = "CHECK_FEW_VALUES"
    CHECK_VALUES_MISSING = "CHECK_VALUES_MISSING"
    SUBJECTS_REPEATED = "SUBJECTS_REPEATED"
    CONDITION = "CONDITION"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about `rows` rows or lines.

    `where` names the field, key or check (empty if it is about the source), `reason` is that of a rejection.
    `guess` belongs to what is found of a check.
    """

    level: Level
    kind: Kind
    rows: int
    where: str = ""
    reason: str = ""
    guess: Guess | None = None


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """One field. `rejected` counts rows by reason; lengths, in characters, are of the texts of the source.

    `top_share` is the share that the most frequent value has of the rows with a value.
    """

    name: str
    type: str
    column: str
    title: str
    present: int
    missing: int
    rejected: Mapping[str, int]
    distinct: int
    distinct_exact: bool
    shortest: int
    longest: int
    top_share: float
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class KeyProfile:
    """One key: how many rows have it and how many not, and of how many subjects they are.

    `repeating`: rows whose subject an earlier row has too; `most_rows` of one subject. Unless `exact`, these
    are estimated from an even sample of about half a million subjects or more.
    """

    name: str
    fields: tuple[str, ...]
    usable: int
    unusable: int
    subjects: int
    repeating: int
    most_rows: int
    exact: bool


@dataclass(frozen=True, slots=True)
class CheckProfile:
    """One check: the rows that have a value for it, and how easily that is guessed.

    A check has either fields or a condition. A row has a value of a condition if it is known whether it meets
    it; `met` rows do.
    """

    name: str
    title: str
    fields: tuple[str, ...]
    condition: str
    present: int
    met: int
    values_per_subject: float
    guess: Guess


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the source's data are against what is promised; `modified_at` is `None` if nobody can tell."""

    update_frequency: str
    modified_at: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """What there is in a source. `rows` counts those that could be read; `unreadable` lines by reason.

    `complete` is false if only the first rows were read. Findings are in the order of level and rows.
    """

    resource: str
    title: str
    profiled_at: datetime
    complete: bool
    rows: int
    unreadable: Mapping[str, int]
    rows_without_key: int
    freshness: Freshness
    fields: tuple[FieldProfile, ...]
    keys: tuple[KeyProfile, ...]
    checks: tuple[CheckProfile, ...]
    findings: tuple[Finding, ...] = field(default=())
