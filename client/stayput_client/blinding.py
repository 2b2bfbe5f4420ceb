"""Blinds of the oblivious mode, all derived from one secret of 32 bytes that is drawn for each comparison.

So a chunk can be blinded again byte for byte: to be sent again when a connection broke, and to prove later
what was asked. Every chunk of a comparison, counted from 0, has one stream of bytes for each of its columns
(the key is column 0, then the checks follow in the order asked):

    key    = HKDF-SHA-256(secret, no salt, info = "stayput/v1 blinds" || u64(chunk) || u32(column)), 32 bytes
    stream = AES-256-CTR(key, first counter block = 16 zero bytes), over zeros

Each 64 bytes of it, reduced modulo the group's order, are a blind (`stayput.oprf.random_scalars`). In
granularity COUNT a column has one blind for the whole comparison: the first of chunk 0.
"""

from functools import partial
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stayput.oprf import random_scalars

KEY_BYTES: Final = 32
_BLOCKS_PER_BLIND: Final = 4
_BLOCK_BYTES: Final = 16


class Blinds:
    """Derives blinds from the secret of a comparison. Shows nothing in repr."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"the secret has {KEY_BYTES} bytes")
        self.secret = secret

    def __repr__(self) -> str:
        return "Blinds()"

    def draw(self, chunk: int, column: int, places: slice) -> list[bytes]:
        """The blinds of some elements of a column, by their places in it."""
        return random_scalars(places.stop - places.start, partial(self._stream, chunk, column, places.start))

    def _stream(self, chunk: int, column: int, first: int, count: int) -> bytes:
        info = b"stayput/v1 blinds" + chunk.to_bytes(8, "big") + column.to_bytes(4, "big")
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self.secret)
        counter = (first * _BLOCKS_PER_BLIND).to_bytes(_BLOCK_BYTES, "big")
        return Cipher(AES256(key), CTR(counter)).encryptor().update(bytes(count))
