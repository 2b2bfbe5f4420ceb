"""Reading a condition, by recursive descent; docs/conditions.md has the grammar."""

from collections.abc import Callable
from datetime import date
from typing import Final

from provider_node.config.conditions.errors import ConditionError
from provider_node.config.conditions.syntax import (
    Comparison,
    Condition,
    Literal,
    LiteralKind,
    Membership,
    Name,
    Negation,
    Nullness,
    Operator,
    Test,
    conjunction,
    disjunction,
)
from provider_node.config.conditions.tokens import Token, TokenKind, tokens_of

DEEPEST: Final = 32
"""Parentheses and `not` inside one another."""
_RESERVED: Final = frozenset({"and", "or", "not", "in", "is", "null", "true", "false"})
_LITERAL: Final = "a number, a text in single quotes, date '2026-01-31', true or false"
_TEST: Final = "one of = != < <= > >= in is"


def parse(text: str) -> Condition:
    """The condition that the text says; raises `ConditionError`, which tells what was expected where."""
    return _Parser(tokens_of(text)).whole()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def whole(self) -> Condition:
        found = self._disjunction()
        if self._ahead.kind is not TokenKind.END:
            raise self._expected("'and', 'or' or the end")
        return found

    @property
    def _ahead(self) -> Token:
        return self._tokens[self._next]

    def _expected(self, what: str) -> ConditionError:
        at_end = " but the condition ends" if self._ahead.kind is TokenKind.END else ""
        return ConditionError(self._ahead.position, f"expected {what}{at_end}")

    def _take(self) -> Token:
        token = self._ahead
        self._next += 1
        return token

    def _took_word(self, word: str) -> bool:
        taken = self._ahead.is_word(word)
        self._next += taken
        return taken

    def _took_sign(self, sign: str) -> bool:
        taken = self._ahead.is_sign(sign)
        self._next += taken
        return taken

    def _require_sign(self, sign: str) -> None:
        if not self._took_sign(sign):
            raise self._expected(f"'{sign}'")

    def _deeper(self, read: Callable[[], Condition]) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            problem = (
                f"more than {DEEPEST} parentheses or 'not' inside one another; divide it into several checks"
            )
            raise ConditionError(self._ahead.position, problem)
        found = read()
        self._depth -= 1
        return found

    def _disjunction(self) -> Condition:
        parts = [self._conjunction()]
        while self._took_word("or"):
            parts.append(self._conjunction())
        return disjunction(parts)

    def _conjunction(self) -> Condition:
        parts = [self._part()]
        while self._took_word("and"):
            parts.append(self._part())
        return conjunction(parts)

    def _part(self) -> Condition:
        if self._took_word("not"):
            return Negation(self._deeper(self._part))
        if self._took_sign("("):
            found = self._deeper(self._disjunction)
            self._require_sign(")")
            return found
        return self._test()

    def _test(self) -> Test:
        name = self._name("the name of a field, 'not' or '('")
        if self._took_word("is"):
            negated = self._took_word("not")
            if not self._took_word("null"):
                raise self._expected("'null'" if negated else "'null' or 'not null'")
            return Nullness(name, negated)
        if self._took_word("not"):
            if not self._took_word("in"):
                raise self._expected("'in'")
            return Membership(name, self._literals(), negated=True)
        if self._took_word("in"):
            return Membership(name, self._literals())
        return Comparison(name, self._operator(), self._operand())

    def _name(self, expected: str) -> Name:
        token = self._ahead
        if token.kind is not TokenKind.WORD:
            raise self._expected(expected)
        if token.text.lower() in _RESERVED:
            reserved = f"'{token.text.lower()}' is a word of the grammar and names none"
            raise ConditionError(token.position, f"expected {expected}: {reserved}")
        return Name(self._take().text, token.position)

    def _operator(self) -> Operator:
        token = self._ahead
        if token.is_sign("<>"):
            self._take()
            return Operator.UNEQUAL
        if token.kind is not TokenKind.SIGN or token.text not in list(Operator):
            raise self._expected(_TEST)
        return Operator(self._take().text)

    def _operand(self) -> Literal | Name:
        return self._literal() or self._name(f"{_LITERAL}, or the name of a field")

    def _literals(self) -> tuple[Literal, ...]:
        self._require_sign("(")
        found: list[Literal] = []
        while not found or self._took_sign(","):
            literal = self._literal()
            if literal is None:
                raise self._expected(_LITERAL)
            found.append(literal)
        if not self._took_sign(")"):
            raise self._expected("',' or ')'")
        return tuple(found)

    def _literal(self) -> Literal | None:
        token = self._ahead
        if token.kind is TokenKind.NUMBER:
            return Literal(LiteralKind.NUMBER, _minimal(self._take().text), token.position)
        if token.kind is TokenKind.TEXT:
            return Literal(LiteralKind.TEXT, _unquoted(self._take().text), token.position)
        if token.is_word("true") or token.is_word("false"):
            return Literal(LiteralKind.BOOLEAN, self._take().text.lower(), token.position)
        if token.is_word("date") and self._tokens[self._next + 1].kind is TokenKind.TEXT:
            self._take()
            day = _day(_unquoted(self._ahead.text), self._ahead.position)
            self._take()
            return Literal(LiteralKind.DATE, day, token.position)
        return None


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _minimal(number: str) -> str:
    """Without needless zeros and signs."""
    whole, _, part = number.lstrip("-").partition(".")
    whole, part = whole.lstrip("0") or "0", part.rstrip("0")
    sign = "-" if number.startswith("-") and (whole, part) != ("0", "") else ""
    return f"{sign}{whole}.{part}" if part else sign + whole


def _day(text: str, position: int) -> str:
    try:
        day = date.fromisoformat(text).isoformat()
    except ValueError:
        day = ""
    if day != text:
        raise ConditionError(position, "not a day as it is written here, like '2026-01-31'")
    return day
