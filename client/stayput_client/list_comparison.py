"""Comparing a list: a delimited file in, the same file with outcomes out."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from stayput_client.comparing import Ended
from stayput_client.lists import ClerksList, places
from stayput_client.oblivious import ObliviousAgreed
from stayput_client.output import Output, check_destination
from stayput_client.results import CutShort, Progress, Summary
from stayput_client.session import Agreed

ProgressCallback: TypeAlias = Callable[[Progress], None]
_PROGRESS_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ListJob:
    """A list that can be read, and where its output may go. `columns` are given by field."""

    of: ClerksList
    out: Path
    columns: Mapping[str, str]

    @staticmethod
    def open(
        list_path: Path,
        out: Path,
        columns: Mapping[str, str],
        encoding: str | None,
        delimiter: str,
        *,
        force: bool,
    ) -> "ListJob":
        """Looks at list and destination before anything is sent; raises what they raise."""
        of = ClerksList.open(list_path, encoding, delimiter)
        check_destination(out, list_path, force=force)
        return ListJob(of, out, columns)


async def compare_list(
    agreed: Agreed | ObliviousAgreed, job: ListJob, progress: ProgressCallback | None
) -> Summary:
    """Streams the list through a session into its output file.

    Raises `CutShort` when the session broke after some records were answered: those are kept.
    """
    began = time.perf_counter()
    question = agreed.question
    at = places(question.fields.values(), job.of.columns, job.columns)
    heard = await reporting(job, progress)
    output = Output(job.out, job.of, question.checks, heard)
    try:
        with closing(job.of.batches(at, agreed.chunk_records)) as batches:
            ended = await agreed.run(batches, output)
        return _settled(agreed, job, output, ended, time.perf_counter() - began)
    finally:
        output.discard()


def _settled(
    agreed: Agreed | ObliviousAgreed, job: ListJob, output: Output, ended: Ended, elapsed: float
) -> Summary:
    summary = agreed.summary(output.tallies, ended.concluded, elapsed)
    if ended.cut is not None:
        raise CutShort(ended.cut, replace(summary, out_path=output.keep_partial()))
    receipt_path, *further = output.finish(ended.concluded) or (None,)
    return replace(summary, out_path=job.out, receipt_path=receipt_path, further_receipt_paths=tuple(further))


async def reporting(job: ListJob, progress: ProgressCallback | None) -> Callable[[int], None]:
    """What to tell of lines written: a thread may call it, `progress` hears of it in the event loop."""
    if progress is None:
        return lambda _: None
    total = await asyncio.to_thread(job.of.count_lines)
    loop = asyncio.get_running_loop()
    done, next_report = 0, 0.0

    def heard(lines: int) -> None:
        nonlocal done, next_report
        done += lines
        now = time.monotonic()
        if now >= next_report or done >= total:
            next_report = now + _PROGRESS_SECONDS
            loop.call_soon_threadsafe(progress, Progress(min(done, total), total))

    return heard
