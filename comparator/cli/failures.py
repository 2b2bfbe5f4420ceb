"""Failures as an operator sees them: `error:` and `hint:` on stderr, exit code 1."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from comparator import texts
from comparator.texts import OperatorError
from stayput.errors import StayputError
from stayput.language import language_of


@contextmanager
def told() -> Iterator[None]:
    """Runs a command (use it as a decorator); `StayputError` is printed and ends the process with 1."""
    try:
        yield
    except StayputError as error:
        language = language_of()
        if isinstance(error, OperatorError):
            message, remedy = error.told(language)
        else:
            message = texts.BAD_INPUT.of(language).format(field=error.field, message=error.message)
            remedy = error.remedy
        sys.stderr.write(texts.ERROR.of(language).format(message=message) + "\n")
        if remedy:
            sys.stderr.write(texts.HINT.of(language).format(remedy=remedy) + "\n")
        raise SystemExit(1) from None
