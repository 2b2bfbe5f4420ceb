"""Tokens: digests re-keyed by the node, so that a stolen index is no use without the index key.

A digest has as many bytes as a block of AES, so AES-256 as a pseudorandom permutation turns a buffer of
digests into tokens in one call. Every key and every check of a resource has its own AES key, derived by
HKDF (RFC 5869) from the index key and the element's context: a digest put into another check's column is
never found. A check's digest is combined with its subject's key token before it is enciphered: put beside
another subject it is never found either, so that attempts on a subject can be counted by its key.

Whatever else the node keeps of a subject is derived under AES keys of their own, so that it cannot be laid
beside the index without the index key: the mask of its rank, the names by which its attempts are counted, and
those by which the lists of a grant are compared in granularity COUNT.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32


class TokenKey:
    """The AES-256 key for the tokens of one key or check, or for what is derived from them. Hides itself."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        # Each block is one value of a pseudorandom permutation; nothing is encrypted, so no mode is wanted.
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 (as said above)

    def __repr__(self) -> str:
        return "TokenKey(…)"

    def tokens(self, digests: bytes) -> bytes:
        """Tokens of 16-byte digests, both one behind the other."""
        encryptor = self._cipher.encryptor()
        return encryptor.update(digests) + encryptor.finalize()

    def names(self, blocks: bytes) -> npt.NDArray[np.uint64]:
        """64 bits that stand for each block of 16 bytes, half its token: nothing of it without this key."""
        return np.frombuffer(self.tokens(blocks), np.uint64)[::2]


class IndexKey:
    """The node's index key, 32 random bytes. Hides itself in `repr`.

    With `guards`, 32 bytes too, the names of what the guards count (attempts, lists) are derived from that,
    so that a new index key does not make them forget.
    """

    __slots__ = ("_guards", "_key")

    def __init__(self, key: bytes, guards: bytes | None = None) -> None:
        if len(key) != KEY_BYTES or len(key if guards is None else guards) != KEY_BYTES:
            raise ValueError(f"an index key has {KEY_BYTES} bytes")
        self._key = key
        self._guards = key if guards is None else guards

    def __repr__(self) -> str:
        return f"IndexKey({self.id})"

    @property
    def id(self) -> str:
        """Names the key in manifests without telling anything about it: 8 bytes derived from it, in hex."""
        return self._derived(b"stayput/v1 index key id", 8).hex()

    def secrets(self) -> tuple[bytes, bytes]:
        """What it is made of, for a replica: the key, and the guards' secret, empty if it has none."""
        return self._key, b"" if self._guards is self._key else self._guards

    def token_key(self, context: bytes) -> TokenKey:
        """The key for tokens of the key or check that has this context (see `stayput.elements.context`)."""
        return TokenKey(self._derived(b"stayput/v1 token" + context, KEY_BYTES))

    def rank_salt(self, context: bytes, positions_hash: bytes) -> bytes:
        """16 bytes that are the same only for a key of that context with the same subjects in order.

        Ranks move when subjects come and go; under one mask, two generations would tell by how much.
        """
        return self._derived(b"stayput/v1 rank salt" + context + positions_hash, 16)

    def rank_key(self, context: bytes, salt: bytes) -> TokenKey:
        """The key that makes the masks of ranks from the tokens of the key that has this context."""
        return TokenKey(self._derived(b"stayput/v1 rank" + context + salt, KEY_BYTES))

    def piece_key(self, nonce: bytes) -> TokenKey:
        """The key that enciphers what a piece of a build has of its subjects' numbers."""
        return TokenKey(self._derived(b"stayput/v1 piece" + nonce, KEY_BYTES))

    def attempt_key(self, context: bytes) -> TokenKey:
        """The key that makes the names of subjects and questions for the count of attempts."""
        return TokenKey(_derived(self._guards, b"stayput/v1 attempt" + context, KEY_BYTES))

    def list_key(self, context: bytes, grant_id: str) -> TokenKey:
        """The key that makes the names by which a grant's lists of the key of that context are compared.

        Under keys of their own, the lists of one grant cannot be laid beside those of another.
        """
        info = b"stayput/v1 list" + context + grant_id.encode()
        return TokenKey(_derived(self._guards, info, KEY_BYTES))

    def _derived(self, info: bytes, length: int) -> bytes:
        return _derived(self._key, info, length)


def _derived(key: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info).derive(key)


def bound(check_digests: bytes, key_tokens: bytes) -> bytes:
    """A check's digests combined (exclusive or) with their subjects' key tokens, before tokens are made.

    Whoever sends digests knows no token, so it cannot choose a digest that is found beside another subject.
    """
    return (np.frombuffer(check_digests, np.uint64) ^ np.frombuffer(key_tokens, np.uint64)).tobytes()
