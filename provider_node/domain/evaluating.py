"""Evaluating for sessions in oblivious mode: what a session asks of the node's OPRF keys.

The columns of an `Evaluator` are those of the session that it belongs to: 0 is the key, then come the checks
asked.
"""

import secrets
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from provider_node.domain.oprf_keys import KeyEpoch
from provider_node.store.directory import damaged
from provider_node.store.fingerprints import FingerprintSet
from provider_node.store.generations import Generation
from stayput.errors import StayputError, field_invalid
from stayput.oblivious import asked_sets
from stayput.v1.contract_pb2 import Granularity, ObliviousOffer, ObliviousSet

if TYPE_CHECKING:
    from stayput.oprf import VerifiableServer

SLICE: Final = 512
"""Elements that one core evaluates at a time: long enough that handing them over costs nothing."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one column is evaluated with. Hides its key."""

    server: "VerifiableServer" = field(repr=False)
    fingerprints: FingerprintSet


class Evaluator:
    """Evaluates, proves, and reads fingerprints, for a key and some checks in one granularity. Thread-safe.

    `suite` and `key_epoch` are those of the offer. Holds the generation open.
    """

    def __init__(self, suite: str, key_epoch: str, columns: Sequence[Column], cores: Executor) -> None:
        self.suite = suite
        self.key_epoch = key_epoch
        self._columns = columns
        self._cores = cores

    def evaluate(self, columns: Sequence[Sequence[bytes]]) -> list[list[bytes]]:
        """The evaluated elements of each column, in its order; spread over the cores.

        Raises `FIELD_INVALID` naming the column with a malformed element (`columns[1]`).
        """
        slices = [
            (column, elements[start : start + SLICE])
            for column, elements in enumerate(columns)
            for start in range(0, len(elements), SLICE)
        ]
        # A single record is not worth handing over.
        parts = map(self._slice, slices) if len(slices) == 1 else self._cores.map(self._slice, slices)
        evaluated: list[list[bytes]] = [[] for _ in columns]
        for (column, _), part in zip(slices, parts, strict=True):
            evaluated[column] += part
        return evaluated

    def _slice(self, blinded: tuple[int, Sequence[bytes]]) -> list[bytes]:
        column, elements = blinded
        try:
            return self._columns[column].server.blind_evaluate(elements)
        except StayputError:
            raise field_invalid(
                f"columns[{column}]",
                "holds what is no canonical encoding of a group element, or is the identity",
                "blind the inputs again, and send the elements as they are",
            ) from None

    def prove(self, column: int, blinded: Sequence[bytes], evaluated: Sequence[bytes]) -> bytes:
        """Proof of 64 bytes over these elements of a column, in this order; 1 to 65,536 of them.

        `evaluated` must be what `evaluate` gave for `blinded`. Raises `FIELD_INVALID` if there are none.
        """
        return self._columns[column].server.prove(blinded, evaluated, _nonce())

    def prove_total(self, column: int, blinded: Sequence[bytes], evaluated: Sequence[bytes]) -> bytes:
        """Proof of 64 bytes over the sums of a column's elements, whatever the order of each; as `prove`."""
        return self._columns[column].server.prove_total(blinded, evaluated, _nonce())

    def fingerprints(self, column: int) -> FingerprintSet:
        """The fingerprints of the set of a column: `count`, `sha256`, `read(first, most)`."""
        return self._columns[column].fingerprints


@dataclass(frozen=True, slots=True)
class Evaluators:
    """Makes evaluators of a generation for what is offered of it. `epoch` is that of the generation."""

    generation: Generation
    offer: ObliviousOffer | None
    epoch: KeyEpoch
    cores: Executor

    def __call__(self, key: str, checks: Sequence[str], granularity: "Granularity.ValueType") -> Evaluator:
        """For a key and some checks in that granularity; `FIELD_INVALID` for what is not in the offer.

        Raises `RESOURCE_NOT_READY` if the node's keys are not those that the offer publishes.
        """
        if self.offer is None:
            raise field_invalid("mode", "this resource does not offer oblivious mode", "see `Describe`")
        asked = asked_sets(self.offer, key, checks, granularity)
        columns = [self._column(one) for one in asked]
        return Evaluator(self.offer.suite, self.offer.key_epoch, columns, self.cores)

    def _column(self, asked: ObliviousSet) -> Column:
        from stayput.oprf import VerifiableServer  # noqa: PLC0415 (see KeyEpoch.key)

        contract = self.generation.manifest.contract
        private = self.epoch.key(contract, asked.key, asked.check or None, asked.granularity)
        if private.public_bytes() != asked.public_key:
            raise damaged(contract.resource, "the published OPRF keys are not those of this node")
        fingerprints = self.generation.fingerprints[asked.key, asked.check, asked.granularity]
        return Column(VerifiableServer(private), fingerprints)


def _nonce() -> bytes:
    from stayput.oprf import random_scalars  # noqa: PLC0415 (see KeyEpoch.key)

    [nonce] = random_scalars(1, secrets.token_bytes)
    return nonce
