"""From a batch of rows to index records: normalise, encode, digest, tokenise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, compress
from typing import Final

import numpy as np
import numpy.typing as npt

from provider_node.config.conditions import Conditions
from provider_node.domain.build.conditions import Evaluation
from provider_node.domain.build.positions import NO_POSITION, Positions, positions
from provider_node.domain.tokens import IndexKey, TokenKey, bound
from provider_node.sources import Batch
from provider_node.store.index import TOKEN_BYTES, bitmap_bytes
from stayput.contract import field_of
from stayput.elements import Encoded, check_digests, context, encode, key_digests
from stayput.normalise import Reject, normaliser
from stayput.v1.contract_pb2 import Contract

CHECK: Final = 0
"""`kind` of a check's record; a record of key number i, from 0, has i + 1."""

Records = npt.NDArray[np.void]


def record_type(checks: int) -> np.dtype[np.void]:
    """A record of a resource with so many checks: token, kind, bitmap of checks that are known, position.

    A check's record has neither bitmap nor position.
    """
    return np.dtype(
        [
            ("token", f"V{TOKEN_BYTES}"),
            ("kind", "u1"),
            ("bitmap", "u1", (bitmap_bytes(checks),)),
            ("position", "<u8"),
        ]
    )


@dataclass(frozen=True, slots=True)
class Rejection:
    """A value (or, with an empty field, a whole line) that is left out, and why."""

    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of one key, or of one check under it, in a batch. Hides what they are of.

    `place` counts keys and checks in the contract's order, each key before the checks under it. Each token is
    that of the subject in `rows`, a place in `keys`; a check has its value in `values` there.
    """

    place: int
    tokens: npt.NDArray[np.void]
    rows: npt.NDArray[np.intp]
    keys: Sequence[bytes] = field(repr=False)
    values: Sequence[Encoded] | None = field(repr=False, default=None)

    def encoded(self, chosen: npt.NDArray[np.intp]) -> list[bytes]:
        """The encoded values of the elements at these places: those of the key, then those of the check."""
        rows = self.rows[chosen].tolist()
        if self.values is None:
            return [self.keys[row] for row in rows]
        pairs = ((self.keys[row], self.values[row]) for row in rows)
        return [key + value for key, value in pairs if isinstance(value, bytes)]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch gives: its records, how many rows are in them and how many not, and what was rejected.

    `elements` are what the records' tokens stand for.
    """

    records: Records
    elements: list[Elements]
    rows: int
    rows_left_out: int
    rejections: list[Rejection]


@dataclass(frozen=True, slots=True)
class _Element:
    """What one key, or one check under one key, is hashed and tokenised with."""

    context: bytes
    token_key: TokenKey


@dataclass(frozen=True, slots=True)
class _CheckColumn:
    """A check's encoded values in a batch, and which rows say anything of it.

    A row that fails a condition does, but has no value.
    """

    values: Sequence[Encoded] = field(repr=False)
    known: npt.NDArray[np.bool_]

    def of(self, usable: Sequence[bool]) -> "_CheckColumn":
        """That of the usable rows."""
        return _CheckColumn(list(compress(self.values, usable)), self.known[np.array(usable, np.bool_)])


class Recorder:
    """Makes records by a contract. `today` bounds birth years.

    `conditions` are the contract's, as the provider defines them: a contract has their texts only.
    """

    def __init__(self, contract: Contract, index_key: IndexKey, today: date, conditions: Conditions) -> None:
        def element(key: str, check: str | None = None) -> _Element:
            place = context(contract, key, check)
            return _Element(place, index_key.token_key(place))

        self.type = record_type(len(contract.checks))
        self._key_fields = [key.fields for key in contract.keys]
        self._check_fields = {check.name: check.fields for check in contract.checks}
        self._conditions = conditions
        self._keys = [element(key.name) for key in contract.keys]
        self._checks = [[element(key.name, check.name) for check in contract.checks] for key in contract.keys]
        self._in_a_key = set(chain.from_iterable(self._key_fields))
        used = self._in_a_key.union(*self._check_fields.values())
        self._types = {field.name: field.type for field in contract.fields}
        self._normalisers = {
            field.name: normaliser(field_of(field), today) for field in contract.fields if field.name in used
        } | {name: normaliser(field, today) for name, field in conditions.fields.items() if name not in used}

    def record(self, batch: Batch) -> Recorded:
        """The records of a batch whose columns are named by field."""
        columns = {name: one.column(batch.columns[name]) for name, one in self._normalisers.items()}
        rejections = [Rejection(line, "", reason) for line, reason in batch.faults]
        for name, column in columns.items():
            rejections += self._rejections(name, column, batch.lines)
        checks = self._check_columns(columns)
        rows = len(batch.lines)
        included = np.zeros(rows, np.bool_)
        parts: list[Records] = []
        elements: list[Elements] = []
        for number, fields in enumerate(self._key_fields):
            keys = encode([columns[field] for field in fields])
            usable = [key.__class__ is bytes for key in keys]
            included |= np.array(usable, np.bool_)
            records, of_key = self._of_key(number, keys, [one.of(usable) for one in checks])
            records[0]["position"] = self._positioned(number, [columns[field] for field in fields], usable)
            parts += records
            elements += of_key
        count = int(np.count_nonzero(included))
        left_out = rows - count + len(batch.faults)
        return Recorded(np.concatenate(parts), elements, count, left_out, rejections)

    def _positioned(
        self, number: int, columns: Sequence[Sequence[str | Reject]], usable: Sequence[bool]
    ) -> Positions:
        """Positions of a batch's usable values of one key."""
        (first, *others), count = self._key_fields[number], sum(usable)
        if others:
            return np.full(count, NO_POSITION)
        values = [value for value in columns[0] if isinstance(value, str)]
        return positions(self._types[first], values)

    def _rejections(self, name: str, column: Sequence[str | Reject], lines: Sequence[int]) -> list[Rejection]:
        if Reject not in set(map(type, column)):
            return []
        # A check without a value is nothing wrong: the index says so and consumers are told.
        tolerated = None if name in self._in_a_key else Reject.MISSING
        return [
            Rejection(line, name, value.value)
            for line, value in zip(lines, column, strict=True)
            if isinstance(value, Reject) and value is not tolerated
        ]

    def _check_columns(self, columns: Mapping[str, Sequence[str | Reject]]) -> list[_CheckColumn]:
        """Each check's column, in the contract's order."""
        evaluation = Evaluation(columns, self._conditions.fields)
        found = []
        for name, fields in self._check_fields.items():
            if fields:
                values = encode([columns[field] for field in fields])
                known = np.array([value.__class__ is bytes for value in values], np.bool_)
            else:
                truth = evaluation.of(self._conditions.checks[name])
                values, known = truth.encoded, truth.known
            found.append(_CheckColumn(values, known))
        return found

    def _of_key(
        self, number: int, encoded: Sequence[Encoded], checks: Sequence[_CheckColumn]
    ) -> tuple[list[Records], list[Elements]]:
        """Of one key and of all checks under it; `checks` has values for the usable keys only."""
        key, first = self._keys[number], number * (1 + len(checks))
        keys = [one for one in encoded if isinstance(one, bytes)]
        tokens = key.token_key.tokens(b"".join(key_digests(key.context, keys)))
        known = np.zeros((len(keys), len(checks)), np.bool_)
        records = [self._records(number + 1, tokens)]
        elements = [Elements(first, records[0]["token"], np.arange(len(keys)), keys)]
        for place, (check, column) in enumerate(zip(self._checks[number], checks, strict=True)):
            known[:, place] = column.known
            digests = b"".join(check_digests(check.context, keys, column.values))
            rows = np.flatnonzero(np.frombuffer(digests, np.uint64).reshape(-1, 2).any(axis=1))
            records.append(self._records(CHECK, check.token_key.tokens(bound(digests, tokens)))[rows])
            elements.append(Elements(first + 1 + place, records[-1]["token"], rows, keys, column.values))
        bitmaps = np.packbits(known, axis=1, bitorder="little")
        records[0]["bitmap"][:, : bitmaps.shape[1]] = bitmaps
        return records, elements

    def _records(self, kind: int, tokens: bytes) -> Records:
        records = np.zeros(len(tokens) // TOKEN_BYTES, self.type)
        records["token"] = np.frombuffer(tokens, f"V{TOKEN_BYTES}")
        records["kind"] = kind
        return records
