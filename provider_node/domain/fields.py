"""What a text or number of an administrator must look like; each refusal names the field, never its value."""

from collections.abc import Sequence
from typing import Final

from stayput.errors import field_invalid
from stayput.plain_text import is_plain

LONGEST_REASON: Final = 1_000
LONGEST_NAME: Final = 100
LONGEST_REFERENCE: Final = 200
LONGEST_VALIDITY_DAYS: Final = 1_096
MOST_OPERATORS: Final = 1_000


def text(field: str, value: str, most: int, least: int = 1) -> str:
    """`value`, if it has so many characters, no control character, and is not blank where required."""
    if least and not value.strip():
        raise field_invalid(field, "is missing", f"give {least} to {most} characters")
    if len(value) > most:
        raise field_invalid(field, f"must have {least} to {most} characters", "say it in fewer words")
    if not is_plain(value):
        raise field_invalid(field, "must not hold control characters", "leave them out")
    return value


def days(field: str, value: int) -> int:
    """`value`, if a grant can be valid for so many days from now, or 0."""
    if not 0 <= value <= LONGEST_VALIDITY_DAYS:
        raise field_invalid(
            field,
            f"must be 1 to {LONGEST_VALIDITY_DAYS}",
            "give a number in that range, or 0 to leave it open",
        )
    return value


def operators(field: str, names: Sequence[str]) -> Sequence[str]:
    """`names`, if there are not too many, each is a name, and none comes twice."""
    if len(names) > MOST_OPERATORS:
        raise field_invalid(field, f"must name at most {MOST_OPERATORS:,}", "leave it empty to permit anyone")
    for name in names:
        text(field, name, most=LONGEST_NAME)
    if len(set(names)) != len(names):
        raise field_invalid(field, "must name each operator once", "leave out the repetitions")
    return names


def checks_without(field: str, checks: Sequence[str], without: Sequence[str]) -> list[str]:
    """`checks` but those of `without`, all of which must be among them."""
    if not set(without) <= set(checks):
        raise field_invalid(field, "names a check that is not there", "see the application or the grant")
    return [check for check in checks if check not in without]
