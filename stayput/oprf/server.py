"""The server's side: it holds the key and learns how many elements it evaluated, nothing else."""

from collections.abc import Sequence
from typing import ClassVar

from stayput.errors import StayputError, field_invalid
from stayput.oprf import group
from stayput.oprf.context import Mode, hash_inputs, outputs
from stayput.oprf.dleq import generate_proof
from stayput.oprf.keys import PrivateKey


class Server:
    """OPRFServerContext: evaluates without proof."""

    mode: ClassVar[Mode] = Mode.OPRF

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    def blind_evaluate(self, blinded: Sequence[bytes]) -> list[bytes]:
        """BlindEvaluate: the evaluated element of each blinded one.

        Raises `FIELD_INVALID` for the first malformed one; nothing was evaluated for the caller then.
        """
        try:
            return group.multiply_all(self._key.to_bytes(), blinded)
        except group.ElementInvalid as invalid:
            raise _malformed(invalid.position) from None

    def points(self, inputs: Sequence[bytes]) -> list[bytes]:
        """The element of each of the server's own inputs, evaluated: what a client's `unblind` gives.

        Raises `FIELD_INVALID` for an input of more than 65,535 bytes.
        """
        return group.multiply_all(self._key.to_bytes(), hash_inputs(self.mode, inputs))

    def evaluate(self, inputs: Sequence[bytes]) -> list[bytes]:
        """Evaluate: the output of each of the server's own inputs, 64 bytes, as a client would get it.

        Raises `FIELD_INVALID` for an input of more than 65,535 bytes.
        """
        return outputs(inputs, self.points(inputs))


class VerifiableServer(Server):
    """VOPRFServerContext: can prove that it evaluated with the key behind its public key."""

    mode: ClassVar[Mode] = Mode.VOPRF

    def prove(self, blinded: Sequence[bytes], evaluated: Sequence[bytes], nonce: bytes) -> bytes:
        """Proof of 64 bytes over elements this server evaluated, in this order.

        `nonce` is a random scalar, new for each proof. Raises `FIELD_INVALID` if there are no elements, over
        65,536, not as many of each, or a malformed one; ValueError for a nonce that is no scalar.
        """
        scalar = group.decode_scalar(nonce)
        try:
            return generate_proof(self.mode, self._key, blinded, evaluated, scalar)
        except group.ElementInvalid as invalid:
            raise _malformed(invalid.position) from None
        except ValueError as invalid:
            raise field_invalid("element", str(invalid)) from None

    def prove_total(self, blinded: Sequence[bytes], evaluated: Sequence[bytes], nonce: bytes) -> bytes:
        """Proof of 64 bytes over the sums of blinded and of evaluated elements, in whatever order each is.

        It shows that one key evaluated all of them to that sum, not which became which. As `prove` otherwise.
        """
        return self.prove([group.total(blinded)], [group.total(evaluated)], nonce)


def _malformed(position: int) -> StayputError:
    """A blinded element that is none."""
    return field_invalid(
        "element",
        f"number {position} (from 0) is no canonical encoding of a group element, or is the identity",
        "blind the input again, and send the element as it is",
    )
