"""`host:port`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparator.addresses import Address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("comparator.example:7443", "comparator.example", 7443),
        ("[::1]:65535", "[::1]", 65_535),
        ("a:1", "a", 1),
    ],
)
def test_an_address(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":7443",
        "host",
        "host:",
        "host:x",
        "host:-1",
        "host:65536",
        "host:１２",
        "host:000001",
        "-host:1",
        "host-:1",
        "a..b:1",
        "a b:1",
        "::1:7443",
        "[zz]:1",
        "http://host:1",
        "h" * 64 + ":1",
        "h.h" * 100 + ":1",
        "host:1\n",
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        Address.parse(text)


@given(st.text())
def test_any_text_is_an_address_or_refused_without_being_repeated(text: str) -> None:
    try:
        address = Address.parse(text)
    except ValueError as error:
        told = str(error)
    else:
        told = "must"
        assert Address.parse(str(address)) == address
    assert told.startswith("must")


def test_an_address_that_nobody_can_dial() -> None:
    found = [Address.parse(text).is_wildcard for text in ("0.0.0.0:1", "[::]:1", "127.0.0.1:1")]
    assert found == [True, True, False]
