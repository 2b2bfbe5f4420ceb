"""Whatever the threat model says that nobody must learn or can do is shown by tests that there are."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby

import pytest

from tests.docs.terminal import ROOT, document

# In a table of claims a row says in one of these columns what must not be; an empty one says nothing.
CLAIMS = ("must not learn", "attempt")
SHOWN = "shown by"
HEADINGS = f"| party | must not learn | {SHOWN} |\n|---|---|---|\n"
THERE = "tests/docs/test_threat_model.py::test_whatever_must_not_be_is_shown_not_to_be"


def rows(text: str) -> Iterator[dict[str, str]]:
    """Each row of each table, by the table's headings."""
    for is_table, lines in groupby(text.splitlines(), lambda line: line.startswith("|")):
        if is_table:
            headings, _, *cells = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines)
            yield from (dict(zip(headings, row, strict=True)) for row in cells)


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the tests in a file, which need not exist."""
    if not (ROOT / path).is_file():
        return frozenset()
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    return frozenset(
        part.name
        for part in body
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name.startswith("test_")
    )


def faults(text: str) -> list[str]:
    """What is claimed and not shown, and what is named and not there."""
    found = []
    for row in rows(text):
        claims = [claim for heading in CLAIMS if (claim := row.get(heading))]
        if claims and "`tests/" not in row.get(SHOWN, ""):
            found.append(f"not shown: {claims[0]}")
    for named in re.findall(r"`(tests/[^`]*)`", text):
        path, _, test = named.partition("::")
        if test not in names_in(path):
            found.append(f"not there: {named}")
    return found


def test_whatever_must_not_be_is_shown_not_to_be() -> None:
    text = document("threat-model.md")
    assert faults(text) == []
    claimed = [heading for row in rows(text) for heading in CLAIMS if row.get(heading)]
    assert min(claimed.count(heading) for heading in CLAIMS) > 12


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f"| thief | names | `{THERE}` |", []),
        ("| thief | | |", []),
        ("| thief | names | |", ["not shown: names"]),
        ("| thief | names | by design |", ["not shown: names"]),
        ("| thief | names | `tests/docs/` |", ["not there: tests/docs/"]),
        (f"| thief | names | `{THERE}_at_all` |", [f"not there: {THERE}_at_all"]),
        (f"| thief | names | `{THERE}`, `tests/no.py::test_no` |", ["not there: tests/no.py::test_no"]),
        (
            f"| thief | names | `{THERE.partition(':')[0]}::rows` |",
            [f"not there: {THERE.partition(':')[0]}::rows"],
        ),
    ],
)
def test_what_is_not_shown_is_found(row: str, fault: list[str]) -> None:
    assert faults(f"{HEADINGS}{row}\n") == fault


def test_a_table_of_claims_has_to_show_them() -> None:
    assert faults("| party | must not learn |\n|---|---|\n| thief | names |\n") == ["not shown: names"]
