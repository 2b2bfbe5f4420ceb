"""Columns of 18-character identifiers as matrices of bytes, for checking most rows at once."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stayput.normalise.reject import Reject

WIDTH: Final = 18
NO_VALUE: Final = 255
_ROWS: Final = 1 << 14
_UNFIT: Final = "?" * WIDTH


def value_table(alphabet: str) -> NDArray[np.uint8]:
    """By ASCII code, the place of the character in the alphabet, or `NO_VALUE`; 256 entries."""
    table = np.full(256, NO_VALUE, np.uint8)
    table[np.frombuffer(alphabet.encode("ascii"), np.uint8)] = np.arange(len(alphabet))
    return table


def by_matrix(
    texts: Sequence[str],
    canonical: Callable[[NDArray[np.uint8]], NDArray[np.bool_]],
    one: Callable[[str], str | Reject],
) -> list[str | Reject]:
    """`one` of each text, which is only called for texts that `canonical` does not vouch for.

    `canonical` gets an array of shape (18, texts) of ASCII codes and says for each text whether it is
    canonical as it stands. A character outside ASCII, or any of a text of another length, shows as `?`.
    """
    found: list[str | Reject] = list(texts)
    for start in range(0, len(texts), _ROWS):
        # One byte for each character, whatever it is, so that the rows stay aligned.
        joined = "".join([text if len(text) == WIDTH else _UNFIT for text in texts[start : start + _ROWS]])
        rows = np.frombuffer(joined.encode("ascii", "replace"), np.uint8).reshape(-1, WIDTH)
        doubtful = np.flatnonzero(~canonical(np.ascontiguousarray(rows.T))) + start
        for position in doubtful.tolist():
            found[position] = one(texts[position])
    return found
