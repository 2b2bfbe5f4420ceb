"""Columns of Arrow arrays as texts."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provider_node.sources.values import (
    EXACT,
    EXACT_HALF,
    EXACT_SINGLE,
    NO_TEXT,
    TOO_LONG,
    decimal_text,
    float_text,
)

MOST_BYTES: Final = 4_096
"""Longer texts are not kept. What is compared has at most 512 bytes."""

_CHINA: Final = "+08:00"
_MIDNIGHT: Final = " 00:00:00$"
_ZERO_FRACTION: Final = r"\.0+$"
_OUT_OF_RANGE: Final = "<"
"""How Arrow's text of a date or time begins that no calendar has."""


Array: TypeAlias = Any  # pyarrow has no types
Type: TypeAlias = Any
_Converter: TypeAlias = Callable[[Array], list[str]]


def has_text(column: Type) -> bool:
    """Whether values of that type have a text: all but nested ones, intervals and the like."""
    return _converter(column) is not None


def texts_of(column: Array) -> list[str]:
    """The text of each value: empty for null, of numbers and times as few characters as tell them.

    Bytes are taken for UTF-8, as Hive writes texts; what is not gives a text that is rejected as `ENCODING`,
    and what takes more than `MOST_BYTES` one that is rejected as too long. A time with a zone is told in that
    of China.
    """
    convert = _converter(column.type)
    if convert is None:
        raise TypeError("values without a text")
    return convert(column)


def _converter(column: Type) -> _Converter | None:
    for is_one, converter in _CONVERTERS:
        if is_one(column):
            return converter
    if pa.types.is_dictionary(column) and has_text(column.value_type):
        return _of_dictionary
    return None


def _of_dictionary(column: Array) -> list[str]:
    values = texts_of(column.dictionary)
    return ["" if place is None else values[place] for place in column.indices.to_pylist()]


def _of_text(column: Array) -> list[str]:
    column = column.cast(pa.large_binary())
    longest = pc.max(pc.binary_length(column)).as_py() or 0
    if longest <= MOST_BYTES:
        with suppress(pa.ArrowInvalid):  # not all of it is UTF-8
            return list(column.cast(pa.large_string()).fill_null("").to_pylist())
    return [_decoded(value) for value in column]


def _decoded(value: Array) -> str:
    if not value.is_valid:
        return ""
    if value.as_buffer().size > MOST_BYTES:
        return TOO_LONG
    try:
        return str(value.as_py(), "utf-8")
    except UnicodeDecodeError:
        return NO_TEXT


def _of_scalar(column: Array) -> list[str]:
    return list(column.cast(pa.string()).fill_null("").to_pylist())


def _of_null(column: Array) -> list[str]:
    return [""] * len(column)


def _of_date(column: Array) -> list[str]:
    return _of_calendar(column.cast(pa.string()))


def _of_time(column: Array) -> list[str]:
    return _of_calendar(pc.replace_substring_regex(column.cast(pa.string()), _ZERO_FRACTION, ""))


def _of_timestamp(column: Array) -> list[str]:
    local = column
    if column.type.tz is not None:
        local = pc.local_timestamp(column.cast(pa.timestamp(column.type.unit, _CHINA)))
    text = pc.replace_substring_regex(local.cast(pa.string()), _ZERO_FRACTION, "")
    # China is ahead of UTC. What is behind it has come to the end of the type, and around to its beginning.
    behind = pc.less(local.cast(pa.int64()), column.cast(pa.int64()))
    return _of_calendar(pc.if_else(behind, NO_TEXT, pc.replace_substring_regex(text, _MIDNIGHT, "")))


def _of_calendar(text: Array) -> list[str]:
    return _of_scalar(pc.if_else(pc.starts_with(text, _OUT_OF_RANGE), NO_TEXT, text))


def _of_decimal(column: Array) -> list[str]:
    values: list[Decimal | None] = column.to_pylist()
    return ["" if value is None else decimal_text(value) for value in values]


def _of_float(column: Array, exact: float, shortest: Callable[[float], object]) -> list[str]:
    # `shortest` finds the digits that tell a value of few bits; as a double it would show many more.
    values: list[float | None] = column.cast(pa.float64()).to_pylist()
    return ["" if value is None else float_text(float(str(shortest(value))), exact) for value in values]


_TYPES: Final = pa.types
_CONVERTERS: Final[tuple[tuple[Callable[[Type], bool], _Converter], ...]] = (
    (_TYPES.is_string, _of_text),
    (_TYPES.is_large_string, _of_text),
    (_TYPES.is_binary, _of_text),
    (_TYPES.is_large_binary, _of_text),
    (_TYPES.is_integer, _of_scalar),
    (_TYPES.is_boolean, _of_scalar),
    (_TYPES.is_date, _of_date),
    (_TYPES.is_time, _of_time),
    (_TYPES.is_timestamp, _of_timestamp),
    (_TYPES.is_decimal, _of_decimal),
    (_TYPES.is_float64, partial(_of_float, exact=EXACT, shortest=float)),
    (_TYPES.is_float32, partial(_of_float, exact=EXACT_SINGLE, shortest=np.float32)),
    (_TYPES.is_float16, partial(_of_float, exact=EXACT_HALF, shortest=np.float16)),
    (_TYPES.is_null, _of_null),
)
