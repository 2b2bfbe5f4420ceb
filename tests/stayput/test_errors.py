import re
from pathlib import Path

import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from stayput.errors import StayputError, field_invalid, reason_name, reason_of
from stayput.rpc.status import CODES, from_status, to_status
from stayput.v1.errors_pb2 import ErrorReason

PROTO = Path(__file__).parents[2] / "proto" / "stayput" / "v1" / "errors.proto"
REASONS = [reason for reason in ErrorReason.values() if reason]
NAMES = [reason_name(reason) for reason in REASONS]


def codes_of_proto() -> dict[str, str]:
    """The gRPC code that ends the comment of each reason in errors.proto, by the reason's name."""
    found = re.findall(r"((?:^ +//.*\n)+) +ERROR_REASON_(\w+) =", PROTO.read_text("utf-8"), re.MULTILINE)
    comments = {
        name: " ".join(re.sub(r"^ *// ?", "", comment, flags=re.MULTILINE).split()) for comment, name in found
    }
    return {name: re.sub(r".*\b([A-Z_]+)\.$", r"\1", comment) for name, comment in comments.items()}


def test_each_reason_has_the_code_that_its_comment_names() -> None:
    wanted = codes_of_proto()
    assert wanted.pop("UNSPECIFIED").startswith("Never sent.")
    assert {reason_name(reason): CODES[reason].name for reason in REASONS} == wanted
    assert set(CODES) == set(ErrorReason.values())
    assert StatusCode.OK not in CODES.values()


@pytest.mark.parametrize("name", NAMES)
def test_an_error_survives_the_way_to_a_status_and_back(name: str) -> None:
    error = StayputError(
        reason_of(name),
        "what is wrong 错了",
        field="a.b",
        remedy="do so",
        details={"limit": "1", "got": "二"},
    )
    code, status = to_status(error)
    assert status.code == code.value[0]
    back = from_status(code, "not looked at", status.SerializeToString())
    for attribute in ("reason", "message", "field", "remedy", "details"):
        assert getattr(back, attribute) == getattr(error, attribute)


def test_the_info_is_as_errors_proto_says() -> None:
    _, status = to_status(field_invalid("purpose", "is missing", "state it"))
    info = error_details_pb2.ErrorInfo()
    assert [detail.Unpack(info) for detail in status.details] == [True]
    assert (info.reason, info.domain) == ("FIELD_INVALID", "stayput")
    assert info.metadata == {"field": "purpose", "remedy": "state it"}
    assert status.message == "purpose: is missing"


def test_what_is_empty_is_not_sent() -> None:
    _, status = to_status(StayputError(ErrorReason.ERROR_REASON_INTERNAL, "a fault"))
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    assert not info.metadata


def info_of(reason: str, domain: str) -> bytes:
    status = status_pb2.Status(message="told")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain=domain))
    return bytes(status.SerializeToString())


@pytest.mark.parametrize(
    ("trailer", "message"),
    [
        (None, "the call failed with UNAVAILABLE: said"),
        (b"", "the call failed with UNAVAILABLE: said"),
        (b"\xff\xff", "the call failed with UNAVAILABLE: said"),
        (info_of("GRANT_UNKNOWN", "example.com"), "the call failed with UNAVAILABLE: said"),
        (info_of("NOT_INVENTED_YET", "stayput"), "told"),
    ],
    ids=["none", "empty", "garbage", "another domain", "a later release's reason"],
)
def test_without_a_reason_known_here_the_code_decides(trailer: bytes | None, message: str) -> None:
    error = from_status(StatusCode.UNAVAILABLE, "said", trailer)
    assert error.reason == ErrorReason.ERROR_REASON_CONNECTION_FAILED
    assert error.message == message


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (StatusCode.CANCELLED, ErrorReason.ERROR_REASON_SESSION_CUT),
        (StatusCode.DEADLINE_EXCEEDED, ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED),
        (StatusCode.UNIMPLEMENTED, ErrorReason.ERROR_REASON_UNSUPPORTED),
        (StatusCode.UNKNOWN, ErrorReason.ERROR_REASON_UNSPECIFIED),
    ],
)
def test_a_bare_code_says_what_it_can(code: StatusCode, reason: ErrorReason.ValueType) -> None:
    assert from_status(code, "", None).reason == reason


def test_a_damaged_detail_is_passed_over() -> None:
    status = status_pb2.Status.FromString(info_of("GRANT_UNKNOWN", "stayput"))
    status.details[0].value = b"\xff\xff"
    error = from_status(StatusCode.PERMISSION_DENIED, "said", status.SerializeToString())
    assert error.reason == ErrorReason.ERROR_REASON_UNSPECIFIED


@pytest.mark.parametrize("name", NAMES)
def test_a_reason_and_its_name_belong_together(name: str) -> None:
    assert reason_name(reason_of(name)) == name
    assert str(StayputError(reason_of(name), "what is wrong")) == f"{name}: what is wrong"


@pytest.mark.parametrize("name", ["", "NOT_INVENTED_YET", "ERROR_REASON_INTERNAL", "internal", "UNSPECIFIED"])
def test_a_name_that_is_no_reason_is_unspecified(name: str) -> None:
    assert reason_of(name) == ErrorReason.ERROR_REASON_UNSPECIFIED
