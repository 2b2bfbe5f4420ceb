"""Values that a source holds as something other than text, as texts: the same on every machine."""

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

EXACT: Final = 1e15
"""From here on a double may have lost digits of what was written, and a spreadsheet has."""

EXACT_SINGLE: Final = float(1 << 24)
"""The same of floating point in 32 bits."""

EXACT_HALF: Final = float(1 << 11)
"""The same of floating point in 16 bits."""

# No type of field takes these: one holds what no decoding produces, the other is longer than any value.
NO_TEXT: Final = "\N{REPLACEMENT CHARACTER}"
TOO_LONG: Final = "x" * 513


def float_text(value: float, exact: float = EXACT) -> str:
    """Plain decimal digits, as few as tell the value; empty if it is not a number.

    From `exact` on with an exponent, so that normalisation finds the damage: such a number was an identifier,
    and its last digits are gone.
    """
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "inf"
    if abs(value) >= exact:
        return f"{value:E}"
    if value.is_integer():
        return str(int(value))
    return decimal_text(Decimal(repr(value)))


def decimal_text(value: Decimal) -> str:
    """Plain digits without an exponent; empty if it is not a number."""
    return f"{value:f}" if value.is_finite() else ""


def date_text(value: date) -> str:
    """ISO 8601; a time that is midnight is left out, another follows after a space."""
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.timetz() == time.min:
        return value.date().isoformat()
    return value.isoformat(sep=" ")
