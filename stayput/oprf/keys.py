"""OPRF keys: a secret scalar, and the element that commits to it."""

from collections.abc import Callable
from typing import Final

from stayput.oprf import group
from stayput.oprf.context import MAX_INPUT_BYTES, Mode, framed

SEED_BYTES: Final = group.SCALAR_BYTES
_MOST_TRIES: Final = 256


class PrivateKey:
    """A node's OPRF key; shows only its public part in repr."""

    def __init__(self, scalar: bytes) -> None:
        self._scalar = scalar
        self._public = group.multiply_generator(scalar)

    def __repr__(self) -> str:
        return f"PrivateKey(public={self._public.hex()})"

    @classmethod
    def generate(cls, random: Callable[[int], bytes]) -> "PrivateKey":
        """GenerateKeyPair: a new key from `random`, which gives as many bytes as it is asked for."""
        [scalar] = group.random_scalars(1, random)
        return cls(scalar)

    @classmethod
    def derive(cls, mode: Mode, seed: bytes, info: bytes) -> "PrivateKey":
        """DeriveKeyPair: the key of a secret seed of 32 bytes and a public `info` of up to 65,535."""
        if len(seed) != SEED_BYTES or len(info) > MAX_INPUT_BYTES:
            raise ValueError(
                f"an OPRF key is derived from a seed of {SEED_BYTES} bytes, its info of 65,535 at most"
            )
        for counter in range(_MOST_TRIES):
            scalar = group.hash_to_scalar(
                seed + framed(info) + bytes((counter,)), mode.domain(b"DeriveKeyPair")
            )
            if any(scalar):
                return cls(scalar)
        raise ValueError("no OPRF key can be derived from this seed")

    @classmethod
    def from_bytes(cls, private: bytes) -> "PrivateKey":
        """The key of its 32 private bytes; ValueError unless they are a scalar other than zero."""
        return cls(group.decode_scalar(private))

    def to_bytes(self) -> bytes:
        """The 32 private bytes."""
        return self._scalar

    def public_bytes(self) -> bytes:
        """The 32 public bytes."""
        return self._public
