"""Keyed mode, counts only: totals over the different records of a session, told at its end."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt

from provider_node.domain.accounts import Attempts
from provider_node.domain.answering import Answered, Chunk
from provider_node.domain.by_record import Matcher, records_in
from provider_node.domain.costs import Cost, CountedList, Records
from provider_node.domain.guards import Observation
from provider_node.domain.laplace import discrete_laplace
from provider_node.domain.matching import Matched
from provider_node.domain.suppression import CHECK_CELLS, KEY_CELLS, Column, Told, exact, noisy, scale
from provider_node.store.sorted_runs import SortedRuns
from stayput.elements import DIGEST_BYTES
from stayput.v1.access_pb2 import Limits
from stayput.v1.contract_pb2 import OutcomeCode
from stayput.v1.log_pb2 import OutcomeCount, Receipt, Tally

_Flags = npt.NDArray[np.bool_]
_Places = npt.NDArray[np.intp]
_Names = npt.NDArray[np.uint64]


class Counting:
    """Answers every chunk with nothing, and tells the totals in the receipt.

    Before a session is journaled its draft must have `count_minimum` and `noise_epsilon_milli` of the limits.
    A record counts where its key is first asked about. The key digests are remembered as names of 8 bytes
    each until the session ends.
    """

    def __init__(self, matcher: Matcher, limits: Limits, checks: int, grant_id: str) -> None:
        """`limits` are complete; `matcher` is for that number of checks."""
        self._matcher = matcher
        self._limits = limits
        self._list_key = matcher.list_key(grant_id)
        self._seen = SortedRuns()
        cells = (KEY_CELLS, *[CHECK_CELLS] * checks)
        self._columns = [Column(0, dict.fromkeys(one, 0)) for one in cells]

    def asked(self, chunk: Chunk, draft: Receipt) -> None:
        """See `Answering`."""
        draft.records += records_in(chunk, len(self._columns))

    def answered(
        self,
        chunk: Chunk,
        draft: Receipt,
        attempts: Attempts,  # noqa: ARG002 (no subject is answered, so none is guessed at)
    ) -> Answered:
        """See `Answering`."""
        records = records_in(chunk, len(self._columns))
        places, names = self._first_asked(chunk.content[: records * DIGEST_BYTES])
        matched = self._matcher.match(chunk.content)
        columns = self._with(matched, _asking(chunk.content, matched.outcomes.shape), places)
        draft.distinct_records += len(places)
        cost: Cost = Records(records)
        if chunk.final:
            # The draft is kept only if the account lets them be told.
            draft.tallies.extend(_tally(told) for told in self._told(columns))
            cost = CountedList(records, np.concatenate([self._seen.numbers(), names]))
        observed = Observation.of(matched, self._limits)
        return Answered(b"", cost, partial(self._keep, names, columns), observed)

    def _first_asked(self, key_digests: bytes) -> tuple[_Places, _Names]:
        """The places in a chunk of the records that have not come before, and their names."""
        distinct, first = np.unique(self._list_key.names(key_digests), return_index=True)
        new = self._seen.counts(distinct) == 0
        return first[new], distinct[new]

    def _with(self, matched: Matched, asking: _Flags, places: _Places) -> list[Column]:
        """The totals with those of some of a chunk's records."""
        return [
            Column(
                before.asked + int(asks[places].sum()),
                {cell: count + int((codes[places] == cell).sum()) for cell, count in before.cells.items()},
            )
            for before, asks, codes in zip(self._columns, asking, matched.outcomes, strict=True)
        ]

    def _told(self, columns: Sequence[Column]) -> list[Told]:
        minimum, epsilon = self._limits.count_minimum, self._limits.noise_epsilon_milli
        if not epsilon:
            return exact(columns, minimum)
        noise = partial(discrete_laplace, scale(len(columns), epsilon), secrets.randbelow)
        return noisy(columns, minimum, noise)

    def _keep(self, names: _Names, columns: list[Column]) -> None:
        self._seen.add(names)
        self._columns = columns


def _asking(content: bytes, shape: tuple[int, ...]) -> _Flags:
    """By column and record, whether it is asked; every record asks its key."""
    halves = np.frombuffer(content, np.uint64).reshape(*shape, DIGEST_BYTES // 8)
    asking: _Flags = (halves[..., 0] | halves[..., 1]) != 0
    asking[0] = True
    return asking


def _tally(told: Told) -> Tally:
    return Tally(
        counts=[
            OutcomeCount(outcome=cast("OutcomeCode.ValueType", cell), count=told[cell])
            for cell in sorted(told)
        ]
    )
