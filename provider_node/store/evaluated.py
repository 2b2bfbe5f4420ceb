"""The elements of a generation as they were evaluated under the OPRF keys of its epoch.

`evaluations.mdb` is an LMDB file like the index and with the same tokens, so it holds nothing of who left
the register. The next build evaluates only what is not in it. The value of a token has a part for each
granularity of the generation's sets, in this order:

- RECORD, of a key: the fingerprint (8 bytes) and the end of the output that presences are made of (32 bytes);
- RECORD, of a check: the fingerprint;
- COUNT: the fingerprint.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from provider_node.store.directory import EVALUATIONS, ResourceDirectory
from provider_node.store.files import sha256_of
from provider_node.store.index import Index
from provider_node.store.manifest import read_manifest
from stayput.errors import StayputError
from stayput.oblivious import FINGERPRINT_BYTES, SUITE
from stayput.v1.contract_pb2 import Granularity

TAIL_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The evaluations of a finished generation, open for reading, and the granularities that they have."""

    index: Index
    granularities: frozenset["Granularity.ValueType"]


def layout(
    granularities: Iterable["Granularity.ValueType"], *, of_key: bool
) -> dict["Granularity.ValueType", slice]:
    """Where a value has the part for each granularity."""
    places, start = {}, 0
    for granularity in sorted(granularities):
        tail = TAIL_BYTES if of_key and granularity == Granularity.GRANULARITY_RECORD else 0
        places[granularity] = slice(start, start + FINGERPRINT_BYTES + tail)
        start = places[granularity].stop
    return places


def serving(directory: ResourceDirectory, key_epoch: str) -> Evaluated | None:
    """What the generation that serves has, if it is of that epoch and whole."""
    try:
        generation = directory.current()
    except StayputError:
        # The build is what mends a damaged link.
        return None
    if generation is None:
        return None
    path = directory.generation(generation)
    try:
        manifest = read_manifest(path)
        found = sha256_of(path / EVALUATIONS)
    except (OSError, ValidationError):
        # It was not built for oblivious mode, or cannot be read: everything is evaluated anew.
        return None
    part = manifest.oblivious
    if part is None or part.evaluations_sha256 != found:
        return None
    if (part.offer.suite, part.offer.key_epoch) != (SUITE, key_epoch):
        return None
    return Evaluated(Index(path / EVALUATIONS), frozenset(one.granularity for one in part.offer.sets))
