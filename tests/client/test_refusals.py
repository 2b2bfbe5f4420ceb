"""Refusals are told by what their details say, wherever they were found."""

import pytest

from stayput.errors import StayputError
from stayput.language import Language
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.refusals import explained
from stayput_client.texts.refusals import REFUSALS

R = ErrorReason


@pytest.mark.parametrize(
    ("reason", "field", "details", "name"),
    [
        (R.ERROR_REASON_GRANT_NOT_ACTIVE, "grant", {"state": "PENDING"}, "grant_pending"),
        (R.ERROR_REASON_GRANT_NOT_ACTIVE, "grant", {"state": "EXPIRED"}, "grant_expired"),
        *(
            (
                R.ERROR_REASON_GRANT_NOT_ACTIVE,
                "grant",
                {"state": state, "by": by, "cause": "ADMINISTRATOR"},
                f"grant_{state}_{by}".lower(),
            )
            for state in ("SUSPENDED", "REVOKED")
            for by in ("PROVIDER", "PLATFORM")
        ),
        *(
            (
                R.ERROR_REASON_GRANT_NOT_ACTIVE,
                "grant",
                {"state": "SUSPENDED", "by": "PROVIDER", "cause": cause},
                f"grant_{cause.lower()}",
            )
            for cause in ("MISS_RATIO", "SEQUENCE")
        ),
        (
            R.ERROR_REASON_GRANT_NOT_ACTIVE,
            "grant",
            {"state": "REVOKED", "by": "PROVIDER", "cause": "SEQUENCE"},
            "grant_revoked_provider",
        ),
        (R.ERROR_REASON_QUOTA_EXCEEDED, "records_per_session", {"limit": "5"}, "quota_session"),
        (R.ERROR_REASON_QUOTA_EXCEEDED, "limits.records_per_day", {}, "quota_day"),
        (R.ERROR_REASON_QUOTA_EXCEEDED, "sessions_per_minute", {}, "quota_minute"),
        (
            R.ERROR_REASON_QUOTA_EXCEEDED,
            "noise_budget_milli",
            {"limit": "2000", "remaining": "400"},
            "quota_noise",
        ),
        (R.ERROR_REASON_QUOTA_EXCEEDED, "count_lists", {"limit": "500", "remaining": "0"}, "quota_lists"),
        (R.ERROR_REASON_LIST_TOO_SHORT, "records", {"limit": "10"}, "list_too_short"),
        (R.ERROR_REASON_LIST_OVERLAPS, "records", {"limit": "10"}, "list_overlaps"),
        (R.ERROR_REASON_KEY_EPOCH_MISMATCH, "key_epoch", {"expected": "0" * 16}, "keys_changed"),
        (R.ERROR_REASON_GENERATION_CHANGED, "generation", {"expected": "g-8"}, "generation_changed"),
        (R.ERROR_REASON_PROOF_INVALID, "proof", {}, "proof_invalid"),
        (R.ERROR_REASON_OUTSIDE_HOURS, "grant", {"hours": "08:30-18:00"}, "outside_hours"),
        (R.ERROR_REASON_OPERATOR_NOT_ALLOWED, "operator", {}, "operator_not_allowed"),
        (R.ERROR_REASON_CASE_NUMBER_REQUIRED, "case_number", {}, "case_number_missing"),
        *(
            (R.ERROR_REASON_APPLICATION_DECIDED, "id", {"state": state}, f"application_{state.lower()}")
            for state in ("GRANTED", "REFUSED", "WITHDRAWN", "EXPIRED")
        ),
    ],
)
def test_what_details_say_is_told_in_both_languages(
    reason: "ErrorReason.ValueType", field: str, details: dict[str, str], name: str
) -> None:
    fault = explained(StayputError(reason, "in the peer's words", field=field, details=details))
    assert fault is not None
    assert (fault.name, fault.reason, fault.field, fault.details) == (name, reason, field, details)
    for language in Language:
        assert fault.message_in(language)
        assert fault.remedy_in(language)
        assert "{" not in fault.message_in(language) + fault.remedy_in(language)
    for place, value in details.items():
        if "{" + place + "}" in REFUSALS[f"fault.{name}"][0]:
            assert value in fault.message


@pytest.mark.parametrize(
    ("reason", "field", "details"),
    [
        (R.ERROR_REASON_GRANT_NOT_ACTIVE, "grant", {}),
        (R.ERROR_REASON_GRANT_NOT_ACTIVE, "grant", {"state": "PAUSED", "by": "PROVIDER"}),
        (R.ERROR_REASON_GRANT_NOT_ACTIVE, "grant", {"state": "SUSPENDED", "by": "COURT"}),
        (R.ERROR_REASON_QUOTA_EXCEEDED, "bytes_per_day", {"limit": "5"}),
        (R.ERROR_REASON_APPLICATION_DECIDED, "id", {"state": "ARCHIVED"}),
        (R.ERROR_REASON_RESOURCE_UNKNOWN, "resource", {}),
    ],
)
def test_what_only_a_newer_release_says_is_left_to_the_reason(
    reason: "ErrorReason.ValueType", field: str, details: dict[str, str]
) -> None:
    assert explained(StayputError(reason, "in the peer's words", field=field, details=details)) is None


def test_a_reason_given_is_quoted_and_a_figure_not_given_is_not_made_up() -> None:
    suspended = StayputError(
        R.ERROR_REASON_GRANT_NOT_ACTIVE, "", details={"state": "SUSPENDED", "by": "PLATFORM"}
    )
    fault = explained(suspended, "核查 {中}")
    assert fault is not None
    assert fault.message == "the platform has suspended the grant [核查 {中}]"
    day = explained(StayputError(R.ERROR_REASON_QUOTA_EXCEEDED, "", field="records_per_day"))
    assert day is not None
    assert day.message == "the grant allows ? records a day; ? are left today, which is not enough"
