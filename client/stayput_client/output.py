"""The output of a list: the list's own columns, the outcomes, and the reason; put in place at the end.

The list's own columns pass through unchanged and ours are fixed words, so nothing is added that a spreadsheet
would take for a formula; a formula that the list itself held is still one in the output.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from stayput import outcomes
from stayput.delimited import Batch as Lines
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.faults import ClientFault
from stayput_client.home import write_private
from stayput_client.lists import ClerksList, added_columns, in_order
from stayput_client.question import Answered, Why
from stayput_client.results import (
    NOT_ANSWERED,
    OUTCOME_OF_CODE,
    UNANSWERED_CODE,
    Concluded,
    Outcome,
    Tallies,
)

WORDS: Final[Mapping[int, str]] = {
    UNANSWERED_CODE: "",
    **{code: outcome.value for code, outcome in OUTCOME_OF_CODE.items()},
}


def partial_path(out: Path) -> Path:
    """Where the answered part goes when a comparison is cut short: `OUT.partial.csv` for `OUT.csv`."""
    return out.with_name(f"{out.stem}.partial{out.suffix}")


def receipt_path(out: Path) -> Path:
    """Where the receipt goes: beside the output."""
    return out.with_name(f"{out.name}.receipt.json")


def fetch_receipt_path(out: Path) -> Path:
    """Where the receipt of the session goes that fetched fingerprints for it."""
    return out.with_name(f"{out.name}.fetch.receipt.json")


def write_receipts(out: Path, concluded: Concluded) -> tuple[Path, ...]:
    """Writes the receipts beside the place of the output: that of the last session first, then the others.

    Those of sessions before it are `OUT.receipt-2.json` and so on.
    """
    receipts = {receipt_path(out): concluded.receipt}
    for number, receipt in enumerate(concluded.earlier, 2):
        receipts[out.with_name(f"{out.name}.receipt-{number}.json")] = receipt
    if concluded.fetch is not None:
        receipts[fetch_receipt_path(out)] = concluded.fetch
    for path, receipt in receipts.items():
        write_private(path, receipt.to_file().encode())
    return tuple(receipts)


def check_destination(out: Path, list_path: Path, *, force: bool) -> None:
    """Passes if `out` may be written; else `FIELD_INVALID`.

    It must not be the list, its directory must be there, and it must not exist unless `force` is given.
    """
    if not out.parent.is_dir():
        raise ClientFault(
            ErrorReason.ERROR_REASON_FIELD_INVALID, "out_directory", field="out", file=str(out.parent)
        )
    if out.exists() and out.samefile(list_path):
        raise ClientFault(ErrorReason.ERROR_REASON_FIELD_INVALID, "out_is_list", field="out")
    if force:
        return
    for path in (out, receipt_path(out), fetch_receipt_path(out)):
        if path.exists():
            raise ClientFault(
                ErrorReason.ERROR_REASON_FIELD_INVALID, "out_exists", field="out", file=str(path)
            )


@dataclass(frozen=True, slots=True)
class Rendered:
    """Some lines as they are in the output, and what they add to the summary."""

    lines: int
    text: bytes = field(repr=False)
    columns: tuple[bytes, ...] = field(repr=False)
    reasons: Mapping[str, int]


class Output:
    """The output file while it grows under a temporary name beside its place; of mode 0600.

    `heard` is told how many lines each call of `take` wrote.
    """

    def __init__(
        self, out: Path, of: ClerksList, checks: tuple[str, ...], heard: Callable[[int], None]
    ) -> None:
        added = added_columns(checks, of.columns)
        self._out = out
        self._dialect = of.dialect
        self._own_columns = len(of.columns)
        self._heard = heard
        self.tallies = Tallies(checks)
        self._file = NamedTemporaryFile(  # noqa: SIM115 (closed by finish, keep_partial or discard)
            dir=out.parent, prefix=f".{out.name}.", delete=False
        )
        if of.marked:
            self._file.write("\ufeff".encode(of.dialect.encoding))
        self._file.write(self._written([[*of.columns, *added]]))

    def _written(self, rows: Iterable[list[str]]) -> bytes:
        text = io.StringIO(newline="")
        # CR LF (RFC 4180) also makes the writer quote a value with a CR in it.
        csv.writer(text, delimiter=self._dialect.delimiter, lineterminator="\r\n").writerows(rows)
        return text.getvalue().encode(self._dialect.encoding)

    def render(self, payload: Lines, answered: Answered) -> Rendered:
        """Lines with what is said of them."""
        invalid = bytes([outcomes.INVALID]) * len(payload.faults)
        return Rendered(
            lines=len(payload),
            text=self._written(rendered_rows(payload, answered, self._own_columns)),
            columns=tuple(column + invalid for column in answered.columns),
            reasons=_named(answered.reasons) + Counter(f"line: {fault.name}" for _, fault in payload.faults),
        )

    def take(self, rendered: Rendered) -> None:
        """Writes rendered lines."""
        self._file.write(rendered.text)
        self.tallies.add(rendered.columns)
        self.tallies.reasons.update(rendered.reasons)
        self._heard(rendered.lines)

    def finish(self, concluded: Concluded | None) -> tuple[Path, ...]:
        """Puts the output in place, and before it the receipts, so that no output is without one.

        Returns the paths of the receipts, if there was a session.
        """
        paths = write_receipts(self._out, concluded) if concluded else ()
        self._move_to(self._out)
        return paths

    def keep_partial(self) -> Path:
        """Puts what there is beside the place of the output, in place of an earlier partial one."""
        path = partial_path(self._out)
        self._move_to(path)
        return path

    def discard(self) -> None:
        """Leaves nothing; does nothing once the output was put in place."""
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def _move_to(self, path: Path) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        Path(self._file.name).replace(path)


def rendered_rows(payload: Lines, answered: Answered, own_columns: int) -> Iterator[list[str]]:
    """The output's rows for some lines of a list with so many columns, in the order of the list."""
    words = ([WORDS[code] for code in column] for column in answered.columns)
    added = zip(*words, _reason_column(len(payload.rows), answered.reasons), strict=True)
    rows = [[*row, *more] for row, more in zip(payload.rows, added, strict=True)]
    blank, invalid = [""] * own_columns, [Outcome.INVALID.value] * len(answered.columns)
    faults = [[*blank, *invalid, f"line {line}: {fault.name}"] for line, fault in payload.faults]
    return in_order(payload, rows, faults)


def _reason_column(records: int, reasons: Mapping[int, Sequence[Why]]) -> list[str]:
    column = [""] * records
    for at, whys in reasons.items():
        column[at] = "; ".join(map(_text, whys))
    return column


def _text(why: Why) -> str:
    subject, word = why
    return f"{subject}: {word}" if subject else word


def _named(reasons: Mapping[int, Sequence[Why]]) -> Counter[str]:
    return Counter(_text(why) for whys in reasons.values() for why in whys if why[1] != NOT_ANSWERED)
