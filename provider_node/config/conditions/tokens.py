"""The words, signs and literals of a condition's text."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from provider_node.config.conditions.errors import ConditionError

LONGEST: Final = 2_000
"""Characters of a condition, as it is written and in its canonical form."""
_TOKEN: Final = re.compile(
    r"(?P<number>-?[0-9]++(?:\.[0-9]++)?(?![\w.]))|(?P<text>'(?:[^']|'')*+')|(?P<word>[^\W\d]\w*+)"
    r"|(?P<sign><=|>=|!=|<>|[=<>(),])"
)
_GROUPED: Final = re.compile(r",[0-9]{3}(?![0-9])")
_SPACE: Final = re.compile(r"\s*+")
_QUOTES: Final = '"`‘’“”＇＂'


class TokenKind(Enum):
    """Kinds of tokens; `END` stands behind the last."""

    NUMBER = auto()
    TEXT = auto()
    WORD = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text, and its place from 0."""

    kind: TokenKind
    text: str
    position: int

    def is_word(self, word: str) -> bool:
        """Whether it is that word of the grammar, in capitals or not."""
        return self.kind is TokenKind.WORD and self.text.lower() == word

    def is_sign(self, sign: str) -> bool:
        """Whether it is that sign."""
        return self.kind is TokenKind.SIGN and self.text == sign


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, with one of kind `END` behind them; raises `ConditionError`."""
    if len(text) > LONGEST:
        raise ConditionError(LONGEST, f"is longer than {LONGEST:,} characters; divide it into several checks")
    tokens, position = [], _after_space(text, 0)
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise ConditionError(position, _no_token(text, position))
        tokens.append(Token(TokenKind[found.lastgroup.upper()], found[0], position))
        if tokens[-1].kind is TokenKind.NUMBER and _GROUPED.match(text, found.end()):
            problem = "can be read in two ways: write the number without commas, or a space after each comma"
            raise ConditionError(found.end(), problem)
        position = _after_space(text, found.end())
    return [*tokens, Token(TokenKind.END, "", position)]


def _after_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _no_token(text: str, position: int) -> str:
    character = text[position]
    if character == "'":
        return "a text without its closing quote; a quote inside a text is written twice"
    if character in _QUOTES:
        return "texts are written in straight single quotes, like 'A'"
    if character in "-.0123456789":
        return "not a number as they are written here, like 100000, -5 or 0.25"
    plain = unicodedata.normalize("NFKC", character)
    if plain != character and plain.isascii():
        return f"a full-width character; write {plain} on the English keyboard"
    return "a character that has no meaning in a condition"
