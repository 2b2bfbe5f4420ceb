"""The guards against enumeration: what a grant has been answered so far, across sessions and days.

Both work on what a whole grant asks. A chunk is looked through in `Observation`, outside the transaction; the
verdict on it falls inside, over the durable state as all chunks before have left it.
"""

from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from typing import Final

from provider_node.domain.breaker import Climb, tripping_height
from provider_node.domain.matching import Matched
from provider_node.domain.sequence import Asked, Frontiers
from stayput.outcomes import MATCH
from stayput.v1.access_pb2 import ChangeCause, GrantChange, GrantState, Limits

# Permitted misses and sample of the walk, its height; the frontiers follow.
_WALK: Final = Struct(">HIq")


@dataclass(frozen=True, slots=True)
class Observation:
    """What the guards see of a chunk. A limit of 0 turns its guard off."""

    climb: Climb
    asked: Asked

    @classmethod
    def of(cls, matched: Matched, limits: Limits) -> "Observation":
        """Looks through a chunk, by the limits of its grant."""
        climb = Climb.over(matched.outcomes[0] == MATCH, limits.miss_permille)
        return cls(climb, Asked(matched.ranks))

    def verdict(self, limits: Limits, stored: bytes) -> "bytes | ChangeCause.ValueType":
        """The guards' state after the chunk, from the one before it; or why it must not be answered.

        `limits` are those that the chunk was looked through by. The state is empty before a grant's first
        chunk. If the provider has changed the breaker's limits, its walk begins anew.
        """
        permille, sample, height = _WALK.unpack_from(stored) if stored else (0, 0, 0)
        if (permille, sample) != (limits.miss_permille, limits.miss_sample):
            height = 0
        if limits.miss_permille:
            height, peak = self.climb.from_height(height)
            if peak >= tripping_height(limits.miss_permille, limits.miss_sample):
                return ChangeCause.CHANGE_CAUSE_MISS_RATIO
        frontiers = Frontiers(stored[_WALK.size :])
        if limits.sequence_run and frontiers.extend(self.asked, limits.sequence_run):
            return ChangeCause.CHANGE_CAUSE_SEQUENCE
        return _WALK.pack(limits.miss_permille, limits.miss_sample, height) + frontiers.stored()


def suspension(
    grant_id: str, node_id: str, cause: "ChangeCause.ValueType", limits: Limits, now: datetime
) -> GrantChange:
    """The change that suspends a grant for that cause, to be numbered and signed.

    Its reason tells nothing of single records.
    """
    if cause == ChangeCause.CHANGE_CAUSE_MISS_RATIO:
        reason = (
            "suspended by the node: far more of the records asked about are not in the register than the "
            f"{limits.miss_permille} in 1,000 that are permitted"
        )
    else:
        reason = (
            "suspended by the node: records were asked about one after another in the order of the "
            "register's numbers, as by somebody who walks through the numbers"
        )
    change = GrantChange(
        grant_id=grant_id,
        node_id=node_id,
        state=GrantState.GRANT_STATE_SUSPENDED,
        cause=cause,
        reason=reason,
    )
    change.changed_at.FromDatetime(now)
    return change
