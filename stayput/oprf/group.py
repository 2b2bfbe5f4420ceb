"""The group of suite ristretto255-SHA512 (RFC 9497, 4.1): the one module that a second suite replaces.

Elements and scalars are `bytes` throughout, 32 each: an element its canonical encoding (RFC 9496, 4.3), a
scalar a little-endian integer below the group's order. Only this module knows libsodium, which computes in
constant time and with the interpreter's lock released, so threads share out a batch over the cores.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha512
from itertools import repeat
from pathlib import Path
from tempfile import gettempdir
from typing import Final

from rbcl import (
    _sodium,
    crypto_core_ristretto255_add,
    crypto_core_ristretto255_from_hash,
    crypto_core_ristretto255_is_valid_point,
    crypto_core_ristretto255_scalar_invert,
    crypto_core_ristretto255_scalar_mul,
    crypto_core_ristretto255_scalar_reduce,
    crypto_core_ristretto255_scalar_sub,
    crypto_scalarmult_ristretto255,
    crypto_scalarmult_ristretto255_base,
)

IDENTIFIER: Final = b"ristretto255-SHA512"
ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
HASH_BYTES: Final = 64
UNIFORM_BYTES: Final = 64
"""Uniform bytes that make an element or a scalar whose bias cannot be noticed."""

# rbcl writes libsodium (2.8 MB) to a new temporary file at each start, loads it, and leaves it there.
_WRITTEN: Final = Path(_sodium._name)  # noqa: SLF001 (where a ctypes library was loaded from)
if _WRITTEN.parent == Path(gettempdir()):
    _WRITTEN.unlink(missing_ok=True)

_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_IDENTITY: Final = bytes(ELEMENT_BYTES)
_TOP_BIT: Final = b"\x80"
_ZERO: Final = bytes(SCALAR_BYTES)
_ONE: Final = (1).to_bytes(SCALAR_BYTES, "little")
_BLOCK_BYTES: Final = 128
_Z_PAD: Final = bytes(_BLOCK_BYTES)
_MOST_BLOCKS: Final = 255


class ElementInvalid(ValueError):
    """An element is no canonical encoding of one, or is the identity; `position` is its place in the list."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the element at position {position} is malformed")
        self.position = position


def expand_message_xmd(message: bytes, dst: bytes, length: int) -> bytes:
    """`length` uniform bytes of a message under a domain separation tag (RFC 9380, 5.3.1, with SHA-512).

    Raises ValueError for more than 16,320 bytes or a tag of more than 255.
    """
    blocks = -(-length // HASH_BYTES)
    if blocks > _MOST_BLOCKS or len(dst) > _MOST_BLOCKS:
        raise ValueError("expand_message_xmd: length or tag is too long")
    tag = dst + bytes((len(dst),))
    b_0 = sha512(_Z_PAD + message + length.to_bytes(2, "big") + b"\x00" + tag).digest()
    block = uniform = sha512(b_0 + b"\x01" + tag).digest()
    for number in range(2, blocks + 1):
        mixed = bytes(one ^ other for one, other in zip(b_0, block, strict=True))
        block = sha512(mixed + bytes((number,)) + tag).digest()
        uniform += block
    return uniform[:length]


def hash_to_group(messages: Iterable[bytes], dst: bytes) -> list[bytes]:
    """HashToGroup: the element of each message (hash_to_ristretto255, RFC 9380, appendix B)."""
    # Every line of a register passes here: `expand_message_xmd` for one block, less what is always the same.
    tag = dst + bytes((len(dst),))
    first, second = UNIFORM_BYTES.to_bytes(2, "big") + b"\x00" + tag, b"\x01" + tag
    return [
        crypto_core_ristretto255_from_hash(
            sha512(sha512(_Z_PAD + message + first).digest() + second).digest()
        )
        for message in messages
    ]


def hash_to_scalar(message: bytes, dst: bytes) -> bytes:
    """HashToScalar."""
    scalar: bytes = crypto_core_ristretto255_scalar_reduce(expand_message_xmd(message, dst, UNIFORM_BYTES))
    return scalar


def random_scalars(count: int, random: Callable[[int], bytes]) -> list[bytes]:
    """RandomScalar, `count` times; `random` gives as many bytes as asked for (`secrets.token_bytes`).

    Raises ValueError if what it gives cannot be random.
    """
    uniform = random(count * UNIFORM_BYTES)
    scalars = [
        crypto_core_ristretto255_scalar_reduce(uniform[start : start + UNIFORM_BYTES])
        for start in range(0, count * UNIFORM_BYTES, UNIFORM_BYTES)
    ]
    # By chance once in 2**252 scalars: a source that gives it is broken, and drawing again would hide that.
    if _ZERO in scalars:
        raise ValueError("the source of randomness gives zeros")
    return scalars


def decode_scalar(encoded: bytes) -> bytes:
    """The scalar, checked; ValueError unless it is 32 bytes, below the order, and not zero.

    RFC 9497 lets zero pass here. No honest key, blind or half of a proof is zero, so it is refused at once.
    """
    if len(encoded) != SCALAR_BYTES or not 0 < int.from_bytes(encoded, "little") < _ORDER:
        raise ValueError("malformed scalar")
    return encoded


def decode_element(encoded: bytes) -> bytes:
    """The element, checked; ValueError unless it is the canonical encoding of one other than the identity."""
    # libsodium takes the identity for valid, and does not look at the top bit (RFC 9496, 4.3.1 does).
    if (
        len(encoded) != ELEMENT_BYTES
        or encoded == _IDENTITY
        or encoded[-1:] >= _TOP_BIT
        or not crypto_core_ristretto255_is_valid_point(encoded)
    ):
        raise ValueError("malformed element")
    return encoded


def invert(scalars: Sequence[bytes]) -> list[bytes]:
    """ScalarInverse of each nonzero scalar: one inversion, and three products each (Montgomery's trick)."""
    products = [_ONE]
    for scalar in scalars:
        products.append(crypto_core_ristretto255_scalar_mul(products[-1], scalar))
    inverse = crypto_core_ristretto255_scalar_invert(products.pop())
    inverses = []
    for scalar, before in zip(reversed(scalars), reversed(products), strict=True):
        inverses.append(crypto_core_ristretto255_scalar_mul(inverse, before))
        inverse = crypto_core_ristretto255_scalar_mul(inverse, scalar)
    inverses.reverse()
    return inverses


def multiply_subtract(scalar: bytes, one: bytes, other: bytes) -> bytes:
    """`scalar - one * other`."""
    difference: bytes = crypto_core_ristretto255_scalar_sub(
        scalar, crypto_core_ristretto255_scalar_mul(one, other)
    )
    return difference


def multiply_generator(scalar: bytes) -> bytes:
    """ScalarMultGen: the generator times a nonzero scalar."""
    element: bytes = crypto_scalarmult_ristretto255_base(scalar)
    return element


def multiply_all(scalar: bytes, elements: Sequence[bytes]) -> list[bytes]:
    """Each element times one nonzero scalar; `ElementInvalid` for the first malformed one or identity."""
    return multiply_each(repeat(scalar, len(elements)), elements)


def multiply_each(scalars: Iterable[bytes], elements: Iterable[bytes]) -> list[bytes]:
    """Each element times its own nonzero scalar; `ElementInvalid` as `multiply_all`."""
    products = []
    for position, (scalar, element) in enumerate(zip(scalars, elements, strict=True)):
        # The multiplication decodes the element, all but its top bit, and refuses the identity.
        if element[-1:] >= _TOP_BIT:
            raise ElementInvalid(position)
        try:
            products.append(crypto_scalarmult_ristretto255(scalar, element))
        except (RuntimeError, ValueError):
            raise ElementInvalid(position) from None
    return products


def total(elements: Sequence[bytes]) -> bytes:
    """Sum of elements from elsewhere; `ElementInvalid` for the first malformed one or identity."""
    for position, element in enumerate(elements):
        try:
            decode_element(element)
        except ValueError:
            raise ElementInvalid(position) from None
    return add_up(elements)


def add_up(elements: Iterable[bytes]) -> bytes:
    """Sum of elements that were decoded or computed before."""
    total = _IDENTITY
    for element in elements:
        total = crypto_core_ristretto255_add(total, element)
    return total
