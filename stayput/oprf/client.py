"""The client's side: it blinds inputs, and turns what the server evaluated into outputs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from stayput.errors import Reason, StayputError, field_invalid
from stayput.oprf import group
from stayput.oprf.context import Mode, hash_inputs, outputs
from stayput.oprf.dleq import verify_proof
from stayput.v1.errors_pb2 import ErrorReason


@dataclass(frozen=True, slots=True)
class Blinding:
    """Inputs, the scalars that blind them, and the blinded elements, in one order. Only these may be sent."""

    inputs: Sequence[bytes] = field(repr=False)
    blinds: Sequence[bytes] = field(repr=False)
    elements: Sequence[bytes]


class Client:
    """OPRFClientContext: takes the server's word for which key it used."""

    mode: ClassVar[Mode] = Mode.OPRF

    @classmethod
    def blind(cls, inputs: Sequence[bytes], blinds: Sequence[bytes]) -> Blinding:
        """Blind: `blinds` are as many random scalars, each used for this input only (`random_scalars`).

        Raises `FIELD_INVALID` for an input of more than 65,535 bytes, ValueError for blinds that are no
        scalars or not as many.
        """
        scalars = [group.decode_scalar(blind) for blind in blinds]
        return Blinding(inputs, scalars, group.multiply_each(scalars, hash_inputs(cls.mode, inputs)))

    def unblind(self, blinds: Sequence[bytes], evaluated: Sequence[bytes]) -> list[bytes]:
        """The elements that the server would have evaluated without the blinds.

        Raises `PROTOCOL_VIOLATION` for another count than was blinded or a malformed element.
        """
        if len(evaluated) != len(blinds):
            raise _wrong(
                ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
                "evaluated_element",
                f"{len(evaluated):,} came for {len(blinds):,} blinded ones",
            )
        try:
            return group.multiply_each(group.invert(blinds), evaluated)
        except group.ElementInvalid as invalid:
            raise _malformed(invalid.position) from None

    def finalize(self, blinding: Blinding, evaluated: Sequence[bytes]) -> list[bytes]:
        """Finalize: the output of each input, 64 bytes. Raises what `unblind` does."""
        return outputs(blinding.inputs, self.unblind(blinding.blinds, evaluated))


class VerifiableClient(Client):
    """VOPRFClientContext: outputs are good once `verify` has returned, for them or for a sample of them."""

    mode: ClassVar[Mode] = Mode.VOPRF

    def __init__(self, public_key: bytes) -> None:
        try:
            self._public_key = group.decode_element(public_key)
        except ValueError:
            raise field_invalid(
                "oprf_public_key", "is no canonical encoding of a group element, or is the identity"
            ) from None

    def verify(self, blinded: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes) -> Sequence[bytes]:
        """The evaluated elements, if the proof shows that the public key's owner made them of the blinded.

        Raises `PROOF_INVALID` naming `proof` for another key, other elements or another order, no elements or
        not as many, or a malformed proof; `PROTOCOL_VIOLATION` for a malformed element.
        """
        try:
            return verify_proof(self.mode, self._public_key, blinded, evaluated, proof)
        except group.ElementInvalid as invalid:
            raise _malformed(invalid.position) from None
        except ValueError as invalid:
            raise _wrong(ErrorReason.ERROR_REASON_PROOF_INVALID, "proof", str(invalid)) from None

    def verify_total(
        self, blinded: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes
    ) -> Sequence[bytes]:
        """The evaluated elements, if the proof shows that the public key's owner made their sum.

        They may be in another order than the blinded ones. A server that knows all that is blinded could
        still give wrong elements whose errors cancel out. Raises what `verify` raises.
        """
        try:
            sums = [group.total(blinded)], [group.total(evaluated)]
        except group.ElementInvalid as invalid:
            raise _malformed(invalid.position) from None
        self.verify(*sums, proof)
        return evaluated


def _malformed(position: int) -> StayputError:
    """An evaluated element that is none."""
    return _wrong(
        ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION,
        "evaluated_element",
        f"number {position} (from 0) is no canonical encoding of a group element, or is the identity",
    )


def _wrong(reason: Reason, field_name: str, problem: str) -> StayputError:
    """A server that answers what no honest one does."""
    return StayputError(
        reason,
        f"{field_name}: {problem}",
        field=field_name,
        remedy="use none of this session's answers, and ask the provider which key its node evaluates with",
    )
