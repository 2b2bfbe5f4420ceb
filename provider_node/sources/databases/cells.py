"""The text of a cell: always the same for the same value, or one that normalising rejects."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final
from uuid import UUID

from provider_node.sources.values import EXACT, NO_TEXT, TOO_LONG, date_text, decimal_text, float_text
from stayput.china_time import CHINA

MOST_CHARACTERS: Final = 1_024
"""Longer texts are not kept. What is compared has at most 512 bytes."""


def texts_of(column: Sequence[object], exact: float = EXACT) -> list[str]:
    """The texts of a column's cells. From `exact` on, its floating point has lost digits."""
    return [
        cell if type(cell) is str and len(cell) <= MOST_CHARACTERS else text_of(cell, exact)
        for cell in column
    ]


def text_of(cell: object, exact: float = EXACT) -> str:
    """The text of one cell; of nothing it is empty.

    Numbers and times are told as in files; a time with a zone is told in that of China. Bytes and whatever
    else has no text of its own give a text that is rejected as `ENCODING`, and texts of more than
    `MOST_CHARACTERS` one that is rejected as too long.
    """
    match cell:
        case None:
            return ""
        case str():
            text = cell
        case bool():
            text = "true" if cell else "false"
        case float():
            text = float_text(cell, exact)
        case int() | Decimal():
            text = decimal_text(Decimal(cell))
        case datetime():
            text = date_text(cell.astimezone(CHINA).replace(tzinfo=None) if cell.tzinfo else cell)
        case date():
            text = date_text(cell)
        case time():
            text = cell.isoformat()
        case UUID():
            text = str(cell)
        case _:
            text = NO_TEXT
    return text if len(text) <= MOST_CHARACTERS else TOO_LONG
