"""The form that texts, names and Base64 have in a note: one statement has one form, all else is refused."""

import re
from base64 import b64decode, b64encode
from typing import Final

# A verifier has to accept 16 signatures and may limit their number; post-quantum ones take up to 7 kB each.
MAX_SIGNATURES: Final = 100
MAX_NOTE_SIZE: Final = 1 << 20
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteInvalid(ValueError):
    """A note, a part of one or a verifier key is malformed or does not verify; the text says what failed."""


def check_text(what: str, text: str) -> None:
    """`NoteInvalid` if the text holds a control character other than newline, or is no Unicode text."""
    if _CONTROL.search(text):
        raise NoteInvalid(f"{what} holds a control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NoteInvalid(f"{what} is not Unicode text") from None


def check_name(name: str) -> None:
    """`NoteInvalid` unless a key may have that name."""
    check_text("the key name", name)
    if not name or "+" in name or any(character.isspace() for character in name):
        raise NoteInvalid("the key name is empty or holds a space or a plus sign")


def to_base64(data: bytes) -> str:
    """Base64 of RFC 4648, section 4, with padding."""
    return b64encode(data).decode("ascii")


def from_base64(what: str, text: str) -> bytes:
    """The bytes, if `text` is the Base64 that `to_base64` writes for them; else `NoteInvalid`."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise NoteInvalid(f"{what} is not Base64") from None
    # Padding has spare bits, which decoders ignore.
    if to_base64(data) != text:
        raise NoteInvalid(f"{what} is not the Base64 of its bytes")
    return data
