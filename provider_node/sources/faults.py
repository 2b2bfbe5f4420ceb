"""What can be wrong with a source, told without anything that it holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from stayput.delimited.faults import printable_name
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason

_SHOWN_ALIKE: Final = 0.6


def invalid(problem: str, remedy: str = "", field: str = "source.path") -> StayputError:
    """The error for a source that cannot be read."""
    return StayputError(
        ErrorReason.ERROR_REASON_SOURCE_INVALID,
        f"{field}: {problem}",
        field=field,
        remedy=remedy or "correct the file or [source] of the resource's configuration; then build again",
    )


def name_of(path: Path) -> str:
    """What a file is called in texts and tables: its name, in whatever bytes the system has it."""
    return printable_name(path.name)


def unreadable(path: Path, error: OSError) -> StayputError:
    """The error for a file that the operating system does not give."""
    return invalid(f"{name_of(path)}: the file cannot be read: {error.strerror or type(error).__name__}")


def require_library(module: str, kind: str) -> None:
    """Raises `SOURCE_INVALID` if sources of this kind cannot be read here, naming the extra to install."""
    if find_spec(module) is None:
        raise invalid(
            f"a source of kind '{kind}' needs the library {module}, which is not installed",
            f"pip install 'stayput[{kind}]'",
            "source.kind",
        )


def places_of(columns: Mapping[str, str], header: Sequence[str], where: str) -> dict[str, int]:
    """Where in the header the column of each field is; `where` says whose header it is.

    Raises `SOURCE_INVALID` for a column that is not there, or there more than once.
    """
    seen = Counter(header)
    for field, column in columns.items():
        if column not in seen:
            raise _column_missing(field, column, header, where)
        if seen[column] > 1:
            raise invalid(
                f"{seen[column]} columns of {where} are named '{column}'",
                "rename all but one of them",
                f"fields.{field}.column",
            )
    return {field: header.index(column) for field, column in columns.items()}


def _column_missing(field: str, column: str, header: Sequence[str], where: str) -> StayputError:
    # Only a name much like the declared one is shown: without a header the first line is somebody's data.
    known = {name.casefold(): name for name in header}
    close = get_close_matches(column.casefold(), known, n=1, cutoff=_SHOWN_ALIKE)
    hint = f"; did you mean '{known[close[0]]}'?" if close else ""
    return invalid(
        f"none of the {len(header)} columns of {where} is named '{column}'{hint}",
        "name a column of the source's header, or check how [source] says that it is written",
        f"fields.{field}.column",
    )
