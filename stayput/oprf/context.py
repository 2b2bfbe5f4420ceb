"""What client and server of one mode hash alike: context string, framing, and the last step to an output."""

from collections.abc import Iterable, Sequence
from enum import Enum
from hashlib import sha512
from typing import Final

from stayput.errors import field_invalid
from stayput.oprf import group

MAX_INPUT_BYTES: Final = 65_535


class Mode(Enum):
    """A protocol variant of RFC 9497, section 3.1. Under one key an input has other outputs in each."""

    OPRF = 0
    VOPRF = 1

    def domain(self, label: bytes) -> bytes:
        """Domain separation tag: the label, then the context string of mode and suite."""
        return label + b"OPRFV1-%c-" % self.value + group.IDENTIFIER


def framed(*parts: bytes) -> bytes:
    """Each part behind its length, 2 bytes big-endian."""
    return b"".join([len(part).to_bytes(2, "big") + part for part in parts])


def hash_inputs(mode: Mode, inputs: Sequence[bytes]) -> list[bytes]:
    """The element of each input; `FIELD_INVALID` for one longer than 65,535 bytes."""
    if max(map(len, inputs), default=0) > MAX_INPUT_BYTES:
        raise field_invalid("input", f"must have no more than {MAX_INPUT_BYTES:,} bytes")
    return group.hash_to_group(inputs, mode.domain(b"HashToGroup-"))


def outputs(inputs: Iterable[bytes], evaluated: Iterable[bytes]) -> list[bytes]:
    """Output of each input, 64 bytes, from its unblinded evaluated element."""
    # `framed`, written out: every line of a register passes here.
    length = group.ELEMENT_BYTES.to_bytes(2, "big")
    return [
        sha512(len(private).to_bytes(2, "big") + private + length + element + b"Finalize").digest()
        for private, element in zip(inputs, evaluated, strict=True)
    ]
