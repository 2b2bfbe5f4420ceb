"""What a comparison says: an outcome for the key and each check of a record, and what they add up to."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from stayput import outcomes
from stayput.errors import StayputError
from stayput.receipts import Opener, to_file
from stayput.v1.log_pb2 import Receipt
from stayput.v1.signing_pb2 import Envelope
from stayput_client.models.vocabulary import Mode

NO_VALUE: Final = "NO_VALUE"
"""Reason of UNVERIFIABLE: no row of the subject has a value for the check (库中无此项)."""
NOT_ASKED: Final = "NOT_ASKED"
"""Reason of UNVERIFIABLE: the consumer's record has no value for the check (输入为空)."""
ATTEMPTS: Final = "ATTEMPTS"
"""Reason of UNVERIFIABLE: the grant's attempts at this subject are used up for today (当日次数已用完)."""
NOT_ANSWERED: Final = "NOT_ANSWERED"
"""In place of an outcome: the session was cut short before this record was answered."""


class Outcome(StrEnum):
    """What is said of the key, or of a check, of one record."""

    MATCH = "MATCH"
    """一致. Key: the subject is in the register. Check: a row of the subject agrees."""
    MISMATCH = "MISMATCH"
    """不一致. The register has a value for the subject, and none of its rows agrees."""
    NOT_FOUND = "NOT_FOUND"
    """库中无. The register has no such subject."""
    UNVERIFIABLE = "UNVERIFIABLE"
    """无法核验, because of NO_VALUE, NOT_ASKED or ATTEMPTS."""
    INVALID = "INVALID"
    """输入不合规. The value or the line cannot be right; never sent."""


UNANSWERED_CODE: Final = 0
OUTCOME_OF_CODE: Final[Mapping[int, Outcome]] = {
    outcomes.MATCH: Outcome.MATCH,
    outcomes.MISMATCH: Outcome.MISMATCH,
    outcomes.NOT_FOUND: Outcome.NOT_FOUND,
    outcomes.NO_VALUE: Outcome.UNVERIFIABLE,
    outcomes.NOT_ASKED: Outcome.UNVERIFIABLE,
    outcomes.ATTEMPTS: Outcome.UNVERIFIABLE,
    outcomes.INVALID: Outcome.INVALID,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What is said of one record.

    `reasons` says why something is UNVERIFIABLE (by the check's name: NO_VALUE, NOT_ASKED or ATTEMPTS) or
    INVALID (by the field's name: a reason of the normalisation profile, such as CHECKSUM).
    """

    outcome: Outcome
    checks: Mapping[str, Outcome]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """The node's receipt after it was verified, and what opens its commitments later."""

    receipt: Receipt
    envelope: Envelope
    opener: Opener

    def to_file(self) -> str:
        """What to keep: a DSSE JSON envelope with the opener."""
        return to_file(self.envelope, self.opener)


@dataclass(frozen=True, slots=True)
class Left:
    """What the node says is left of the grant's quota, None where it does not say. Nobody signs it."""

    records_today: int | None
    renewed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Concluded:
    """The end of a session: its verified receipt, and beside it what the node says is left.

    `earlier` are receipts of sessions before it that belong to the same comparison, `fetch` that of the
    session which fetched fingerprints for it, if any did.
    """

    receipt: SignedReceipt
    left: Left
    earlier: tuple[SignedReceipt, ...] = ()
    fetch: SignedReceipt | None = None

    @property
    def further(self) -> tuple[SignedReceipt, ...]:
        """All receipts but that of the last session."""
        return (*self.earlier, self.fetch) if self.fetch else self.earlier


@dataclass(frozen=True, slots=True)
class Summary:
    """What a comparison adds up to.

    `key` and each of `checks` count every outcome (zeros included); each sums to `records - not_answered`.
    `reasons` counts `field: REASON` of everything INVALID or UNVERIFIABLE. `elapsed` is in seconds. `receipt`
    is None when no record could be asked about, so that there was no session; the paths are None when nothing
    was written. `further_receipts` are those of other sessions that it took in oblivious mode: of one that
    broke and was resumed, of fetching fingerprints. `records_left_today` and `quota_renewed_at` (when the
    next day begins) are what the node says is left of the grant's quota, None if it does not say: they are
    not signed, and for showing only.
    """

    resource: str
    key_name: str
    records: int
    key: Mapping[Outcome, int]
    checks: Mapping[str, Mapping[Outcome, int]]
    reasons: Mapping[str, int]
    not_answered: int
    generation: str
    as_of: datetime
    elapsed: float
    receipt: SignedReceipt | None
    records_left_today: int | None
    quota_renewed_at: datetime | None
    further_receipts: tuple[SignedReceipt, ...] = ()
    out_path: Path | None = None
    receipt_path: Path | None = None
    further_receipt_paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """How many different records of a list agree with the register, and which of them is not told.

    `key` has MATCH and NOT_FOUND, each of `checks` MATCH and MISMATCH, over the `distinct_records` that were
    asked about. None is not told: in keyed mode what is below `minimum`, or would give away something that
    is; in oblivious mode MISMATCH, which it cannot tell. With `noise_epsilon_milli` (keyed mode only) the
    node has added noise of that privacy loss, in thousandths, to each; 0: they are exact. `invalid` of all
    `records` could not be asked about; `reasons` counts `field: REASON` of those and of check values left
    out. All else is as in `Summary`.
    """

    resource: str
    key_name: str
    mode: Mode
    records: int
    invalid: int
    distinct_records: int
    key: Mapping[Outcome, int | None]
    checks: Mapping[str, Mapping[Outcome, int | None]]
    reasons: Mapping[str, int]
    minimum: int
    noise_epsilon_milli: int
    generation: str
    as_of: datetime
    elapsed: float
    receipt: SignedReceipt | None
    records_left_today: int | None
    quota_renewed_at: datetime | None
    further_receipts: tuple[SignedReceipt, ...] = ()
    out_path: Path | None = None
    receipt_path: Path | None = None
    further_receipt_paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of a comparison of records in memory; `results` are in the order of the records."""

    results: tuple[Result, ...]
    summary: Summary
    receipt: SignedReceipt | None


class Stage(StrEnum):
    """What a list is waiting for."""

    FETCHING = "FETCHING"
    """Oblivious mode: fingerprints that are not cached yet; counted in bytes."""
    COMPARING = "COMPARING"
    """Counted in lines."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a list has got: lines dealt with, and lines in the whole list (quoted line ends count too).

    While fingerprints are fetched, bytes that have come, and bytes in all.
    """

    done: int
    total: int
    stage: Stage = Stage.COMPARING


class CutShort(StayputError):
    """The node or the connection failed after some records were answered.

    Has the reason and message of the failure; `summary` says what was answered, `summary.out_path` is the
    file that holds it, with the other lines marked NOT_ANSWERED.
    """

    def __init__(self, cause: StayputError, summary: Summary) -> None:
        super().__init__(
            cause.reason, cause.message, field=cause.field, remedy=cause.remedy, details=cause.details
        )
        self.summary = summary


class Tallies:
    """Adds up outcomes and reasons while a list streams through."""

    def __init__(self, checks: tuple[str, ...]) -> None:
        self._checks = checks
        self._codes: list[Counter[int]] = [Counter() for _ in range(1 + len(checks))]
        self.reasons: Counter[str] = Counter()
        self.records = 0

    def add(self, columns: tuple[bytes, ...]) -> None:
        """Codes of some records: one column for the key, then one for each check."""
        self.records += len(columns[0])
        for counter, column in zip(self._codes, columns, strict=True):
            counter.update(outcomes.tally(column))

    @property
    def width(self) -> int:
        """Outcomes of one record: the key's and each check's."""
        return len(self._codes)

    @property
    def not_answered(self) -> int:
        """Records that could have been asked about and were not answered."""
        return self._codes[0][UNANSWERED_CODE]

    @property
    def key(self) -> dict[Outcome, int]:
        """Counts of the key's outcomes."""
        return _by_outcome(self._codes[0])

    @property
    def checks(self) -> dict[str, dict[Outcome, int]]:
        """Counts of each check's outcomes."""
        return {name: _by_outcome(codes) for name, codes in zip(self._checks, self._codes[1:], strict=True)}


def _by_outcome(codes: Counter[int]) -> dict[Outcome, int]:
    counts = dict.fromkeys(Outcome, 0)
    for code, outcome in OUTCOME_OF_CODE.items():
        counts[outcome] += codes[code]
    return counts
