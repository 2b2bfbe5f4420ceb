"""What a receipt may say in each mode and granularity."""

from collections.abc import Mapping
from typing import Final

import pytest

from stayput.errors import StayputError
from stayput.evidence.receipt import check_receipt, check_statement
from stayput.v1.contract_pb2 import (
    GRANULARITY_COUNT,
    GRANULARITY_RECORD,
    MODE_KEYED,
    MODE_OBLIVIOUS,
    OUTCOME_CODE_MATCH,
)
from stayput.v1.log_pb2 import SESSION_END_CUT_BY_CONSUMER, FingerprintFetch, OutcomeCount, Tally
from tests.stayput.evidence.made import MadeLog

Changes = Mapping[str, object]


def _tally(*counts: int) -> Tally:
    return Tally(counts=[OutcomeCount(outcome=OUTCOME_CODE_MATCH, count=count) for count in counts])


TOTALS: Final[Changes] = {
    "mode": MODE_KEYED,
    "granularity": GRANULARITY_COUNT,
    "leakage": "keyed-count/1",
    "records": 40,
    "distinct_records": 38,
    "count_minimum": 10,
    "outcome_bytes": 0,
    "tallies": [_tally(12), _tally()],
}
OBLIVIOUS: Final[Changes] = {
    "mode": MODE_OBLIVIOUS,
    "granularity": GRANULARITY_RECORD,
    "leakage": "oblivious-record/1",
    "records": 40,
    "elements": 75,
    "repeated_elements": 5,
    "oblivious_suite": "oblivious/1",
    "key_epoch": "0123456789abcdef",
    "outcome_bytes": 0,
    "tallies": [],
}
FETCHED: Final[Changes] = {
    **OBLIVIOUS,
    "records": 0,
    "elements": 0,
    "repeated_elements": 0,
    "fetch": FingerprintFetch(fingerprints=2_000, held_elements=75, charged_elements=75),
}
GOOD: Final[list[Changes]] = [
    TOTALS,
    {**TOTALS, "tallies": [], "end": SESSION_END_CUT_BY_CONSUMER},
    {**TOTALS, "noise_epsilon_milli": 100, "tallies": [_tally(45), _tally(10)]},
    OBLIVIOUS,
    {**OBLIVIOUS, "granularity": GRANULARITY_COUNT, "leakage": "oblivious-count/1"},
    FETCHED,
    {**FETCHED, "fetch": FingerprintFetch(fingerprints=0, held_elements=75)},
]


@pytest.mark.parametrize("values", GOOD)
def test_what_a_receipt_may_say(values: Changes) -> None:
    check_receipt(MadeLog().draft(**values))


@pytest.mark.parametrize(
    ("values", "changed", "named"),
    [
        (TOTALS, {"tallies": [_tally(9), _tally()]}, "tallies"),
        (TOTALS, {"tallies": [_tally(12)]}, "tallies"),
        (TOTALS, {"tallies": [_tally(12, 13), _tally()]}, "tallies"),
        (TOTALS, {"tallies": [_tally(2**53 + 1), _tally()]}, "tallies"),
        (TOTALS, {"end": SESSION_END_CUT_BY_CONSUMER}, "tallies"),
        (TOTALS, {"count_minimum": 1}, "count_minimum"),
        (TOTALS, {"distinct_records": 41}, "distinct_records"),
        (TOTALS, {"noise_epsilon_milli": 10_001}, "noise_epsilon_milli"),
        (TOTALS, {"outcome_bytes": 80}, "outcome_bytes"),
        (TOTALS, {"leakage": "keyed-record/1"}, "leakage"),
        (TOTALS, {"key_epoch": "0123456789abcdef"}, "key_epoch"),
        (TOTALS, {"fetch": FingerprintFetch()}, "fetch"),
        (OBLIVIOUS, {"tallies": [_tally(12), _tally()]}, "tallies"),
        (OBLIVIOUS, {"elements": 39}, "elements"),
        (OBLIVIOUS, {"repeated_elements": 76}, "repeated_elements"),
        (OBLIVIOUS, {"repeated_elements": -1}, "repeated_elements"),
        (OBLIVIOUS, {"oblivious_suite": ""}, "oblivious_suite"),
        (OBLIVIOUS, {"key_epoch": ""}, "key_epoch"),
        (OBLIVIOUS, {"count_minimum": 10}, "distinct_records"),
        (OBLIVIOUS, {"noise_epsilon_milli": 1}, "noise_epsilon_milli"),
        (FETCHED, {"elements": 1}, "fetch"),
        (FETCHED, {"fetch": FingerprintFetch(held_elements=75, charged_elements=74)}, "fetch"),
    ],
)
def test_what_it_may_not_say_is_named(values: Changes, changed: Changes, named: str) -> None:
    with pytest.raises(StayputError) as caught:
        check_receipt(MadeLog().draft(**{**values, **changed}))
    assert f": {named} is missing" in caught.value.message


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (OBLIVIOUS, {"elements": 74}),
        (FETCHED, {"fetched_generation": ""}),
        (OBLIVIOUS, {"fetched_generation": "20261120T000000Z"}),
    ],
)
def test_the_statement_has_to_agree(values: Changes, said: Changes) -> None:
    log = MadeLog()
    right = {"fetched_generation": "20261120T000000Z"} if values is FETCHED else {}
    receipt = log.draft(**values)
    receipt.request.CopyFrom(log.statement(receipt, **right))
    check_statement(receipt)
    receipt.request.CopyFrom(log.statement(receipt, **{**right, **said}))
    with pytest.raises(StayputError):
        check_statement(receipt)
