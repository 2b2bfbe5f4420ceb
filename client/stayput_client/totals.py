"""Counting how much of a list agrees with the register, and no more, in both modes."""

import asyncio
import csv
import io
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from stayput.delimited import Batch as Lines
from stayput_client import oblivious
from stayput_client.comparing import Batch
from stayput_client.counting import CHECK_CELLS, KEY_CELLS, told
from stayput_client.exchange import SessionBroken
from stayput_client.home import write_private
from stayput_client.list_comparison import ListJob, ProgressCallback, reporting
from stayput_client.lists import ClerksList, places
from stayput_client.models.vocabulary import Mode, moment
from stayput_client.oblivious import ObliviousAgreed
from stayput_client.output import write_receipts
from stayput_client.question import Prepared, Question
from stayput_client.record_comparison import batches_of
from stayput_client.results import Concluded, Outcome, Totals
from stayput_client.session import Agreed

T = TypeVar("T")
_Column = Mapping[Outcome, int | None]


@dataclass(slots=True)
class _Counted:
    """What one count comes to: `columns` for the key and each check."""

    records: int = 0
    invalid: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    different: int = 0
    columns: tuple[_Column, ...] = ()
    concluded: Concluded | None = None


class _Preparing(Generic[T]):
    """Digests of batches, each prepared in a thread, and what of them is INVALID."""

    def __init__(
        self, question: Question, batches: Iterator[Batch[T]], heard: Callable[[T], None], into: _Counted
    ) -> None:
        self._question = question
        self._batches = batches
        self._heard = heard
        self._into = into
        self._under_way: asyncio.Future[Prepared | None] | None = None

    async def asked(self) -> AsyncGenerator[Prepared]:
        """Each batch in which there is anything to ask."""
        while (prepared := await self._next()) is not None:
            if prepared.sent:
                yield prepared

    async def _next(self) -> Prepared | None:
        self._under_way = asyncio.ensure_future(asyncio.to_thread(self._prepare))
        return await asyncio.shield(self._under_way)

    def _prepare(self) -> Prepared | None:
        batch = next(self._batches, None)
        if batch is None:
            return None
        prepared = self._question.prepare(batch.values)
        self._into.records += prepared.records
        self._into.invalid += len(prepared.rejected)
        for rejects in (prepared.rejected, *prepared.rejected_checks):
            self._into.reasons.update(f"{subject}: {word}" for subject, word in rejects.values())
        self._heard(batch.payload)
        return prepared

    async def close(self) -> None:
        """Waits for the thread, so that the iterator can be closed."""
        if self._under_way is not None:
            await asyncio.gather(self._under_way, return_exceptions=True)


async def _keyed(agreed: Agreed, batches: Iterator[Batch[T]], heard: Callable[[T], None]) -> _Counted:
    counted = _Counted()
    preparing = _Preparing(agreed.question, batches, heard, counted)
    try:
        async with aclosing(preparing.asked()) as asked:
            first = await anext(asked, None)
            if first is not None:
                counted.concluded = await _asked(agreed, first, asked)
    finally:
        await preparing.close()
    if counted.concluded is not None:
        receipt = counted.concluded.receipt.receipt
        counted.different = receipt.distinct_records
        key, *checks = receipt.tallies
        counted.columns = (told(key, KEY_CELLS), *(told(one, CHECK_CELLS) for one in checks))
    return counted


async def _asked(agreed: Agreed, first: Prepared, following: AsyncGenerator[Prepared]) -> Concluded | None:
    exchange = await agreed.begin(first, following)
    try:
        async with exchange, aclosing(exchange.answers()) as answers:
            async for _ in answers:
                pass
    except SessionBroken as broken:
        # Nothing is told before the end.
        raise broken.cause from None
    return exchange.concluded


async def _obliviously(
    agreed: ObliviousAgreed, batches: Iterator[Batch[T]], heard: Callable[[T], None]
) -> _Counted:
    counted = await oblivious.count(agreed, batches, heard)
    key, *checks = counted.matched
    columns: list[_Column] = [{Outcome.MATCH: key, Outcome.NOT_FOUND: counted.asked[0] - key}]
    columns += [{Outcome.MATCH: matched, Outcome.MISMATCH: None} for matched in checks]
    return _Counted(
        records=counted.records,
        invalid=counted.invalid,
        reasons=Counter(counted.reasons),
        different=counted.asked[0],
        columns=tuple(columns),
        concluded=counted.concluded,
    )


async def count_records(
    agreed: Agreed, obliviously: ObliviousAgreed | None, records: Iterable[Mapping[str, str]]
) -> Totals:
    """Totals of records in memory, in oblivious mode if `obliviously` is given."""
    began = time.perf_counter()
    batches = batches_of(agreed.question, iter(records), (obliviously or agreed).chunk_records)
    with closing(batches):
        counted = await _count(agreed, obliviously, batches, lambda _: None)
    return _totals(agreed, obliviously, counted, time.perf_counter() - began)


async def count_list(
    agreed: Agreed, obliviously: ObliviousAgreed | None, job: ListJob, progress: ProgressCallback | None
) -> Totals:
    """Totals of a list, which are written as a table, with the receipts beside it."""
    began = time.perf_counter()
    at = places(agreed.question.fields.values(), job.of.columns, job.columns)
    heard = await reporting(job, progress)
    faults: Counter[str] = Counter()

    def took(lines: Lines) -> None:
        faults.update(f"line: {fault.name}" for _, fault in lines.faults)
        heard(len(lines))

    with closing(job.of.batches(at, (obliviously or agreed).chunk_records)) as batches:
        counted = await _count(agreed, obliviously, batches, took)
    counted.records += faults.total()
    counted.invalid += faults.total()
    counted.reasons.update(faults)
    totals = _totals(agreed, obliviously, counted, time.perf_counter() - began)
    return await asyncio.to_thread(_written, totals, counted.concluded, job)


async def _count(
    agreed: Agreed,
    obliviously: ObliviousAgreed | None,
    batches: Generator[Batch[T]],
    heard: Callable[[T], None],
) -> _Counted:
    if obliviously is not None:
        return await _obliviously(obliviously, batches, heard)
    return await _keyed(agreed, batches, heard)


def _totals(agreed: Agreed, obliviously: ObliviousAgreed | None, counted: _Counted, elapsed: float) -> Totals:
    concluded, question = counted.concluded, agreed.question
    said = concluded.receipt.receipt if concluded else None
    nothing: list[_Column] = [dict.fromkeys(KEY_CELLS)]
    nothing += [dict.fromkeys(CHECK_CELLS) for _ in question.checks]
    key, *checks = counted.columns if concluded else nothing
    return Totals(
        resource=agreed.description.contract.resource,
        key_name=question.key,
        mode=Mode.OBLIVIOUS if obliviously else Mode.KEYED,
        records=counted.records,
        invalid=counted.invalid,
        distinct_records=counted.different,
        key=key,
        checks=dict(zip(question.checks, checks, strict=True)),
        reasons=dict(sorted(counted.reasons.items())),
        minimum=agreed.grant.limits.count_minimum,
        noise_epsilon_milli=0 if obliviously else agreed.grant.limits.noise_epsilon_milli,
        generation=said.generation if said else agreed.description.generation,
        as_of=moment(said.as_of) if said else agreed.description.as_of,
        elapsed=elapsed,
        receipt=concluded.receipt if concluded else None,
        records_left_today=concluded.left.records_today if concluded else None,
        quota_renewed_at=concluded.left.renewed_at if concluded else None,
        further_receipts=concluded.further if concluded else (),
    )


def totals_path(list_path: Path) -> Path:
    """Where totals go unless something else is said: `LIST.totals.csv` for `LIST.csv`."""
    return list_path.with_name(f"{list_path.stem}.totals.csv")


def _written(totals: Totals, concluded: Concluded | None, job: ListJob) -> Totals:
    """Totals in their file, and before it the receipts, so that none is without one."""
    paths = write_receipts(job.out, concluded) if concluded else ()
    write_private(job.out, _table(totals, job.of))
    receipt_path, *further = paths or (None,)
    return replace(totals, out_path=job.out, receipt_path=receipt_path, further_receipt_paths=tuple(further))


def _table(totals: Totals, of: ClerksList) -> bytes:
    """One row for each total, written as the list is; what is not told is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=of.dialect.delimiter, lineterminator="\r\n")
    writer.writerow(["compared", "outcome", "records"])
    for name, column in ((totals.key_name, totals.key), *totals.checks.items()):
        writer.writerows([name, outcome.value, count] for outcome, count in column.items())
    mark = "\ufeff" if of.marked else ""
    return (mark + text.getvalue()).encode(of.dialect.encoding)
