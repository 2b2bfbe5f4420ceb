"""The keys and checks of a contract, each with what it is evaluated with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provider_node.domain.oprf_keys import KeyEpoch
from provider_node.store.evaluated import layout
from stayput.oblivious import count_fingerprints, fingerprints, input_context, key_inputs, places
from stayput.v1.contract_pb2 import Contract, Granularity

if TYPE_CHECKING:
    from stayput.oprf import VerifiableServer


@dataclass(frozen=True, slots=True)
class Place:
    """A key, or a check under a key; `layout` is that of its values in the evaluations. Thread-safe."""

    is_key: bool
    context: bytes
    layout: dict["Granularity.ValueType", slice]
    _servers: dict["Granularity.ValueType", "VerifiableServer"] = field(repr=False)

    def parts(self, granularity: "Granularity.ValueType", encoded: Sequence[bytes]) -> list[bytes]:
        """For each element the part of its value for one granularity."""
        server, inputs = self._servers[granularity], key_inputs(self.context, encoded)
        if granularity == Granularity.GRANULARITY_COUNT:
            return count_fingerprints(self.context, server.points(inputs))
        outputs = server.evaluate(inputs)
        if self.is_key:
            return [first + output[32:] for first, output in zip(fingerprints(outputs), outputs, strict=True)]
        return fingerprints(outputs)


def places_of(
    contract: Contract, epoch: KeyEpoch, granularities: Sequence["Granularity.ValueType"]
) -> list[Place]:
    """All places, in the contract's order: each key before the checks under it."""
    from stayput.oprf import VerifiableServer  # noqa: PLC0415 (see KeyEpoch.key)

    return [
        Place(
            check is None,
            input_context(contract, key, check),
            layout(granularities, of_key=check is None),
            {one: VerifiableServer(epoch.key(contract, key, check, one)) for one in granularities},
        )
        for key, check, _ in places(contract, granularities[:1])
    ]
