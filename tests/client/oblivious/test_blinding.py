"""Blinds: made again from the secret of the comparison, and all different otherwise."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from stayput_client.blinding import Blinds

SECRET = bytes(range(32))
ORDER = 2**252 + 27742317777372353535851937790883648493


def by_hand(chunk: int, column: int, place: int) -> bytes:
    """As the module's text says it, from HMAC (RFC 5869) and single blocks."""
    info = b"stayput/v1 blinds" + chunk.to_bytes(8, "big") + column.to_bytes(4, "big")
    extracted = hmac.digest(bytes(32), SECRET, "sha256")
    key = hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()
    cipher = Cipher(AES256(key), ECB()).encryptor()  # noqa: S305 (block by block, this is CTR)
    blocks = b"".join((4 * place + at).to_bytes(16, "big") for at in range(4))
    return (int.from_bytes(cipher.update(blocks), "little") % ORDER).to_bytes(32, "little")


@given(st.integers(0, 2**40), st.integers(0, 32), st.integers(0, 10_000), st.integers(0, 5))
def test_each_blind_is_that_of_its_chunk_column_and_place(
    chunk: int, column: int, first: int, count: int
) -> None:
    drawn = Blinds(SECRET).draw(chunk, column, slice(first, first + count))
    assert drawn == [by_hand(chunk, column, first + at) for at in range(count)]


def test_no_blind_comes_twice() -> None:
    blinds = Blinds(SECRET)
    drawn = [
        one for chunk in range(3) for column in range(3) for one in blinds.draw(chunk, column, slice(0, 50))
    ]
    drawn += Blinds(bytes(32)).draw(0, 0, slice(0, 50))
    assert len(set(drawn)) == 500


def test_the_secret_has_one_length_and_is_not_shown() -> None:
    assert repr(Blinds(SECRET)) == "Blinds()"
    with pytest.raises(ValueError, match="32 bytes"):
        Blinds(SECRET[:-1])
