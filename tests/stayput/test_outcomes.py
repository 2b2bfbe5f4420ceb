from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stayput import outcomes
from stayput.v1.contract_pb2 import OutcomeCode


def test_the_numbers_are_the_bytes_on_the_wire() -> None:
    named = [
        outcomes.MATCH,
        outcomes.MISMATCH,
        outcomes.NOT_FOUND,
        outcomes.NO_VALUE,
        outcomes.NOT_ASKED,
        outcomes.ATTEMPTS,
        outcomes.INVALID,
    ]
    assert named == [1, 2, 3, 16, 17, 18, 32]
    assert sorted([0, *named]) == sorted(OutcomeCode.values())


def test_a_key_is_found_or_not_and_nothing_else() -> None:
    assert {outcomes.MATCH, outcomes.NOT_FOUND} == outcomes.KEY_CODES
    assert set(OutcomeCode.values()) - {0, outcomes.INVALID} == outcomes.CHECK_CODES


@given(st.binary(max_size=300))
def test_tally_counts_each_code(codes: bytes) -> None:
    assert outcomes.tally(codes) == Counter(codes)
