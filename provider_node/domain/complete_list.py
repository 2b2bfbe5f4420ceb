"""Counts only: whether totals of a complete list may be told, after what its grant has been told before."""

import lmdb
import numpy as np
import numpy.typing as npt

from provider_node.domain.overlap import differ_by_fewer, from_stored, sketch_of, stored
from provider_node.store.counts import Account, Counts
from stayput.errors import StayputError
from stayput.v1.access_pb2 import Limits
from stayput.v1.errors_pb2 import ErrorReason


class CompleteList:
    """The different records of a session, under `limits` that are complete.

    First `compare` it, which may take long, then `settle` it in the transaction that makes the receipt.
    """

    def __init__(self, counts: Counts, grant_id: str, limits: Limits, names: npt.NDArray[np.uint64]) -> None:
        """`names` stand for the records. Raises `LIST_TOO_SHORT` if they are fewer than the minimum."""
        if len(names) < limits.count_minimum:
            raise _refused(
                ErrorReason.ERROR_REASON_LIST_TOO_SHORT,
                "totals are not told of so few different records",
                f"ask about {limits.count_minimum:,} different records or more",
                limits,
            )
        self._counts = counts
        self._grant_id = grant_id
        self._limits = limits
        self._names = names
        self._sketches = {limits.count_minimum: sketch_of(names, limits.count_minimum)}
        self._compared = 0

    def compare(self) -> None:
        """Compares the list with all that are kept by now. Raises `LIST_OVERLAPS`."""
        with self._counts.reading() as txn:
            self._compare(txn)

    def settle(self, txn: lmdb.Transaction) -> None:
        """Keeps the list, and counts the privacy that is lost by telling its totals.

        Raises `LIST_OVERLAPS`, also for a list kept since `compare`, and `QUOTA_EXCEEDED` if the grant has no
        room for another list or for that loss.
        """
        self._compare(txn)
        minimum, epsilon = self._limits.count_minimum, self._limits.noise_epsilon_milli
        sketch = stored(self._sketches[minimum])
        account = self._counts.account(txn, self._grant_id)
        if not account.has_room(len(sketch)):
            raise _no_room_for_lists(account)
        budget = self._limits.noise_budget_milli if epsilon else 0
        if budget and account.spent_milli + epsilon > budget:
            raise _no_budget(budget, account.spent_milli)
        self._counts.add(txn, self._grant_id, len(self._names), minimum, sketch, epsilon)

    def _compare(self, txn: lmdb.Transaction) -> None:
        within = self._limits.count_minimum
        for earlier in self._counts.near(txn, self._grant_id, len(self._names), within, self._compared):
            # The limits of the grant may have been others then.
            if earlier.minimum not in self._sketches:
                self._sketches[earlier.minimum] = sketch_of(self._names, earlier.minimum)
            if differ_by_fewer(self._sketches[earlier.minimum], from_stored(earlier.sketch), within):
                raise _refused(
                    ErrorReason.ERROR_REASON_LIST_OVERLAPS,
                    "the list differs from an earlier one under this grant in too few records",
                    "ask about another list: one that differs from each earlier one in "
                    f"{within:,} records or more",
                    self._limits,
                )
        self._compared = self._counts.account(txn, self._grant_id).last


def _refused(reason: "ErrorReason.ValueType", problem: str, remedy: str, limits: Limits) -> StayputError:
    return StayputError(
        reason,
        f"records: {problem}",
        field="records",
        remedy=remedy,
        details={"limit": str(limits.count_minimum)},
    )


def _no_room_for_lists(account: Account) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_QUOTA_EXCEEDED,
        "count_lists: totals of so many lists have been told under this grant that no more can be compared",
        field="count_lists",
        remedy="let the provider renew the grant, which makes room again",
        details={"limit": str(account.lists), "remaining": "0"},
    )


def _no_budget(budget: int, spent: int) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_QUOTA_EXCEEDED,
        "noise_budget_milli: the sessions of this grant have used up the privacy loss that it permits",
        field="noise_budget_milli",
        remedy="let the provider raise the budget, or apply for a new grant",
        details={"limit": str(budget), "remaining": str(max(0, budget - spent))},
    )
