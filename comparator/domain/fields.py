"""What a request field must look like; each refusal names the field and never its value."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from comparator.addresses import Address
from stayput.errors import StayputError, field_invalid
from stayput.identity import CODE
from stayput.plain_text import is_plain

DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000
LARGEST_NUMBER = 2**63 - 1


class _Enumeration(Protocol):
    """A generated enumeration."""

    def keys(self) -> Sequence[str]: ...

    def values(self) -> Sequence[int]: ...


def text(field: str, value: str, most: int, least: int = 1) -> str:
    """`value`, if it has so many characters, no control character, and is not blank where required."""
    if least and not value.strip():
        raise field_invalid(field, "is missing", f"give {least} to {most} characters")
    if not least <= len(value) <= most:
        raise field_invalid(field, f"must have {least} to {most} characters")
    if not is_plain(value):
        raise field_invalid(field, "must not hold control characters")
    return value


def number(field: str, value: int, least: int, most: int) -> int:
    """`value`, if it lies between two bounds (inclusive)."""
    if not least <= value <= most:
        raise field_invalid(field, f"must be {least} to {most}")
    return value


def choice(field: str, value: int, among: _Enumeration) -> None:
    """Passes if `value` is one of the enumeration's, other than the unspecified one."""
    if value == 0 or value not in among.values():
        known = ", ".join(name for name, v in zip(among.keys(), among.values(), strict=True) if v)
        raise field_invalid(field, f"must be one of {known}")


def some_of(field: str, values: Iterable[int], among: _Enumeration) -> None:
    """Passes if each value is one of the enumeration's, other than the unspecified one; also without any."""
    for value in values:
        choice(field, value, among)


def choices(field: str, values: Sequence[int], among: _Enumeration) -> None:
    """Passes if there is at least one value, each is one of the enumeration's, and none comes twice."""
    if not values:
        raise field_invalid(field, "must hold at least one")
    some_of(field, values, among)
    distinct(field, values)


def distinct(field: str, values: Iterable[object]) -> None:
    """Passes if no value comes twice."""
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise field_invalid(field, "must hold each at most once")


def dialled_address(field: str, value: str) -> None:
    """Passes if `value` is a `host:port` that others can dial."""
    try:
        address = Address.parse(value)
    except ValueError as error:
        raise field_invalid(field, str(error)) from None
    if address.port == 0 or address.is_wildcard:
        raise field_invalid(field, "must be an address that others can dial")


def page_size(value: int) -> int:
    """Entries wanted on a page: 0 stands for the default."""
    return number("page_size", value, 0, LARGEST_PAGE) or DEFAULT_PAGE


def page_number(token: str) -> int | None:
    """The number below which a page of numbered things begins; None for the first page."""
    if not token:
        return None
    if not (token.isascii() and token.isdigit() and len(token) <= len(str(LARGEST_NUMBER))):
        raise _token_invalid()
    if int(token) > LARGEST_NUMBER:
        raise _token_invalid()
    return int(token)


def page_code(token: str) -> str:
    """The code after which a page of coded things begins; empty for the first page."""
    if token and not CODE.fullmatch(token):
        raise _token_invalid()
    return token


def _token_invalid() -> StayputError:
    return field_invalid("page_token", "is not a token that this service gave", "begin with the first page")
