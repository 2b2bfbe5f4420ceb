"""A TOML file read into a model, with faults told by file, line and key and never by value."""

import re
import tomllib
import types
import typing
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo

from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

Location: TypeAlias = tuple[str | int, ...]
Problem: TypeAlias = tuple[Location, str]
_Model = TypeVar("_Model", bound=BaseModel)

_FEW = 12
_HEADER = re.compile(r"\s*\[+\s*([^\[\]]+?)\s*\]+\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Table(BaseModel):
    """Base of every model: refuses unknown keys, coerces no value, and does not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _beside_the_file(value: object, info: ValidationInfo[Path]) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a path")
    return info.context / value


RelativePath: TypeAlias = Annotated[Path, BeforeValidator(_beside_the_file)]
"""A path, taken relative to the directory of the file that names it."""


class Document:
    """The text and the tables of one TOML file."""

    def __init__(self, path: Path) -> None:
        """Reads the file; raises `CONFIGURATION_INVALID` if it is missing, not UTF-8 or not TOML."""
        self.path = path
        self._lines: list[str] = []
        try:
            text = path.read_bytes().decode("utf-8-sig")
            self._lines = text.splitlines()
            self._tables = tomllib.loads(text)
        except OSError as error:
            raise self._invalid("", [f"{path}: cannot be read: {error.strerror}"]) from None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise self._invalid("", [f"{path}:{line}: not UTF-8 text"]) from None
        except tomllib.TOMLDecodeError as error:
            where = _WHERE.search(str(error))
            line = int(where[1]) if where and where[1] else len(self._lines)
            raise self._invalid("", [f"{path}:{line}: not TOML: {_WHERE.sub('', str(error))}"]) from None

    def load(self, model: type[_Model]) -> _Model:
        """The file as a model; raises `CONFIGURATION_INVALID` with every problem found, one on a line."""
        try:
            return model.model_validate(self._tables, context=self.path.parent)
        except ValidationError as error:
            problems = [
                (found["loc"], _described(model, found["loc"], found["type"], found["msg"]))
                for found in error.errors(include_url=False, include_context=False, include_input=False)
            ]
        raise self.invalid(problems)

    def invalid(self, problems: Iterable[Problem]) -> StayputError:
        """The error for problems found in this file, in the order of its lines."""
        found = sorted((self._line_of(location), _key(location), problem) for location, problem in problems)
        return self._invalid(
            found[0][1], [f"{self.path}:{line}: {key}: {problem}" for line, key, problem in found]
        )

    @staticmethod
    def _invalid(field: str, lines: Sequence[str]) -> StayputError:
        return StayputError(
            ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
            "\n".join(lines),
            field=field,
            remedy="correct the file and try again",
        )

    def _line_of(self, location: Location) -> int:
        """Line of the key, or of the nearest table or key around it; 1 if there is none."""
        wanted = tuple(map(str, location))
        best, line = 0, 1
        for number, path in _keys(self._lines):
            shared = len(path) if path == wanted[: len(path)] else 0
            if shared > best:
                best, line = shared, number
        return line


def _keys(lines: Sequence[str]) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Line number and full path of every table header and assignment that begins a line."""
    table: tuple[str, ...] = ()
    quotes = ""
    for number, line in enumerate(lines, start=1):
        if quotes:
            quotes = "" if quotes in line else quotes
            continue
        header, assignment = _HEADER.match(line), _ASSIGNMENT.match(line)
        if header:
            table = _parts(header[1])
            yield number, table
        elif assignment:
            yield number, table + _parts(assignment[1])
            quotes = next((q for q in ('"""', "'''") if line.count(q) % 2), "")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _key(location: Location) -> str:
    return ".".join(map(str, location))


def _described(model: type[BaseModel], location: Location, kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown key" + nearest(str(location[-1]), _known_keys(model, location[:-1]))
        case "missing":
            return "is missing"
        case "value_error":
            return message.removeprefix("Value error, ")
        case _:
            return message[0].lower() + message[1:]


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name most like `name`, or at all of them if they are few; may be empty."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known are {', '.join(names)}" if 0 < len(names) <= _FEW else ""


def _known_keys(model: type[BaseModel], location: Location) -> list[str]:
    """Keys of the table at `location`; empty where keys are free names."""
    here: Any = model
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = _without_none(here.model_fields[str(part)].annotation)
        else:
            here = typing.get_args(here)[1]
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _without_none(annotation: Any) -> Any:  # noqa: ANN401 (an annotation may be anything)
    """Of a table that may be missing, the table."""
    present = [one for one in typing.get_args(annotation) if one is not types.NoneType]
    return present[0] if isinstance(annotation, types.UnionType) else annotation
