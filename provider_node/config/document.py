"""A TOML file read into a model, with faults told by file, line and key and never by value."""

import re
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar

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
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be a path")
    return info.context / value


RelativePath: TypeAlias = Annotated[Path, BeforeValidator(_beside_the_file)]
"""A path, taken relative to the directory of the file that names it."""


class Document:
    """The text and the tables of one TOML file."""

    def __init__(self, path: Path, content: bytes | None = None, base: Path | None = None) -> None:
        """Reads the file; raises `CONFIGURATION_INVALID` if it is missing, not UTF-8 or not TOML.

        `content` is what it would hold, if it is not to be read; paths in it are relative to `base`, which by
        default is the file's directory.
        """
        self.path = path
        self._base = path.parent if base is None else base
        self._lines: list[str] = []
        try:
            text = (path.read_bytes() if content is None else content).decode("utf-8-sig")
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
        except (ValueError, RecursionError):
            problem = "a number has too many digits, or arrays or tables are nested too deep"
            raise self._invalid("", [f"{path}: cannot be read: {problem}"]) from None

    def load(self, model: type[_Model]) -> _Model:
        """The file as a model; raises `CONFIGURATION_INVALID` with every problem found, one on a line."""
        try:
            return model.model_validate(self._tables, context=self._base)
        except ValidationError as error:
            problems = [
                _problem(model, found["loc"], found["type"], found["msg"])
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


def _problem(model: type[BaseModel], location: Location, kind: str, message: str) -> Problem:
    """Where the file has the fault, and what it is."""
    place = _place(model, location[:-1] if kind == "extra_forbidden" else location)
    match kind:
        case "extra_forbidden":
            name = str(location[-1])
            return (*place.location, name), "unknown key" + nearest(name, _keys_of(place.annotation))
        case "union_tag_invalid":
            return (*place.location, place.discriminator), f"must be one of {', '.join(place.members)}"
        case "union_tag_not_found":
            return (*place.location, place.discriminator), "is missing"
        case "missing":
            return place.location, "is missing"
        case "value_error":
            return place.location, message.removeprefix("Value error, ")
        case _:
            return place.location, message[0].lower() + message[1:]


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name most like `name`, or at all of them if they are few; may be empty."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known are {', '.join(names)}" if 0 < len(names) <= _FEW else ""


class _Place(NamedTuple):
    """A place in a model: where a file has it, and what may be there.

    Where the value of one key, the discriminator, chooses between tables, `members` are these by that value.
    """

    location: Location
    annotation: Any
    discriminator: str = ""
    members: Mapping[str, Any] = {}


def _place(model: type[BaseModel], location: Location) -> _Place:
    """The place that pydantic calls `location`. There a chosen table has its tag as a part of its own."""
    here = _Place((), model)
    for part in location:
        here = _Place(here.location, here.members[str(part)]) if here.members else _below(here, part)
    return here


def _below(place: _Place, part: str | int) -> _Place:
    location, table = (*place.location, part), place.annotation
    if not _is_model(table):
        return _Place(location, next(reversed(typing.get_args(table)), None))
    field = table.model_fields[str(part)]
    annotation = _without_none(field.annotation)
    if not isinstance(field.discriminator, str):
        return _Place(location, annotation)
    members = {
        tag: member
        for member in typing.get_args(annotation)
        for tag in typing.get_args(member.model_fields[field.discriminator].annotation)
    }
    return _Place(location, annotation, field.discriminator, members)


def _keys_of(annotation: Any) -> list[str]:  # noqa: ANN401 (an annotation may be anything)
    """Keys of a table; empty where keys are free names."""
    return list(annotation.model_fields) if _is_model(annotation) else []


def _is_model(annotation: Any) -> bool:  # noqa: ANN401 (an annotation may be anything)
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _without_none(annotation: Any) -> Any:  # noqa: ANN401 (an annotation may be anything)
    """Of a table that may be missing, the table."""
    if not isinstance(annotation, types.UnionType):
        return annotation
    present = [one for one in typing.get_args(annotation) if one is not types.NoneType]
    return present[0] if len(present) == 1 else annotation
