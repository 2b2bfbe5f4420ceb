"""What any text field of the protocol may hold, asked with one answer by every part.

A node that signed a text which the log refuses could deliver no receipt after it.
"""

from typing import Final
from unicodedata import category

_REFUSED: Final = frozenset({"Cc", "Cs"})
_KEPT: Final = "\n\t"


def is_plain(text: str) -> bool:
    """Whether there is no control character in it but newline and tab, and no half of a surrogate pair."""
    return text.isprintable() or all(c in _KEPT or category(c) not in _REFUSED for c in text)
