"""A register as the oblivious mode has it: an OPRF key and a set of fingerprints for each key and check."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stayput import elements, oblivious
from stayput.contract import check_fields, key_fields
from stayput.oprf import Mode, PrivateKey, VerifiableServer
from stayput.v1.contract_pb2 import (
    GRANULARITY_COUNT,
    GRANULARITY_RECORD,
    Contract,
    Granularity,
    ObliviousOffer,
    ObliviousSet,
)

GRANULARITIES = (GRANULARITY_RECORD, GRANULARITY_COUNT)
Place = tuple[str, str, "Granularity.ValueType"]


@dataclass
class Fingerprints:
    """What a node offers. `keys` and `sets` are by key, check (empty for the key itself) and granularity."""

    contract: Contract
    rows: Sequence[Mapping[str, str]]
    key_epoch: str = "00f0a1b2c3d4e5f6"
    keys: dict[Place, PrivateKey] = field(default_factory=dict)
    sets: dict[Place, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, check, granularity in oblivious.places(self.contract, GRANULARITIES):
            at = key, check or "", granularity
            seed = hashlib.sha256(f"{self.key_epoch} {at}".encode()).digest()
            self.keys[at] = PrivateKey.derive(Mode.VOPRF, seed, b"test")
        for at in self.keys:
            self.sets[at] = b"".join(sorted(self._fingerprints(*at)))

    def offer(self) -> ObliviousOffer:
        """As the description states it."""
        return ObliviousOffer(
            suite=oblivious.SUITE,
            key_epoch=self.key_epoch,
            sets=[
                ObliviousSet(
                    key=at[0],
                    check=at[1],
                    granularity=at[2],
                    public_key=key.public_bytes(),
                    fingerprints=len(self.sets[at]) // 8,
                    sha256=hashlib.sha256(self.sets[at]).digest(),
                )
                for at, key in self.keys.items()
            ],
        )

    def published(self) -> ObliviousOffer:
        """As the catalogue shows it."""
        offer = self.offer()
        for one in offer.sets:
            one.ClearField("fingerprints")
            one.ClearField("sha256")
        return offer

    def _fingerprints(self, key: str, check: str, granularity: "Granularity.ValueType") -> set[bytes]:
        context = oblivious.input_context(self.contract, key, check or None)
        subjects = [
            self._encoded(row, [one.name for one in key_fields(self.contract, key)]) for row in self.rows
        ]
        server = VerifiableServer(self.keys[key, check, granularity])
        rows = list(zip(self.rows, subjects, strict=True))
        if check:
            names = [one.name for one in check_fields(self.contract, check)] or [check]
            rows = [(row, subject) for row, subject in rows if all(row[name] for name in names)]
            subjects = [subject for _, subject in rows]
            inputs = oblivious.check_inputs(context, subjects, [self._encoded(row, names) for row, _ in rows])
        else:
            inputs = oblivious.key_inputs(context, subjects)
        if granularity == GRANULARITY_COUNT:
            return set(oblivious.count_fingerprints(context, server.points(inputs)))
        found = set(oblivious.fingerprints(server.evaluate(inputs)))
        if check:
            of_key = VerifiableServer(self.keys[key, "", granularity])
            owners = oblivious.key_inputs(oblivious.input_context(self.contract, key), subjects)
            found.update(oblivious.presences(context, of_key.evaluate(owners)))
        return found

    @staticmethod
    def _encoded(row: Mapping[str, str], fields: Sequence[str]) -> bytes:
        (encoded,) = elements.encode([[row[name]] for name in fields])
        assert isinstance(encoded, bytes)
        return encoded
