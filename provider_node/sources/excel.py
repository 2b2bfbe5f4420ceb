"""Workbooks of spreadsheet programs as a source."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from provider_node.config import ExcelSourceConfig
from provider_node.sources import workbook_process
from provider_node.sources.batch import Batch
from provider_node.sources.faults import invalid, name_of, places_of
from provider_node.sources.file_source import FileSource
from provider_node.sources.values import float_text
from stayput.errors import StayputError

_MOST_BYTES: Final = 2 << 30
_MOST_SECONDS: Final = 600
_EXPORT: Final = "save the sheet as 'CSV UTF-8', which has no such bounds, and declare kind = \"csv\""
_FAULTS: Final = {
    "EMPTY": ("the sheet has no rows", "export it again, or name another sheet"),
    "PASSWORD": ("the workbook is protected by a password", "save it without one"),
    "DAMAGED": (
        "is no workbook, or one that is damaged or cut short",
        "save it again as .xlsx, or transfer it again",
    ),
}

_Message: TypeAlias = dict[str, Any]


class ExcelSource(FileSource):
    """One sheet of each workbook; its first row that is not empty is the header. Empty rows are no rows.

    A number is told as a spreadsheet shows it, to 15 digits. A longer one has lost digits, and gives a text
    with an exponent, which normalising tells as damage. A cell with an error (`#N/A`), or with a formula that
    no program has computed, is empty.
    """

    def __init__(self, config: ExcelSourceConfig, columns: Mapping[str, str]) -> None:
        self._sheet = config.sheet
        super().__init__(config.path, columns)

    def _places_of(self, path: Path, columns: Mapping[str, str]) -> dict[str, int]:
        with self._reading(path) as process:
            header, _ = self._begun(process, path)
        return places_of(columns, header, name_of(path))

    def _read(self, path: Path, places: Mapping[str, int]) -> Iterator[Batch]:
        size, wanted = path.stat().st_size, sorted(set(places.values()))
        with self._reading(path) as process:
            _, lines = self._begun(process, path)
            _tell(process, wanted)
            while batch := _heard(process, path):
                texts = dict(zip(wanted, map(_texts, batch["columns"]), strict=True))
                yield Batch(
                    {field: texts[place] for field, place in places.items()},
                    batch["lines"],
                    [],
                    size * batch["lines"][-1] // lines,
                )

    def _begun(self, process: subprocess.Popen[str], path: Path) -> tuple[list[str], int]:
        """The header, and how many lines the sheet has."""
        _tell(
            process,
            {"path": str(path), "sheet": self._sheet, "bytes": _MOST_BYTES, "seconds": _MOST_SECONDS},
        )
        answer = _heard(process, path)
        if "header" in answer:
            return [name.strip() for name in answer["header"]], answer["lines"]
        if answer["fault"] == "SHEET":
            raise invalid(
                f"{name_of(path)}: has no sheet '{self._sheet}'", "name one of its sheets", "source.sheet"
            )
        problem, remedy = _FAULTS[answer["fault"]]
        raise invalid(f"{name_of(path)}: {problem}", remedy)

    @staticmethod
    @contextmanager
    def _reading(path: Path) -> Iterator[subprocess.Popen[str]]:
        """A process that reads workbooks, ended at the end."""
        path.stat()
        with subprocess.Popen(  # noqa: S603 (a file of this package)
            [sys.executable, "-I", workbook_process.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env={name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PATH") if name in os.environ},
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def _tell(process: subprocess.Popen[str], message: object) -> None:
    # A process that has ended is noticed by what it does not answer.
    with suppress(BrokenPipeError):
        if process.stdin is not None:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()


def _heard(process: subprocess.Popen[str], path: Path) -> _Message:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line.endswith("\n"):
        raise _too_much(path)
    answer: _Message = json.loads(line)
    return answer


def _too_much(path: Path) -> StayputError:
    return invalid(
        f"{name_of(path)}: is damaged, or reading it takes more than {_MOST_BYTES >> 30} GiB of memory"
        f" or {_MOST_SECONDS} seconds",
        _EXPORT,
    )


def _texts(cells: Sequence[str | float]) -> list[str]:
    return [cell if isinstance(cell, str) else _text(cell) for cell in cells]


def _text(cell: float) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return float_text(float(f"{cell:.15g}"))
