"""From the elements of a generation to its evaluations and its fingerprint sets."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from provider_node.domain.build.buckets import Bucket
from provider_node.domain.build.evaluation import Evaluation
from provider_node.domain.build.indexing import Written, verify_index
from provider_node.domain.build.places import places_of
from provider_node.domain.build.progress import Reporter, Stage
from provider_node.domain.build.records import Elements, Records
from provider_node.domain.oprf_keys import KeyEpoch
from provider_node.store.directory import EVALUATIONS, FINGERPRINTS
from provider_node.store.evaluated import Evaluated
from provider_node.store.files import sha256_of
from provider_node.store.fingerprints import FingerprintWriter
from provider_node.store.index import IndexWriter
from provider_node.store.manifest import Oblivious
from stayput.errors import StayputError
from stayput.oblivious import FINGERPRINT_BYTES, SUITE, places, presences
from stayput.v1.contract_pb2 import Contract, Granularity, ObliviousOffer, ObliviousSet
from stayput.v1.errors_pb2 import ErrorReason

_HALF: Final = 32
"""Bytes of an output before those that presences are made of, and of these."""
_RECORD: Final = Granularity.GRANULARITY_RECORD


class Fingerprinting:
    """Has what is read evaluated; writes evaluations and sets while the index is written."""

    def __init__(self, path: Path, contract: Contract, epoch: KeyEpoch, evaluation: Evaluation) -> None:
        """In the new generation's directory; of that contract, under the keys of that epoch."""
        self._path = path
        self._contract = contract
        self._epoch = epoch
        self._evaluation = evaluation
        self._places = evaluation.places
        self._granularities = list(self._places[0].layout)
        self._sets = FingerprintWriter(path / FINGERPRINTS)
        self._written = Written()

    def add(self, batch: Iterable[Elements], alive: Callable[[], None]) -> None:
        """Has a batch evaluated; calls `alive` now and then meanwhile."""
        self._evaluation.add(batch, alive)

    def passed(self, buckets: Iterable[Bucket]) -> Iterator[Bucket]:
        """The buckets of the index, each once what its tokens stand for is written.

        Raises `BUILD_FAILED` if that is not what was evaluated.
        """
        with IndexWriter(self._path / EVALUATIONS) as writer:
            for bucket, (keys, checks) in zip(buckets, self._evaluation.parts(), strict=True):
                values = _values(bucket, keys, checks)
                writer.append(zip(bucket.tokens, values, strict=True))
                self._written.add(bucket.tokens, values)
                self._add(keys)
                self._add(checks)
                self._add_presences(keys, bucket.bitmaps)
                yield bucket

    def finished(self, reporter: Reporter) -> Oblivious:
        """What the manifest says of it, when all buckets have passed."""
        path = self._path / EVALUATIONS
        verify_index([path], self._written, reporter)
        offer = ObliviousOffer(
            suite=SUITE, key_epoch=self._epoch.id, new_key_per_generation=self._epoch.of_generation
        )
        for number, place in enumerate(places(self._contract, self._granularities)):
            key, check, granularity = place
            written = self._sets.finish(number)
            offer.sets.append(
                ObliviousSet(
                    key=key,
                    check=check or "",
                    granularity=granularity,
                    public_key=self._epoch.key(self._contract, *place).public_bytes(),
                    fingerprints=written.count,
                    sha256=written.sha256,
                )
            )
            reporter.at(Stage.VERIFYING)
        return Oblivious(offer=offer, evaluations_sha256=sha256_of(path))

    def _add(self, records: Records) -> None:
        """Adds evaluated elements to the sets of their places."""
        for place in np.unique(records["place"]).tolist():
            values = _bytes(records["value"][records["place"] == place])
            for granularity, part in self._places[place].layout.items():
                fingerprints = values[:, part][:, :FINGERPRINT_BYTES].tobytes()
                self._sets.add(self._set(place, granularity), fingerprints)

    def _add_presences(self, keys: Records, bitmaps: npt.NDArray[np.uint8]) -> None:
        """Adds subjects to the sets of the checks that they have a value for."""
        for place in np.unique(keys["place"]).tolist():
            of_place = keys["place"] == place
            tails = _bytes(keys["value"][of_place])[:, self._places[place].layout[_RECORD]]
            outputs = np.zeros((len(tails), 2 * _HALF), np.uint8)
            outputs[:, _HALF:] = tails[:, FINGERPRINT_BYTES:]
            has_value = np.unpackbits(bitmaps[of_place], axis=1, bitorder="little").view(np.bool_)
            for check in range(len(self._contract.checks)):
                under = place + 1 + check
                chosen = outputs[has_value[:, check]].view(f"V{2 * _HALF}").ravel().tolist()
                found = b"".join(presences(self._places[under].context, chosen))
                self._sets.add(self._set(under, _RECORD), found)

    def _set(self, place: int, granularity: "Granularity.ValueType") -> int:
        return self._granularities.index(granularity) * len(self._places) + place


@contextmanager
def fingerprinting(
    path: Path,
    contract: Contract,
    epoch: KeyEpoch,
    granularities: Sequence["Granularity.ValueType"],
    earlier: Evaluated | None,
) -> Iterator[Fingerprinting]:
    """Fingerprinting in a new generation's directory; `earlier` is taken over as far as it goes."""
    here = places_of(contract, epoch, granularities)
    with Evaluation(path, here, earlier) as evaluation:
        yield Fingerprinting(path, contract, epoch, evaluation)


def _values(bucket: Bucket, keys: Records, checks: Records) -> list[bytes]:
    """The value of each of the bucket's tokens in the evaluations."""
    of_key, of_check = iter(keys.tolist()), iter(checks.tolist())
    values = []
    for token, is_key in zip(bucket.tokens, bucket.is_key.tolist(), strict=True):
        found, _, value = next(of_key if is_key else of_check, (b"", 0, b""))
        if found != token:
            raise _other_elements()
        values.append(value)
    if any(True for rest in (of_key, of_check) for _ in rest):
        raise _other_elements()
    return values


def _bytes(values: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
    """A row of bytes for each value; there is at least one."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def _other_elements() -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_BUILD_FAILED,
        "the elements that were evaluated are not those of the index",
        remedy="check the disk under the node's data directory; then build again",
    )
