"""Counts only, keyed: what a receipt may tell of the different records that this side asked about.

The node answers no record; totals come in the receipt. What this side can check of them it checks here.
"""

from collections.abc import Mapping
from typing import Final

from stayput.elements import DIGEST_BYTES
from stayput.receipts import receipt_invalid
from stayput.v1.log_pb2 import Receipt, Tally
from stayput_client.models.limits import Limits
from stayput_client.results import OUTCOME_OF_CODE, Outcome

KEY_CELLS: Final = (Outcome.MATCH, Outcome.NOT_FOUND)
"""What can be told of the key."""
CHECK_CELLS: Final = (Outcome.MATCH, Outcome.MISMATCH)
"""What can be told of a check; the rest is never told."""


class Different:
    """How many different records a session asks about: a key digest counts once. Takes 100 bytes for each."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def add(self, keys: bytes) -> None:
        """More key digests, one behind the other."""
        self._digests.update(keys[at : at + DIGEST_BYTES] for at in range(0, len(keys), DIGEST_BYTES))

    def __len__(self) -> int:
        return len(self._digests)


def check_totals(receipt: Receipt, different: int, limits: Limits) -> None:
    """Passes if the receipt of a complete session tells totals as the grant's limits allow.

    `different` is how many records this side asked about. Raises `RECEIPT_INVALID` naming what is wrong.
    """
    for name, said, expected in (
        ("distinct_records", receipt.distinct_records, different),
        ("count_minimum", receipt.count_minimum, limits.count_minimum),
        ("noise_epsilon_milli", receipt.noise_epsilon_milli, limits.noise_epsilon_milli),
        ("tallies", len(receipt.tallies), 1 + len(receipt.checks)),
    ):
        if said != expected:
            raise receipt_invalid(f"{name} is not what this side asked for or the grant says")
    for column, tally in enumerate(receipt.tallies):
        if not _can_be(tally, CHECK_CELLS if column else KEY_CELLS, receipt):
            raise receipt_invalid("tallies are not totals that can be told of this list")


def _can_be(tally: Tally, cells: tuple[Outcome, ...], receipt: Receipt) -> bool:
    counts = [one.count for one in tally.counts]
    told = [OUTCOME_OF_CODE.get(int(one.outcome)) for one in tally.counts]
    if len(set(told)) != len(told) or not set(told) <= set(cells):
        return False
    if any(count < receipt.count_minimum for count in counts):
        return False
    if receipt.noise_epsilon_milli:
        return True
    # Each record is in the register or not; of a check there is a rest.
    whole = cells == KEY_CELLS and len(counts) == len(cells)
    return sum(counts) == receipt.distinct_records if whole else sum(counts) <= receipt.distinct_records


def told(tally: Tally, cells: tuple[Outcome, ...]) -> Mapping[Outcome, int | None]:
    """What is told of a column, None for what is not."""
    counts = {OUTCOME_OF_CODE[int(one.outcome)]: one.count for one in tally.counts}
    return {cell: counts.get(cell) for cell in cells}
