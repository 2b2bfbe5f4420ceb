"""What grants have used: records by day, sessions by second, and the state of their guards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import lmdb
import numpy as np

from provider_node.store.grants import SignChange
from stayput.v1.access_pb2 import GrantChange
from stayput.v1.log_pb2 import Receipt

AdmitSession = Callable[[int], None]
Admit = Callable[[int, int], None]
Settle = Callable[[lmdb.Transaction, Receipt], int]
Guard = Callable[[bytes], bytes | GrantChange]

WINDOW_SECONDS: Final = 60
_SECOND_BYTES: Final = 8
_COUNT: Final = np.dtype("<u4")


@dataclass(frozen=True, slots=True)
class Charge:
    """What an answer costs its grant, and what decides in the same transaction whether it may be given.

    `settle` returns how many records the answer costs, and may do, in the same transaction, what else belongs
    to it; it may complete the draft of the receipt. `admit` gets the records that the grant has used on `day`
    (ISO date) and those, and raises if they are too many. `guard` gets the state of the grant's guards (empty
    before the first answer) and returns the state after this answer, or the change that suspends the grant
    instead of the answer, which `sign_change` signs. `attempts` are entries for the log of attempts.
    """

    settle: Settle
    day: str
    admit: Admit
    guard: Guard
    sign_change: SignChange
    attempts: bytes = b""


class Usage:
    """Verbs over usage in the node's state, for use within its transactions."""

    def __init__(self, env: lmdb.Environment) -> None:
        self._records = env.open_db(b"usage")
        self._openings = env.open_db(b"openings")
        self._guards = env.open_db(b"guards")

    def records(self, txn: lmdb.Transaction, grant_id: str, day: str) -> int:
        """Records that the grant has had answered on `day`."""
        return int.from_bytes(txn.get(_day_key(grant_id, day), default=b"", db=self._records), "big")

    def put_records(self, txn: lmdb.Transaction, grant_id: str, day: str, records: int) -> None:
        """The grant has had so many records answered on `day`."""
        txn.put(_day_key(grant_id, day), records.to_bytes(8, "big"), db=self._records)

    def add_opening(self, txn: lmdb.Transaction, grant_id: str, second: int, admit: AdmitSession) -> None:
        """Counts a session that opens at `second` (since 1970).

        `admit` gets the sessions of the grant that opened in that second and the 59 before, and raises if one
        more is too many. Sessions reach the transaction out of order by a little: time never goes back for
        them, unless the node's clock was set back by more than the window, which begins the count anew.
        """
        key = grant_id.encode()
        last, counts = _window(bytes(txn.get(key, default=b"", db=self._openings)))
        if last - second > WINDOW_SECONDS:
            counts[:] = 0
            last = second
        passed = max(0, second - last)
        # The newest second comes last.
        counts = np.concatenate([counts[passed:], np.zeros(min(passed, WINDOW_SECONDS), _COUNT)])
        admit(int(counts.sum()))
        counts[-1] += 1
        window = max(last, second).to_bytes(_SECOND_BYTES, "big") + counts.tobytes()
        txn.put(key, window, db=self._openings)

    def guards(self, txn: lmdb.Transaction, grant_id: str) -> bytes:
        """State of the grant's guards; empty before its first answer, and after it was resumed."""
        return bytes(txn.get(grant_id.encode(), default=b"", db=self._guards))

    def put_guards(self, txn: lmdb.Transaction, grant_id: str, state: bytes) -> None:
        """Stores the state of the grant's guards."""
        txn.put(grant_id.encode(), state, db=self._guards)


def _day_key(grant_id: str, day: str) -> bytes:
    return f"{grant_id}/{day}".encode()


def _window(stored: bytes) -> tuple[int, np.ndarray[tuple[int], np.dtype[np.uint32]]]:
    """The newest second of a window and the counts of its 60 seconds, oldest first."""
    if not stored:
        return 0, np.zeros(WINDOW_SECONDS, _COUNT)
    counts = np.frombuffer(stored, _COUNT, offset=_SECOND_BYTES).copy()
    return int.from_bytes(stored[:_SECOND_BYTES], "big"), counts
