"""From the values of records to digests, and from outcome bytes back to what is said of each record.

What cannot be right is found here and never sent: a record whose key is rejected leaves no digest at all, a
check whose value is rejected leaves the same 16 zero bytes as one without a value. A condition, which is the
provider's to evaluate, is asked of every record and takes no value. The oblivious mode blinds what is encoded
here instead of hashing it to digests (stayput_client.blinded_question).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Final, TypeAlias

from stayput import contract as contracts
from stayput import elements, outcomes
from stayput.errors import field_invalid
from stayput.normalise import Normaliser, Reject, normaliser
from stayput.v1.contract_pb2 import Contract, Field
from stayput_client.results import ATTEMPTS, NO_VALUE, NOT_ANSWERED, NOT_ASKED

Why: TypeAlias = tuple[str, str]
"""A subject (field, check or line) and the reason."""

_REASON_OF_CODE: Final = {
    outcomes.NO_VALUE: NO_VALUE,
    outcomes.NOT_ASKED: NOT_ASKED,
    outcomes.ATTEMPTS: ATTEMPTS,
}


@dataclass(frozen=True, slots=True)
class Sifted:
    """Some records, and which of them can be asked about. Shows nothing of them in repr.

    `sent` are the positions of those; `rejected` holds, by position, why a key cannot be asked about,
    `rejected_checks` the same for each check.
    """

    records: int
    sent: Sequence[int] = field(repr=False)
    rejected: Mapping[int, Why] = field(repr=False)
    rejected_checks: tuple[Mapping[int, Why], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepared(Sifted):
    """Some records, ready to be asked about: `digests` are columns of 16 bytes of those sent."""

    digests: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Of the records that can be asked about the encoded keys, and the encoded values of each check."""

    sifted: Sifted
    keys: list[bytes] = field(repr=False)
    checks: tuple[list[elements.Encoded], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What is said of some records: codes in columns (key, then checks), and reasons by position."""

    columns: tuple[bytes, ...] = field(repr=False)
    reasons: Mapping[int, Sequence[Why]] = field(repr=False)


class Question:
    """One key and some checks of a resource. `today` bounds birth dates when values are normalised.

    Raises `FIELD_INVALID` if the contract has no such key or check, or a check is named twice.
    """

    def __init__(self, contract: Contract, key: str, checks: Sequence[str], today: date) -> None:
        if len(set(checks)) != len(checks):
            raise field_invalid("checks", "names a check twice", "name each check once")
        self.key = key
        self.today = today
        self.checks = tuple(checks)
        self._tuples = [
            contracts.key_fields(contract, key),
            *(contracts.check_fields(contract, check) for check in checks),
        ]
        self.fields: dict[str, Field] = {one.name: one for one in chain.from_iterable(self._tuples)}
        self._normalisers: dict[str, Normaliser] = {
            name: normaliser(contracts.field_of(one), today) for name, one in self.fields.items()
        }
        self._key_context = elements.context(contract, key)
        self._check_contexts = [elements.context(contract, key, check) for check in checks]

    def encode(self, values: Mapping[str, list[str]]) -> Encoded:
        """Records given as one column of raw values for each of `fields`, normalised and encoded."""
        normalised = {name: self._normalisers[name].column(values[name]) for name in self.fields}
        keys = elements.encode([normalised[one.name] for one in self._tuples[0]])
        checks = [_check_values(fields, normalised, len(keys)) for fields in self._tuples[1:]]
        rejected = _rejects(keys, self._tuples[0], normalised)
        sent = _kept(len(keys), rejected)
        rejected_checks = []
        for fields, check in zip(self._tuples[1:], checks, strict=True):
            # A check without a value is asked all the same: the node says NOT_ASKED, or NOT_FOUND.
            given = [None if value is Reject.MISSING else value for value in check]
            reasons = _rejects(given, fields, normalised)
            rejected_checks.append({at: why for at, why in reasons.items() if at not in rejected})
        return Encoded(
            Sifted(len(keys), sent, rejected, tuple(rejected_checks)),
            [key for key in keys if isinstance(key, bytes)],
            tuple(_at(check, sent) for check in checks),
        )

    def prepare(self, values: Mapping[str, list[str]]) -> Prepared:
        """Digests of records given as one column of raw values for each of `fields`."""
        encoded = self.encode(values)
        digests = [elements.key_digests(self._key_context, encoded.keys)]
        for context, check in zip(self._check_contexts, encoded.checks, strict=True):
            digests.append(elements.check_digests(context, encoded.keys, check))
        one = encoded.sifted
        joined = b"".join(chain.from_iterable(digests))
        return Prepared(one.records, one.sent, one.rejected, one.rejected_checks, joined)

    def answered(self, sifted: Sifted, answer: bytes | None) -> Answered:
        """What is said of the records, given the outcome bytes of those sent (None: not answered)."""
        sent = len(sifted.sent)
        raw = bytes(sent * (1 + len(self.checks))) if answer is None else answer
        columns = [_spread(raw[i * sent : (i + 1) * sent], sifted) for i in range(1 + len(self.checks))]
        reasons: dict[int, list[Why]] = {at: [why] for at, why in sifted.rejected.items()}
        if answer is None:
            for at in sifted.sent:
                reasons[at] = [("", NOT_ANSWERED)]
            return Answered(tuple(bytes(column) for column in columns), reasons)
        for name, column, rejects in zip(self.checks, columns[1:], sifted.rejected_checks, strict=True):
            for at, why in rejects.items():
                column[at] = outcomes.INVALID
                reasons.setdefault(at, []).append(why)
            for at, word in _unverifiable(column):
                reasons.setdefault(at, []).append((name, word))
        return Answered(tuple(bytes(column) for column in columns), reasons)


def _check_values(
    fields: Sequence[Field], normalised: Mapping[str, Sequence[str | Reject]], records: int
) -> list[elements.Encoded]:
    """The encoded values of a check, which has no fields if it is a condition."""
    if not fields:
        return [elements.CONDITION_MET] * records
    return elements.encode([normalised[one.name] for one in fields])


def _rejects(
    encoded: Sequence[elements.Encoded | None],
    fields: Sequence[Field],
    normalised: Mapping[str, Sequence[str | Reject]],
) -> dict[int, Why]:
    """Field and reason of each reject, by position."""
    return {
        at: (next(one.name for one in fields if normalised[one.name][at] is reject), reject.name)
        for at, reject in enumerate(encoded)
        if isinstance(reject, Reject)
    }


def _kept(records: int, rejected: Mapping[int, Why]) -> Sequence[int]:
    return [at for at in range(records) if at not in rejected] if rejected else range(records)


def _at(encoded: list[elements.Encoded], sent: Sequence[int]) -> list[elements.Encoded]:
    return encoded if len(sent) == len(encoded) else [encoded[at] for at in sent]


def _spread(column: bytes, sifted: Sifted) -> bytearray:
    if len(sifted.sent) == sifted.records:
        return bytearray(column)
    spread = bytearray([outcomes.INVALID]) * sifted.records
    for at, code in zip(sifted.sent, column, strict=True):
        spread[at] = code
    return spread


def _unverifiable(column: bytearray) -> Iterator[tuple[int, str]]:
    for code, word in _REASON_OF_CODE.items():
        at = column.find(code)
        while at >= 0:
            yield at, word
            at = column.find(code, at + 1)
