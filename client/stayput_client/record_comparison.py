"""Comparing records that a program holds in memory."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from stayput.errors import field_invalid
from stayput_client.comparing import Batch, Ended
from stayput_client.oblivious import ObliviousAgreed
from stayput_client.question import Answered, Question
from stayput_client.results import OUTCOME_OF_CODE, Comparison, Result, Tallies
from stayput_client.session import Agreed


async def compare_records(
    agreed: Agreed | ObliviousAgreed, records: Iterable[Mapping[str, str]]
) -> Comparison:
    """Outcomes of all records: in one call when they are few in keyed mode, else on a stream.

    A field that a record leaves out is an empty one. Raises `FIELD_INVALID` for a value that is no text.
    """
    began = time.perf_counter()
    question = agreed.question
    collected = _Collected(question.checks)
    iterator = iter(records)
    head = list(islice(iterator, agreed.one_call_records + 1)) if isinstance(agreed, Agreed) else []
    if isinstance(agreed, Agreed) and len(head) <= agreed.one_call_records:
        ended = await _in_one_call(agreed, _values(question, head), collected)
    else:
        batches = batches_of(question, chain(head, iterator), agreed.chunk_records)
        ended = await agreed.run(batches, collected)
    if ended.cut is not None:
        raise ended.cut
    summary = agreed.summary(collected.tallies, ended.concluded, time.perf_counter() - began)
    return Comparison(tuple(collected.results), summary, summary.receipt)


async def _in_one_call(agreed: Agreed, values: Mapping[str, list[str]], collected: "_Collected") -> Ended:
    prepared = agreed.question.prepare(values)
    answer, concluded = None, None
    if prepared.digests:
        answer, concluded = await agreed.in_one_call(prepared.digests)
    collected.take(collected.render(None, agreed.question.answered(prepared, answer)))
    return Ended(concluded, None)


def batches_of(question: Question, records: Iterator[Mapping[str, str]], size: int) -> Generator[Batch[None]]:
    """The records in batches of at most `size`; raises `FIELD_INVALID` for a value that is no text."""
    while some := list(islice(records, size)):
        yield Batch(None, _values(question, some))


def _values(question: Question, records: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    values = {field: [record.get(field, "") for record in records] for field in question.fields}
    for field, column in values.items():
        if not all(isinstance(value, str) for value in column):
            raise field_invalid(field, "holds a value that is no text", "give every value as a str")
    return values


class _Collected:
    """Results in the order of the records."""

    def __init__(self, checks: tuple[str, ...]) -> None:
        self._checks = checks
        self.results: list[Result] = []
        self.tallies = Tallies(checks)

    def render(self, payload: None, answered: Answered) -> Answered:  # noqa: ARG002 (a Sink's method)
        return answered

    def take(self, answered: Answered) -> None:
        self.tallies.add(answered.columns)
        columns = ([OUTCOME_OF_CODE.get(code) for code in column] for column in answered.columns)
        for at, (key, *checks) in enumerate(zip(*columns, strict=True)):
            reasons = dict(answered.reasons.get(at, ()))
            self.tallies.reasons.update(f"{subject}: {word}" for subject, word in reasons.items())
            if key is not None:
                named = {name: one for name, one in zip(self._checks, checks, strict=True) if one is not None}
                self.results.append(Result(key, named, reasons))
