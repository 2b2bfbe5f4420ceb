"""What an index holds: the records of all batches, token by token."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.ranking import Ranking
from provider_node.domain.build.records import CHECK, Records
from provider_node.domain.build.spool import Spool, distinct
from provider_node.store.index import RANK_BYTES


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket's distinct tokens, ascending, the value of each, and how many are of the first key.

    `is_key` tells the tokens of keys, and `bitmaps` has a row for each of these.
    """

    tokens: list[bytes]
    values: list[bytes]
    subjects: int
    is_key: npt.NDArray[np.bool_]
    bitmaps: npt.NDArray[np.uint8]


def merged(spool: Spool, ranking: Ranking) -> Iterator[Bucket]:
    """The buckets of spooled index records, in ascending order."""
    for records in spool.parts():
        yield _merged(records, ranking)


def _merged(records: Records, ranking: Ranking) -> Bucket:
    """Joins the records of a token into one that has the checks of any of them."""
    starts = distinct(records)
    bitmaps = np.bitwise_or.reduceat(records["bitmap"], starts) if len(starts) else records["bitmap"]
    records = records[starts]
    kinds = records["kind"]
    return Bucket(
        np.ascontiguousarray(records["token"]).tolist(),
        _values(records, bitmaps, ranking),
        int(np.count_nonzero(kinds == CHECK + 1)),
        kinds != CHECK,
        bitmaps[kinds != CHECK],
    )


def _values(records: Records, bitmaps: npt.NDArray[np.uint8], ranking: Ranking) -> list[bytes]:
    """What the index holds for each token: of a key the bitmap and the masked rank, of a check nothing."""
    kinds = records["kind"]
    content = np.zeros((len(records), bitmaps.shape[1] + RANK_BYTES), np.uint8)
    content[:, :-RANK_BYTES] = bitmaps
    for kind in np.unique(kinds[kinds != CHECK]).tolist():
        places = np.flatnonzero(kinds == kind)
        tokens = np.ascontiguousarray(records["token"][places]).tobytes()
        content[places, -RANK_BYTES:] = ranking.masked(kind - 1, tokens, records["position"][places])
    values = content.view(f"V{content.shape[1]}").ravel().tolist()
    return [b"" if kind == CHECK else value for kind, value in zip(kinds.tolist(), values, strict=True)]
