"""A register in a dict: what a node knows, as digests, and whose it is."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from stayput import elements, identity, outcomes
from stayput.contract import key_fields
from stayput.v1.contract_pb2 import Contract

NODE = identity.node("vehicles-1")
PROVIDER = "traffic-police"
AS_OF = Timestamp(seconds=1_790_000_000)
GENERATION = "generation-7"


class Register:
    """Digests of keys, and of each check of a subject's rows.

    Rows hold canonical values by field, and by the name of its check what a condition says of them.
    """

    def __init__(self, contract: Contract, rows: Sequence[Mapping[str, str]]) -> None:
        self.contract = contract
        self._checks: dict[tuple[str, bytes, str], set[bytes]] = defaultdict(set)
        self._keys: set[tuple[str, bytes]] = set()
        for key in contract.keys:
            encoded = [
                self._encoded(row, [one.name for one in key_fields(contract, key.name)]) for row in rows
            ]
            digests = elements.key_digests(elements.context(contract, key.name), encoded)
            self._keys.update((key.name, digest) for digest in digests)
            for check in contract.checks:
                context = elements.context(contract, key.name, check.name)
                names = check.fields or [check.name]
                for row, subject, digest in zip(rows, encoded, digests, strict=True):
                    if all(row[name] for name in names):
                        # A row that fails a condition has a value that nobody asks.
                        value = self._encoded(row, names)
                        (found,) = elements.check_digests(context, [subject], [value])
                        self._checks[key.name, digest, check.name].add(found)

    @staticmethod
    def _encoded(row: Mapping[str, str], fields: Sequence[str]) -> bytes:
        (encoded,) = elements.encode([[row[name]] for name in fields])
        assert isinstance(encoded, bytes)
        return encoded

    def has(self, key: str, subject: bytes) -> bool:
        return (key, subject) in self._keys

    def outcome(self, key: str, subject: bytes, check: str, digest: bytes) -> int:
        if not self.has(key, subject):
            return outcomes.NOT_FOUND
        if digest == elements.NO_VALUE:
            return outcomes.NOT_ASKED
        known = self._checks.get((key, subject, check))
        if not known:
            return outcomes.NO_VALUE
        return outcomes.MATCH if digest in known else outcomes.MISMATCH
