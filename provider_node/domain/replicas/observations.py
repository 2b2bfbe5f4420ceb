"""What a replica says that the guards have to see of an answer: no more than such an answer can show them.

What a chunk adds to the breaker's walk stays with the grant when the replica is gone. Were it not bounded by
what the chunk is charged for, one lie would leave the grant without a breaker for good.
"""

from typing import Final

from provider_node.domain.costs import CountedList, Entry, Records
from provider_node.domain.replicas.violations import violation
from stayput.v1.access_pb2 import Limits

_WHOLE: Final = 1_000


def check_observed(entry: Entry, limits: Limits) -> None:
    """Passes for what records as many as are charged can show, under complete limits."""
    if entry.observed is None:
        return
    if not isinstance(entry.cost, Records | CountedList):
        raise violation("charge.observed", "is there where guards see nothing")
    records, climb = entry.cost.records, entry.observed.climb
    if len(entry.observed.asked.ranks) > records:
        raise violation("charge.observed", "has more ranks than records are charged")
    least, most = -limits.miss_permille * records, (_WHOLE - limits.miss_permille) * records
    if not (
        least <= climb.total <= min(climb.highest, climb.end)
        and 0 <= climb.end <= climb.peak
        and climb.highest <= climb.peak <= most
    ):
        raise violation("charge.observed", "is no climb over the records charged")
