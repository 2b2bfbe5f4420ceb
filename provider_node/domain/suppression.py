"""Counts only: which totals are told.

A list has so many different records, which everybody knows. Of the key there are two cells, the records found
and those not found; of a check there are two that may be told, the values that agree and those that differ,
and the rest, which never is.

**Exact totals.** Every cell told has at least the grant's minimum. Whoever knows what is told, the number of
records, how many of them asked each check, the minimum and this rule, and nothing of single records, cannot
tell how far below the minimum an untold cell is. If a cell is below it, or the rest of those that ask a check
and may, for all that is told, be in the register, then every number from 0 to the minimum less 1 that such a
list permits is possible for it. (Its test goes through all small registers to see that.) Two things follow
which a rule that looks at one cell alone would miss. A cell that is not told must not be the only small part
of a sum that is known: of the key both cells are told or neither, and of a check nothing is told where nearly
all of the records found agree. And which cell is left out for the sake of another must not depend on which is
the larger, for that would tell something of both: a check tells how many agree before it tells how many
differ.

What the consumer knows of single records beforehand it can subtract; against that there is noise.

**With noise.** Each cell gets noise of its own, whatever else is told, and is told if the noisy number is at
least the minimum. With discrete Laplace noise of the scale that `scale` gives, the probabilities of all that
is told together change by a factor of at most e^epsilon whatever the register has of one subject, because
that subject moves between two cells of each column at most.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from stayput.outcomes import MATCH, MISMATCH, NOT_FOUND

KEY_CELLS: Final = (MATCH, NOT_FOUND)
CHECK_CELLS: Final = (MATCH, MISMATCH)
_CELLS_OF_A_SUBJECT: Final = 2
_MILLI: Final = 1_000

Told = dict[int, int]


@dataclass(frozen=True, slots=True)
class Column:
    """Totals of a key or a check: how many different records asked it, and its cells by outcome."""

    asked: int
    cells: Mapping[int, int]


def exact(columns: Sequence[Column], minimum: int) -> list[Told]:
    """What is told of the key's column and then of the checks'; each list of records has the minimum."""
    key, *checks = columns
    found = key.cells[MATCH]
    if min(key.cells.values()) < minimum:
        return [{}, *(_of_check(check, check.asked, minimum) for check in checks)]
    return [dict(key.cells), *(_of_check(check, min(check.asked, found), minimum) for check in checks)]


def _of_check(check: Column, among: int, minimum: int) -> Told:
    """Of a check whose records found are known to be no more than `among`."""
    agree, differ = check.cells[MATCH], check.cells[MISMATCH]
    if min(agree, among - agree) < minimum:
        return {}
    if min(differ, among - agree - differ) < minimum:
        return {MATCH: agree}
    return {MATCH: agree, MISMATCH: differ}


def noisy(columns: Sequence[Column], minimum: int, noise: Callable[[], int]) -> list[Told]:
    """What is told of each column when every cell gets what `noise` returns."""
    shaken = [{cell: count + noise() for cell, count in column.cells.items()} for column in columns]
    return [{cell: count for cell, count in column.items() if count >= minimum} for column in shaken]


def scale(columns: int, epsilon_milli: int) -> Fraction:
    """The scale of the noise at which a session of so many columns loses that much privacy."""
    return Fraction(_CELLS_OF_A_SUBJECT * columns * _MILLI, epsilon_milli)
