"""Databases whose keys begin with a day (ISO date) lose what is over little by little, as new days come."""

from datetime import date, timedelta
from typing import Final

import lmdb

_PRUNED_AT_ONCE: Final = 4


def prune(txn: lmdb.Transaction, database: lmdb._Database, day: str) -> None:
    """Removes a few entries of days before the one before `day`; call it when one is added.

    Yesterday is kept: an answer begun before midnight is charged to the day on which it began.
    """
    kept = (date.fromisoformat(day) - timedelta(days=1)).isoformat().encode()
    with txn.cursor(database) as cursor:
        for _ in range(_PRUNED_AT_ONCE):
            if not cursor.first() or bytes(cursor.key()) >= kept:
                return
            cursor.delete()
