"""How easily the value of a check can be guessed, and the limit that bounds it.

The guesser knows how many subjects have each value, as from public statistics, and asks about a subject the
most frequent values first. Conditions need no guess: one question tells the answer.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from provider_node.domain.profile.counting import Counts
from stayput.limits import RANGES

BOUND: Final = 0.01
"""The probability of a day's success that a limit should keep a guesser below."""
_MOST_ATTEMPTS: Final = RANGES["attempts_per_subject"].most
_ENOUGH: Final = 4
"""So many subjects of a sample with the same value tell how frequent it is."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What somebody achieves who may ask `attempts` questions about one subject in a day (0: any number).

    `distinct` values with an entropy of `entropy_bits`; `probability` that one of the questions hits;
    `limit`: the most questions that keep it below `BOUND`, 0 if not even one does.
    """

    attempts: int
    distinct: int
    entropy_bits: float
    probability: float
    limit: int

    @property
    def easy(self) -> bool:
        """Whether the probability is not below `BOUND`."""
        return self.probability >= BOUND


def guess(counts: Counts, distinct: int, values_per_subject: float, attempts: int) -> Guess:
    """What a guesser achieves.

    `counts`: of how many subjects, all or an even sample, has each value, most first; `distinct`: how many
    values there are. Of a subject's values, on average `values_per_subject`, any is a hit.
    """
    each = max(1.0, values_per_subject) / max(1, int(counts.sum()))
    shares = [each * count for count in counts[:_MOST_ATTEMPTS].tolist()]
    return Guess(
        attempts=attempts,
        distinct=distinct,
        entropy_bits=round(_entropy(counts, distinct), 2),
        probability=round(_probability(shares, distinct, attempts), 6),
        limit=_limit(shares, distinct),
    )


def asked(met: float, attempts: int) -> Guess:
    """The same of a condition that this share of the rows meets."""
    bits = sum(-share * math.log2(share) for share in (met, 1 - met) if share > 0)
    return Guess(attempts=attempts, distinct=2, entropy_bits=round(bits, 2), probability=1.0, limit=0)


def _entropy(counts: Counts, distinct: int) -> float:
    """Shannon's, in bits. Values too rare in a sample are taken as spread evenly: it may be a little high."""
    sample = len(counts) < distinct
    known = counts[counts >= _ENOUGH] if sample else counts
    shares = known / max(1, int(counts.sum()))
    rest = 1 - float(np.sum(shares))
    bits = -float(np.sum(shares * np.log2(shares)))
    if sample and rest > 0:
        bits -= rest * math.log2(rest / (distinct - len(known)))
    return max(0.0, bits)


def _probability(shares: list[float], distinct: int, attempts: int) -> float:
    # Who has seen all values but one fail knows the last, and nothing limits who is not limited.
    if shares and (not attempts or attempts >= distinct - 1):
        return 1.0
    return min(1.0, sum(shares[:attempts]))


def _limit(shares: list[float], distinct: int) -> int:
    total = 0.0
    for number, share in enumerate(shares):
        total += share
        if total >= BOUND or number + 1 >= distinct - 1:
            return number
    return len(shares)
