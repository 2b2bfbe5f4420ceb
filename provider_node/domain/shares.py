"""A key set split among people: any `threshold` of them together recover it, fewer learn nothing.

The set is sealed under a key made of 16 random bytes, and these are split after Shamir over GF(2^128). A
share is 32 bytes, written as 24 words of RFC 1751 so that it can be read out, typed in, and kept on paper:

    version, index, threshold, shares (1 byte each) | set id (6) | share (16) | checksum (6)
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from Crypto.Protocol.SecretSharing import Shamir
from Crypto.Util.RFC1751 import english_to_key, key_to_english
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provider_node.domain.key_set import KeySet, not_sealed_so
from stayput.errors import StayputError, field_invalid

MOST_SHARES: Final = 100
FEWEST: Final = 2
LINES: Final = 4
_WORDS_A_LINE: Final = 6
_VERSION: Final = 1
_SET_BYTES: Final = 6
_VALUE_BYTES: Final = 16
_CHECKSUM_BYTES: Final = 6
_HEAD_BYTES: Final = 4
_BYTES: Final = _HEAD_BYTES + _SET_BYTES + _VALUE_BYTES + _CHECKSUM_BYTES
_LINE: Final = re.compile(
    rf"\s*([1-{LINES}])\)\s+((?:[A-Za-z]{{1,4}}\s+){{{_WORDS_A_LINE - 1}}}[A-Za-z]{{1,4}})\s*"
)
_KIND: Final = "stayput key set"


@dataclass(frozen=True, slots=True, repr=False)
class Share:
    """One share of a set. Shows nothing of its value in `repr`."""

    set_id: bytes
    threshold: int
    shares: int
    index: int
    value: bytes

    def __repr__(self) -> str:
        return f"Share({self.index} of {self.shares} of {self.set_id.hex()})"

    def lines(self) -> list[str]:
        """Its words, in lines that begin with their number."""
        head = bytes((_VERSION, self.index, self.threshold, self.shares)) + self.set_id + self.value
        words = key_to_english(head + _checksum(head)).split()
        return [
            f"{number + 1}) {' '.join(words[number * _WORDS_A_LINE : (number + 1) * _WORDS_A_LINE])}"
            for number in range(LINES)
        ]


def read_share(text: str, place: str) -> Share:
    """The share whose lines are in a text. Raises `FIELD_INVALID` that names `place`, with nothing of it."""
    lines: dict[str, str] = {}
    for line in text.splitlines():
        if found := _LINE.fullmatch(line):
            if found[1] in lines:
                raise not_sealed_so(place, f"has line {found[1]} twice", "give one share in each file")
            lines[found[1]] = found[2]
    if len(lines) < LINES:
        raise not_sealed_so(
            place,
            f"has not the {LINES} numbered lines of {_WORDS_A_LINE} words that a share has",
            "give the file or type in the page as it was printed",
        )
    try:
        content = english_to_key(" ".join(lines[number] for number in sorted(lines)))
    except (ValueError, KeyError, IndexError):
        raise _corrupted(place) from None
    head, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
    if len(content) != _BYTES or checksum != _checksum(head):
        raise _corrupted(place)
    version, index, threshold, shares = head[:_HEAD_BYTES]
    if version != _VERSION or not FEWEST <= threshold <= shares <= MOST_SHARES or not 1 <= index <= shares:
        raise not_sealed_so(place, "is a share of another release", "use the release that it was made with")
    value = head[_HEAD_BYTES + _SET_BYTES :]
    return Share(head[_HEAD_BYTES:-_VALUE_BYTES], threshold, shares, index, value)


def split(keys: KeySet, shares: int, threshold: int) -> tuple[str, list[Share]]:
    """The sealed key set, as JSON, and its shares. Raises `FIELD_INVALID`."""
    if threshold < FEWEST:
        raise field_invalid("threshold", "must be at least 2", "with 1 every single share would be the keys")
    if not threshold <= shares <= MOST_SHARES:
        raise field_invalid(
            "shares", f"must be from the threshold to {MOST_SHARES}", "make more shares than are needed"
        )
    secret, set_id = secrets.token_bytes(_VALUE_BYTES), secrets.token_bytes(_SET_BYTES)
    told = _told(set_id.hex(), shares, threshold)
    content = keys.sealed(_key(secret), _bound(told)).hex()
    made = [
        Share(set_id, threshold, shares, index, value)
        for index, value in Shamir.split(threshold, shares, secret)
    ]
    return json.dumps({**told, "content": content}, indent=2), made


def recover(sealed: str, place: str, given: Mapping[str, Share]) -> KeySet:
    """The key set, from its file at `place` and shares by where they came from. Raises `FIELD_INVALID`."""
    told, content = _read_set(sealed, place)
    needed = told["threshold"]
    for name, share in given.items():
        if (share.set_id.hex(), share.threshold, share.shares) != (told["set"], needed, told["shares"]):
            raise not_sealed_so(
                name, "is of another set than the key set", "use the shares and the key set of one splitting"
            )
    chosen = {share.index: share.value for share in given.values()}
    if len(chosen) < int(needed):
        raise field_invalid(
            "shares",
            f"{len(chosen)} different shares are here, and {needed} are needed",
            "bring more of them",
        )
    try:
        secret = Shamir.combine(sorted(chosen.items())[: int(needed)])
        return KeySet.unsealed(_key(secret), content, _bound(told))
    except ValueError:
        raise not_sealed_so(
            place, "does not open with these shares: it is damaged", "use another copy of it"
        ) from None


def _read_set(sealed: str, place: str) -> tuple[dict[str, int | str], bytes]:
    """What the file says, to which the content is bound, and the content."""
    try:
        match json.loads(sealed):
            case {"format": 1, "kind": str(kind), "set": str(name), "shares": int(shares),
                  "threshold": int(threshold), "content": str(content)} if kind == _KIND:  # fmt: skip
                return _told(name, shares, threshold), bytes.fromhex(content)
    except (ValueError, RecursionError):
        pass
    raise not_sealed_so(place, "is no key set, or is damaged", "use another copy of it")


def _told(set_id: str, shares: int, threshold: int) -> dict[str, int | str]:
    return {"format": 1, "kind": _KIND, "set": set_id, "shares": shares, "threshold": threshold}


def _bound(told: Mapping[str, int | str]) -> bytes:
    return json.dumps(told, sort_keys=True).encode()


def _key(secret: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"stayput/v1 key set").derive(secret)


def _checksum(head: bytes) -> bytes:
    return hashlib.sha256(b"stayput/v1 share" + head).digest()[:_CHECKSUM_BYTES]


def _corrupted(place: str) -> StayputError:
    return not_sealed_so(
        place,
        "has a word that is wrong, missing or in another place",
        "compare it with the page, word by word",
    )
