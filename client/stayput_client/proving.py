"""Opening a receipt's commitments: that exactly this list was asked, and exactly this output was told.

From list and output the digests and outcome bytes of each chunk are made again as they were sent; committed
with the key in the receipt file, they must give what the node signed. Nobody needs to be asked.

In oblivious mode, and where only counts are told, the list alone can be proved. The node then commits to
elements which it evaluated and not to outcomes, and 32 bytes for each of them are more than a receipt should
carry; and totals stand in the receipt itself.
"""

import hmac
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Final

from stayput import outcomes
from stayput.contract import check_contract
from stayput.delimited import Batch as Lines
from stayput.delimited import read_batches
from stayput.receipts import Opener, Transcript
from stayput.v1.contract_pb2 import Granularity, Mode
from stayput.v1.errors_pb2 import ErrorReason
from stayput.v1.log_pb2 import Receipt
from stayput_client.faults import ClientFault
from stayput_client.lists import ClerksList, added_columns, places
from stayput_client.output import rendered_rows
from stayput_client.question import Answered, Prepared, Question
from stayput_client.results import ATTEMPTS, NO_VALUE, NOT_ASKED, UNANSWERED_CODE, Outcome

_CODES: Final[Mapping[str, int]] = {
    Outcome.MATCH: outcomes.MATCH,
    Outcome.MISMATCH: outcomes.MISMATCH,
    Outcome.NOT_FOUND: outcomes.NOT_FOUND,
}
_UNVERIFIABLE: Final[Mapping[str, int]] = {
    NO_VALUE: outcomes.NO_VALUE,
    NOT_ASKED: outcomes.NOT_ASKED,
    ATTEMPTS: outcomes.ATTEMPTS,
}


def prove(
    receipt: Receipt, opener: Opener | None, of: ClerksList, out: Path, columns: Mapping[str, str]
) -> None:
    """Passes if list and output are those of a verified receipt; `columns` as for `Client.compare_csv`.

    Raises `EVIDENCE_INVALID` naming `receipt` if its file does not hold what opens it, `list` if something
    else was asked, `output` if something else was told; `DelimitedError` or `OSError` as reading does.
    """
    question, opener = _asked(receipt, opener)
    told = _Told(of, out)
    transcript = Transcript(opener.commitment_key)
    added = added_columns(question.checks, of.columns)
    as_written = told.columns == (*of.columns, *added)
    for batch in of.batches(places(question.fields.values(), of.columns, columns), opener.chunk_records):
        prepared = question.prepare(batch.values)
        rows = told.take(len(batch.payload))
        answer = _answer(prepared, _of_records(batch.payload, rows), question.checks) if as_written else b""
        transcript.ask(prepared.digests)
        transcript.answer(answer)
        if as_written:
            as_written = rows == list(_rows(batch.payload, question, prepared, answer, len(of.columns)))
    asked, answered = transcript.commitments()
    if not hmac.compare_digest(asked, receipt.request_commitment):
        raise _disproved("list")
    if not (as_written and told.ended() and hmac.compare_digest(answered, receipt.response_commitment)):
        raise _disproved("output")


def told_record_by_record(receipt: Receipt) -> bool:
    """Whether the receipt commits to outcomes: then `prove` is for it, else `prove_list`."""
    return (receipt.mode, receipt.granularity) == (Mode.MODE_KEYED, Granularity.GRANULARITY_RECORD)


def prove_list(receipt: Receipt, opener: Opener | None, of: ClerksList, columns: Mapping[str, str]) -> None:
    """Passes if this list was asked in the session of a verified receipt that `prove` is not for.

    If a connection broke, only what was asked after that is in the session. Raises as `prove` does.
    """
    question, opener = _asked(receipt, opener)
    at = places(question.fields.values(), of.columns, columns)
    values = (batch.values for batch in of.batches(at, opener.chunk_records))
    transcript = Transcript(opener.commitment_key)
    for content in _contents(receipt, opener, question, values):
        transcript.ask(content)
    if not hmac.compare_digest(transcript.request_commitment(), receipt.request_commitment):
        raise _disproved("list")


def _contents(
    receipt: Receipt, opener: Opener, question: Question, values: Iterator[Mapping[str, list[str]]]
) -> Iterator[bytes]:
    if receipt.mode == Mode.MODE_KEYED:
        return (question.prepare(one).digests for one in values)
    if opener.blinding_key is None:
        raise _disproved("receipt")
    # Loading libsodium takes a third of a second, which keyed receipts need not wait for.
    from stayput_client.oblivious_proving import contents  # noqa: PLC0415 (see above)

    return contents(opener, opener.blinding_key, question, values, receipt.granularity)


def _asked(receipt: Receipt, opener: Opener | None) -> tuple[Question, Opener]:
    if opener is None:
        raise _disproved("receipt")
    contract = opener.contract
    if (contract.resource, contract.profile, contract.suite) != (
        receipt.resource,
        receipt.profile,
        receipt.suite,
    ):
        raise _disproved("receipt")
    check_contract(contract)
    return Question(contract, receipt.key, receipt.checks, opener.day), opener


class _Told:
    """The rows of an output, written as its list is."""

    def __init__(self, of: ClerksList, out: Path) -> None:
        written = ClerksList.open(out, of.dialect.encoding, of.dialect.delimiter)
        self.columns = written.columns
        self._rows = chain.from_iterable(map(_readable, read_batches(out, written.dialect)))

    def take(self, count: int) -> list[list[str]]:
        """The next rows; fewer at the end."""
        return list(islice(self._rows, count))

    def ended(self) -> bool:
        """No row follows."""
        return next(self._rows, None) is None


def _readable(lines: Lines) -> list[list[str]]:
    # What this program wrote has no line that cannot be read.
    if lines.faults:
        raise _disproved("output")
    return lines.rows


def _of_records(lines: Lines, rows: list[list[str]]) -> list[list[str]]:
    """Of an output's rows those whose line of the list could be read."""
    faulty = {line for line, _ in lines.faults}
    numbers = sorted([*lines.lines, *faulty])
    return [row for line, row in zip(numbers, rows, strict=False) if line not in faulty]


def _answer(prepared: Prepared, rows: list[list[str]], checks: tuple[str, ...]) -> bytes:
    """The outcome bytes, in columns, from which the rows were written; of rows that are left."""
    sent = [rows[at] for at in prepared.sent if at < len(rows)]
    split = [_codes(row, checks) for row in sent]
    return b"".join(bytes(column) for column in zip(*split, strict=True))


def _codes(row: list[str], checks: tuple[str, ...]) -> list[int]:
    key, *words, reason = row[-2 - len(checks) :]
    why = dict(part.partition(": ")[::2] for part in reason.split("; "))
    found = _CODES.get(key, UNANSWERED_CODE)
    codes = [found]
    for check, word in zip(checks, words, strict=True):
        if word == Outcome.INVALID:
            # Such a value is not sent, and the node says what it says of any check without one.
            codes.append(outcomes.NOT_FOUND if found == outcomes.NOT_FOUND else outcomes.NOT_ASKED)
        elif word == Outcome.UNVERIFIABLE:
            codes.append(_UNVERIFIABLE.get(why.get(check, ""), UNANSWERED_CODE))
        else:
            codes.append(_CODES.get(word, UNANSWERED_CODE))
    return codes


def _rows(
    lines: Lines, question: Question, prepared: Prepared, answer: bytes, own_columns: int
) -> Iterator[list[str]]:
    """What the output must say of these lines if the node told `answer`."""
    width = 1 + len(question.checks)
    if len(answer) != width * len(prepared.sent):
        return iter(())
    answered: Answered = question.answered(prepared, answer)
    return rendered_rows(lines, answered, own_columns)


def _disproved(what: str) -> ClientFault:
    return ClientFault(ErrorReason.ERROR_REASON_EVIDENCE_INVALID, f"proof_{what}", field=what)
