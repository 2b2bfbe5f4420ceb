"""What is struck out of the process log."""

import pytest

from stayput.logs import redacted


@pytest.mark.parametrize(
    "identifier",
    ["11010519491231002X", "11010519491231002x", "110105491231002", "91110108MA01R8GT2K", "13800138000"],
)
def test_an_identifier_is_struck_out(identifier: str) -> None:
    event = redacted(None, "info", {"event": f"row of {identifier}, bad", "ms": 3})
    assert event == {"event": "row of [redacted], bad", "ms": 3}


@pytest.mark.parametrize(
    "value",
    [
        "34786a7e26c4",
        "urn:stayput:node:vehicles-1",
        "127.0.0.1:42929",
        "2026-11-22T16:56:40.123456Z",
        "G-01JD0000000000000000000000",
        "2027-12-24T16:51:43+00:00",
    ],
)
def test_what_logs_are_for_stays(value: str) -> None:
    assert redacted(None, "info", {"event": value}) == {"event": value}
