"""What a build for oblivious mode must come to, computed row by row from RFC 9497's functions."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import lmdb

from provider_node.domain.oprf_keys import KeyEpoch
from provider_node.store.directory import ResourceDirectory
from provider_node.store.index import IndexWriter
from provider_node.store.manifest import Manifest
from stayput.elements import encode
from stayput.oblivious import input_context
from stayput.oprf import VerifiableServer
from stayput.v1.contract_pb2 import Contract, Granularity

CODE = "vehicle-owners"
RECORD, COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT
OFFERED = ("[source]", 'modes = ["keyed", "oblivious"]\n[source]')
WITH_COUNTS = ("[source]", 'modes = ["keyed", "oblivious"]\ngranularities = ["record", "count"]\n[source]')
NEW_KEYS = ("[checks.name]", "[oblivious]\nnew_key_per_generation = true\n[checks.name]")
Row = tuple[str, str, str]
SetName = tuple[str | None, "Granularity.ValueType"]


def expected_sets(contract: Contract, epoch: KeyEpoch, rows: Sequence[Row]) -> dict[SetName, list[bytes]]:
    """By check and granularity the fingerprints of rows of canonical values, ascending."""
    sets: dict[SetName, set[bytes]] = {}
    for granularity in (RECORD, COUNT):
        places = {check: input_context(contract, "owner", check) for check in (None, "name", "plate")}
        servers = {
            check: VerifiableServer(epoch.key(contract, "owner", check, granularity)) for check in places
        }
        of = {check: sets.setdefault((check, granularity), set()) for check in places}
        for owner, *texts in rows:
            [key] = encode([[owner]])
            assert isinstance(key, bytes)
            [output] = servers[None].evaluate([places[None] + key])
            of[None].add(_fingerprint(servers[None], places[None], key, granularity))
            for check, text in zip(("name", "plate"), texts, strict=True):
                [value] = encode([[text]])
                assert isinstance(value, bytes)
                if text:
                    of[check].add(_fingerprint(servers[check], places[check], key + value, granularity))
                if text and granularity == RECORD:
                    of[check].add(_hashed(b"presence", places[check], output[32:]))
    return {name: sorted(found) for name, found in sets.items()}


def _fingerprint(
    server: VerifiableServer, context: bytes, encoded: bytes, granularity: "Granularity.ValueType"
) -> bytes:
    if granularity == COUNT:
        return _hashed(b"count-fingerprint", context, server.points([context + encoded])[0])
    return server.evaluate([context + encoded])[0][:8]


def _hashed(domain: bytes, context: bytes, rest: bytes) -> bytes:
    return hashlib.sha256(b"stayput/v1/" + domain + context + rest).digest()[:8]


def generation_path(data: Path, manifest: Manifest) -> Path:
    """The directory of a generation."""
    return ResourceDirectory(data, CODE).generation(manifest.generation)


def written_sets(data: Path, manifest: Manifest) -> dict[SetName, list[bytes]]:
    """By check and granularity the fingerprints in the files of a generation."""
    assert manifest.oblivious is not None
    path = generation_path(data, manifest) / "fingerprints"
    sets = {}
    for place, one in enumerate(manifest.oblivious.offer.sets):
        content = (path / str(place)).read_bytes()
        assert hashlib.sha256(content).digest() == one.sha256
        assert len(content) == 8 * one.fingerprints
        sets[one.check or None, one.granularity] = [
            content[start : start + 8] for start in range(0, len(content), 8)
        ]
    return sets


def evaluations(path: Path) -> dict[bytes, bytes]:
    """All that is in the evaluations of a generation's directory."""
    name = str(path / "evaluations.mdb")
    with lmdb.open(name, subdir=False, readonly=True, lock=False) as found, found.begin() as transaction:
        return dict(transaction.cursor())


def mark(data: Path, manifest: Manifest) -> bytes:
    """Overwrites all evaluations of a serving generation, so that whatever is taken over shows.

    Returns the fingerprint that all of them have then.
    """
    path = generation_path(data, manifest)
    marked = {token: b"\xa5" * len(value) for token, value in evaluations(path).items()}
    (path / "evaluations.mdb").unlink()
    with IndexWriter(path / "evaluations.mdb") as writer:
        writer.append(sorted(marked.items()))
    found = hashlib.sha256((path / "evaluations.mdb").read_bytes()).hexdigest()
    assert manifest.oblivious is not None
    part = manifest.oblivious.model_copy(update={"evaluations_sha256": found})
    changed = manifest.model_copy(update={"oblivious": part})
    (path / "manifest.json").write_bytes(changed.to_json())
    return b"\xa5" * 8
