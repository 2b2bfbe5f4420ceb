"""Comparing in oblivious mode: the node evaluates what is blinded, and matches are found on this side.

`ObliviousAgreed` takes the place of `Agreed` in `compare_list` and `compare_records`; `count` tells totals.
What does the work is imported when it is needed: libsodium takes a third of a second to load.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stayput_client.comparing import Batch, Ended, Sink
from stayput_client.fingerprint_cache import forget_ungranted
from stayput_client.home import Home
from stayput_client.models.grants import Grant
from stayput_client.question import Question
from stayput_client.results import Concluded, Summary, Tallies
from stayput_client.retries import RETRY_SECONDS
from stayput_client.session import Agreed

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ObliviousAgreed:
    """What is agreed, where fingerprints are cached, and who is told of fetching them.

    `waits` are the seconds before each attempt to go on after a connection broke.
    """

    agreed: Agreed
    root: Path
    fetching: Callable[[int, int], None]
    waits: Sequence[float] = RETRY_SECONDS

    @property
    def question(self) -> Question:
        """What is asked, before it is blinded."""
        return self.agreed.question

    @property
    def chunk_records(self) -> int:
        """Most records in a chunk."""
        return self.agreed.chunk_records

    async def run(self, batches: Iterator[Batch[T]], sink: Sink[T, R]) -> Ended:
        """Sees a list through into a sink, record by record, in as many sessions as it takes.

        Raises what refuses or spoils the first session, `PROOF_INVALID` for what the node does not prove.
        """
        from stayput_client.oblivious_run import run  # noqa: PLC0415 (see above)

        return await run(self, batches, sink)

    def summary(self, tallies: Tallies, concluded: Concluded | None, elapsed: float) -> Summary:
        """What the sessions add up to."""
        return self.agreed.summary(tallies, concluded, elapsed)


def agreed_obliviously(
    agreed: Agreed, home: Home, fetching: Callable[[int, int], None] = lambda _done, _total: None
) -> ObliviousAgreed:
    """What a comparison in oblivious mode needs.

    `fetching` is told, in the event loop, how many bytes of fingerprints there are and how many in all.
    """
    return ObliviousAgreed(agreed, home.fingerprints_path, fetching)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted in oblivious mode.

    For the key, then each check, how many different elements were asked and how many of them match; `invalid`
    of the `records` were not asked about. `reasons` counts `field: REASON` of everything INVALID. `concluded`
    is None if nothing could be asked.
    """

    records: int
    invalid: int
    reasons: Mapping[str, int]
    asked: tuple[int, ...]
    matched: tuple[int, ...]
    concluded: Concluded | None


async def count(agreed: ObliviousAgreed, batches: Iterator[Batch[T]], heard: Callable[[T], None]) -> Counted:
    """Totals over all batches; `heard` is told in a thread of each that was read.

    A session that broke is repeated as a whole. Raises `LIST_TOO_SHORT` as the node does, and as `run`.
    """
    from stayput_client.oblivious_count import count as counted  # noqa: PLC0415 (see above)

    return await counted(agreed, batches, heard)


def forget_fingerprints(home: Home, held: Sequence[Grant], node: str | None = None) -> None:
    """Removes cached fingerprints of resources that no active grant of `held` covers in oblivious mode.

    `node` limits it to that node's resources, where `held` was verified with its key only. To be called
    whenever grants are read for an oblivious comparison, and when they are listed.
    """
    forget_ungranted(home.fingerprints_path, held, None if node is None else (node,))
