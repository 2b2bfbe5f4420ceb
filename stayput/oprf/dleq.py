"""Batched proofs that the key behind a public key evaluated each element (RFC 9497, section 2.2).

A proof is 64 bytes, two scalars, for 1 to 65,536 pairs of a blinded and an evaluated element in an order that
both parties know. The pairs are folded into one by coefficients, each of which hashes only the public key,
the pair and its place. A server that knew the places beforehand could therefore search for wrong answers
whose errors cancel out (a generalised birthday problem, easier the larger the batch). So the client draws the
order, as it draws a sample, after it has the answers: see `stayput.oprf.sampling`.
"""

from collections.abc import Sequence
from hashlib import sha512
from typing import Final

from stayput.oprf import group
from stayput.oprf.context import Mode, framed
from stayput.oprf.keys import PrivateKey

PROOF_BYTES: Final = 2 * group.SCALAR_BYTES
MAX_PAIRS: Final = 65_536


class ProofInvalid(ValueError):
    """The proof does not show that the key evaluated these elements."""


def generate_proof(
    mode: Mode, key: PrivateKey, blinded: Sequence[bytes], evaluated: Sequence[bytes], nonce: bytes
) -> bytes:
    """GenerateProof. `nonce` is a random scalar, used once: two proofs with one nonce give the key away.

    Raises `ElementInvalid` for a malformed blinded element, ValueError for lists that cannot be proved. The
    evaluated elements are taken to be those that this key made.
    """
    _check_pairs(blinded, evaluated)
    public = key.public_bytes()
    m = group.add_up(group.multiply_each(_coefficients(mode, public, blinded, evaluated), blinded))
    # ComputeCompositesFast: whoever has the key need not fold the evaluated elements.
    z, t3 = group.multiply_each((key.to_bytes(), nonce), (m, m))
    c = _challenge(mode, public, m, z, group.multiply_generator(nonce), t3)
    return c + group.multiply_subtract(nonce, c, key.to_bytes())


def verify_proof(
    mode: Mode, public: bytes, blinded: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes
) -> Sequence[bytes]:
    """VerifyProof; returns the evaluated elements, verified.

    Raises `ProofInvalid`, `ElementInvalid` for a malformed evaluated element, ValueError for lists that
    cannot be proved.
    """
    _check_pairs(blinded, evaluated)
    if len(proof) != PROOF_BYTES:
        raise ProofInvalid(f"a proof has {PROOF_BYTES} bytes")
    try:
        c, s = map(group.decode_scalar, (proof[: group.SCALAR_BYTES], proof[group.SCALAR_BYTES :]))
    except ValueError:
        raise ProofInvalid("a proof is two scalars") from None
    coefficients = _coefficients(mode, public, blinded, evaluated)
    m = group.add_up(group.multiply_each(coefficients, blinded))
    z = group.add_up(group.multiply_each(coefficients, evaluated))
    t2 = group.add_up([group.multiply_generator(s), *group.multiply_all(c, [public])])
    t3 = group.add_up(group.multiply_each((s, c), (m, z)))
    if _challenge(mode, public, m, z, t2, t3) != c:
        raise ProofInvalid("the proof is of other elements or another key")
    return evaluated


def _check_pairs(blinded: Sequence[bytes], evaluated: Sequence[bytes]) -> None:
    """ValueError unless there are as many of each, at least one, and no more than places have numbers.

    `ElementInvalid` for one of another length: elements are hashed before they are decoded.
    """
    if len(blinded) != len(evaluated) or not 0 < len(blinded) <= MAX_PAIRS:
        raise ValueError(f"a proof is over as many blinded as evaluated elements, 1 to {MAX_PAIRS:,}")
    for position, pair in enumerate(zip(blinded, evaluated, strict=True)):
        if any(len(element) != group.ELEMENT_BYTES for element in pair):
            raise group.ElementInvalid(position)


def _coefficients(
    mode: Mode, public: bytes, blinded: Sequence[bytes], evaluated: Sequence[bytes]
) -> list[bytes]:
    """The scalars by which ComputeComposites folds the pairs."""
    seed = framed(sha512(framed(public, mode.domain(b"Seed-"))).digest())
    dst = mode.domain(b"HashToScalar-")
    return [
        group.hash_to_scalar(seed + place.to_bytes(2, "big") + framed(*pair) + b"Composite", dst)
        for place, pair in enumerate(zip(blinded, evaluated, strict=True))
    ]


def _challenge(mode: Mode, *elements: bytes) -> bytes:
    """The Fiat-Shamir challenge over public key, M, Z, t2 and t3."""
    return group.hash_to_scalar(framed(*elements) + b"Challenge", mode.domain(b"HashToScalar-"))
