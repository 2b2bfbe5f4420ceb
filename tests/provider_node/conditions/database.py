"""Rows of normalised values, and what a database says of conditions on them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from hypothesis import strategies as st

from provider_node.config.conditions import LiteralKind
from stayput.normalise import Reject
from tests.provider_node.conditions.strategies import BOOLEANS, DATES, NUMBERS, TEXTS, VALUES

Cell = str | Reject
Row = tuple[Cell, ...]
COLUMNS = (*NUMBERS, *DATES, *BOOLEANS, *TEXTS)
REJECTS = st.sampled_from([Reject.MISSING, Reject.FORMAT])
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["0.00", "5.00", "-3.00", "99999.99", "100000.00"]) | REJECTS,
        st.sampled_from(["0", "4", "5", "-3"]) | REJECTS,
        *[st.sampled_from([*VALUES[LiteralKind.DATE], "2024-03-01"]) | REJECTS] * 2,
        *[st.sampled_from(VALUES[LiteralKind.BOOLEAN]) | REJECTS] * 2,
        *[st.sampled_from(VALUES[LiteralKind.TEXT]) | REJECTS] * 2,
    ),
    max_size=12,
)


def in_sqlite(text: str, rows: Sequence[Row]) -> list[bool | None]:
    """The same by another program; its booleans are numbers and its days are texts."""
    # NUMERIC turns what looks like a number into one.
    kinds = [f"{name} {'NUMERIC' if name in (*NUMBERS, *BOOLEANS) else 'TEXT'}" for name in COLUMNS]
    cells = {"true": 1, "false": 0, Reject.MISSING: None, Reject.FORMAT: None}
    insertion = f"INSERT INTO vehicles VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 (question marks)
    condition = text.replace("date '", "'")
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE vehicles ({', '.join(kinds)})")
        database.executemany(insertion, [[cells.get(cell, cell) for cell in row] for row in rows])
        found = database.execute(f"SELECT {condition} FROM vehicles ORDER BY rowid")  # noqa: S608 (as drawn)
        return [None if answer is None else bool(answer) for (answer,) in found]
