"""Attempts: which questions about whose checks a grant has asked on a day.

Durable is a log, to which the transaction that charges an answer adds the answer's new questions. It is read
once, at the first use after a start, into a table in memory (16 bytes for each question) that is asked before
an answer is made. What an answer that is not durable yet has asked is held meanwhile: it counts for every
other session of the grant, and is let go if the answer never becomes durable.
"""

import threading
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, Self

import lmdb
import numpy as np
import numpy.typing as npt

from provider_node.store.by_day import prune
from provider_node.store.sorted_runs import Numbers, SortedRuns

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

_ENTRY: Final = np.dtype([("subject", "<u8"), ("question", "<u8")])
_ENTRY_BYTES: Final = _ENTRY.itemsize
# A value of at most so many bytes stays within its page, so adding to it costs no more than a new one.
_GROWING_BYTES: Final = 1_024
_NUMBER_BYTES: Final = 4

Entries = npt.NDArray[np.void]
_NONE: Final[Entries] = np.empty(0, _ENTRY)


class AttemptLog:
    """The durable log, by day and grant."""

    def __init__(self, env: lmdb.Environment) -> None:
        self._env = env
        self._log = env.open_db(b"attempts")

    def append(self, txn: lmdb.Transaction, grant_id: str, day: str, entries: bytes) -> None:
        """Adds entries, and removes a few of days that are over."""
        prune(txn, self._log, day)
        if not entries:
            return
        prefix = _prefix(grant_id, day)
        number, value = self._last(txn, prefix)
        if value and len(value) + len(entries) <= _GROWING_BYTES:
            entries = value + entries
        else:
            number += 1
        txn.put(prefix + number.to_bytes(_NUMBER_BYTES, "big"), entries, db=self._log)

    def entries(self, grant_id: str, day: str) -> Entries:
        """All entries of the grant on that day."""
        prefix = _prefix(grant_id, day)
        with self._env.begin() as txn, txn.cursor(self._log) as cursor:
            parts = list(_values(cursor, prefix)) if cursor.set_range(prefix) else []
        return np.frombuffer(b"".join(parts), _ENTRY)

    def _last(self, txn: lmdb.Transaction, prefix: bytes) -> tuple[int, bytes]:
        with txn.cursor(self._log) as cursor:
            after = cursor.set_range(prefix + b"\xff" * _NUMBER_BYTES)
            if cursor.prev() if after else cursor.last():
                key = bytes(cursor.key())
                if key.startswith(prefix):
                    return int.from_bytes(key[len(prefix) :], "big"), bytes(cursor.value())
            return 0, b""


def _prefix(grant_id: str, day: str) -> bytes:
    return f"{day}/{grant_id}/".encode()


def _values(cursor: lmdb.Cursor, prefix: bytes) -> Iterator[bytes]:
    for key, value in cursor:
        if not bytes(key).startswith(prefix):
            return
        yield bytes(value)


class Standing(Enum):
    """Where a reservation stands."""

    HELD = auto()
    DURABLE = auto()
    LET_GO = auto()


class Reservation:
    """The new questions of one answer, held for it until it is durable; made by `Attempts.answering`."""

    def __init__(self, attempts: "Attempts", grant_id: str, day: str) -> None:
        self._attempts = attempts
        self._grant_id = grant_id
        self._day = day
        self.entries = _NONE
        self.standing = Standing.HELD
        # Another answer may make some of its questions durable before it does.
        self.contested = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Only noted here: the next reservation, which is made in a thread, brings the table up to date.
        self.standing = Standing.LET_GO if kind else Standing.DURABLE

    def reserve(self, subjects: Numbers, questions: Numbers, allowed: int) -> Flags:
        """Which of the questions, in the order asked, are beyond the attempts allowed for their subject.

        A question that the grant has asked on that day already, or that comes twice, is one attempt. May be
        called once, in any thread.
        """
        return self._attempts.reserve(self, (self._day, self._grant_id), subjects, questions, allowed)

    def logged(self) -> bytes:
        """What the answer's transaction has to add to the log."""
        return self.entries.tobytes()


class Attempts:
    """The attempts of all grants. Thread-safe; one instance for each state."""

    def __init__(self, env: lmdb.Environment) -> None:
        self.log = AttemptLog(env)
        self._tables: dict[tuple[str, str], _Table] = {}
        self._lock = threading.Lock()

    def answering(self, grant_id: str, day: str) -> Reservation:
        """For the making of one answer: a context manager that must last until the answer is durable.

        If it is left by an exception, what was reserved in it is let go.
        """
        return Reservation(self, grant_id, day)

    def reserve(
        self,
        reservation: Reservation,
        place: tuple[str, str],
        subjects: Numbers,
        questions: Numbers,
        allowed: int,
    ) -> Flags:
        """As `Reservation.reserve`, at a day and grant."""
        with self._lock:
            table = self._tables.get(place)
            if table is None:
                for over in [key for key, one in self._tables.items() if key[0] < place[0] and one.is_idle()]:
                    del self._tables[over]
                day, grant_id = place
                table = self._tables[place] = _Table(self.log.entries(grant_id, day))
            return table.reserve(reservation, subjects, questions, allowed)


class _Table:
    """The attempts of one grant on one day."""

    def __init__(self, logged: Entries) -> None:
        self._questions = SortedRuns()
        self._subjects = SortedRuns()
        self._held: list[Reservation] = []
        self._add(self._not_durable(logged))

    def is_idle(self) -> bool:
        """Nothing waits to become durable: the log knows all."""
        return all(one.standing is not Standing.HELD for one in self._held)

    def reserve(self, reservation: Reservation, subjects: Numbers, questions: Numbers, allowed: int) -> Flags:
        """As `Reservation.reserve`."""
        self._bring_up_to_date()
        distinct, first, inverse = np.unique(questions, return_index=True, return_inverse=True)
        durable = self._questions.counts(distinct) > 0
        held = self._entries_held()
        shared = np.isin(distinct, held["question"])
        # Of those that are new, the ones asked first have the attempts that are left.
        new = np.flatnonzero(~durable & ~shared)
        new = new[np.argsort(first[new])]
        about, which, occurrences = _occurrences(subjects[first[new]])
        held_subjects = SortedRuns()
        held_subjects.add(held["subject"])
        before = self._subjects.counts(about) + held_subjects.counts(about)
        granted = before[which] + occurrences < allowed
        # What another answer holds is logged for this one too: the other may yet be let go.
        logged = first[np.concatenate([new[granted], np.flatnonzero(shared)])]
        reservation.entries = _entries(subjects[logged], questions[logged])
        self._held.append(reservation)
        if shared.any():
            for one in self._held:
                one.contested = True
        refused = np.zeros(len(distinct), np.bool_)
        refused[new[~granted]] = True
        return refused[inverse]

    def _bring_up_to_date(self) -> None:
        over = [one for one in self._held if one.standing is not Standing.HELD]
        self._held = [one for one in self._held if one not in over]
        for one in over:
            if one.standing is Standing.DURABLE:
                self._add(self._not_durable(one.entries) if one.contested else one.entries)

    def _add(self, entries: Entries) -> None:
        self._questions.add(entries["question"])
        self._subjects.add(entries["subject"])

    def _entries_held(self) -> Entries:
        """What other answers hold, each question once and none that is durable."""
        held = [one.entries for one in self._held]
        return self._not_durable(np.concatenate(held)) if held else _NONE

    def _not_durable(self, entries: Entries) -> Entries:
        distinct, first = np.unique(entries["question"], return_index=True)
        new: Entries = entries[first[self._questions.counts(distinct) == 0]]
        return new


def _entries(subjects: Numbers, questions: Numbers) -> Entries:
    entries = np.empty(len(subjects), _ENTRY)
    entries["subject"], entries["question"] = subjects, questions
    return entries


def _occurrences(numbers: Numbers) -> tuple[Numbers, Places, Places]:
    """The distinct numbers, ascending; which of them each is; and how often it occurs before its place."""
    distinct, which, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    order = np.argsort(which, kind="stable")
    occurrences = np.empty(len(numbers), np.intp)
    occurrences[order] = np.arange(len(numbers)) - np.repeat(np.cumsum(counts) - counts, counts)
    return distinct, which, occurrences
