"""Outcome codes: one byte for a key or check of a record, as `OutcomeCode` of the .proto numbers them."""

from typing import Final

from stayput.v1.contract_pb2 import OutcomeCode

MATCH: Final = int(OutcomeCode.OUTCOME_CODE_MATCH)
MISMATCH: Final = int(OutcomeCode.OUTCOME_CODE_MISMATCH)
NOT_FOUND: Final = int(OutcomeCode.OUTCOME_CODE_NOT_FOUND)
NO_VALUE: Final = int(OutcomeCode.OUTCOME_CODE_UNVERIFIABLE_NO_VALUE)
NOT_ASKED: Final = int(OutcomeCode.OUTCOME_CODE_UNVERIFIABLE_NOT_ASKED)
ATTEMPTS: Final = int(OutcomeCode.OUTCOME_CODE_UNVERIFIABLE_ATTEMPTS)
INVALID: Final = int(OutcomeCode.OUTCOME_CODE_INVALID)

KEY_CODES: Final = frozenset({MATCH, NOT_FOUND})
CHECK_CODES: Final = frozenset({MATCH, MISMATCH, NOT_FOUND, NO_VALUE, NOT_ASKED, ATTEMPTS})


def tally(codes: bytes) -> dict[int, int]:
    """How often each code occurs, by code, without zeros."""
    return {code: count for code in sorted(set(codes)) if (count := codes.count(code))}
