import hashlib
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.domain.build.buckets import Bucket, packed, parts
from provider_node.domain.build.entries import Heap, HeapWriter, entry_type
from provider_node.domain.build.positions import NO_POSITION
from provider_node.domain.build.ranking import Masks, rank
from provider_node.domain.build.records import record_type
from provider_node.domain.build.runs import runs_in
from provider_node.domain.build.spool import Spool
from provider_node.domain.tokens import IndexKey

Records = list[tuple[bytes, int, bytes]]

# Few bytes at few places, so that tokens share their first half, their second half, or both.
TOKENS = st.builds(
    lambda first, second, middle, last: bytes([first, second, *bytes(5), middle, *bytes(7), last]),
    *[st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])] * 4,
)
KEYS = st.tuples(TOKENS, st.just(1), st.binary(min_size=2, max_size=2))


INDEX_KEY = IndexKey(bytes(range(32)))
CONTEXTS = [b"a" * 32, b"b" * 32]
CHECKS = 9
SMALL = 100
"""Bytes of a bucket: room for four entries."""


def position_of(token: bytes) -> int:
    """Descends as tokens ascend; tokens that begin with 0 have none."""
    return (1 << 63) - int.from_bytes(token[8:]) if token[0] else int(NO_POSITION)


def merged(batches: list[Records], heaps: int = 1, most_bytes: int | None = None) -> list[Bucket]:
    """Buckets of batches that are spread over so many heaps."""
    kind = entry_type(CHECKS)
    with TemporaryDirectory() as name:
        there = [Heap(Path(name) / str(number)) for number in range(heaps)]
        writers = [HeapWriter(heap, len(CONTEXTS), CHECKS) for heap in there]
        for number, batch in enumerate(batches):
            records = [(t, kind, list(bits), position_of(t) if kind else 0) for t, kind, bits in batch]
            writers[number % heaps].add(np.array(records, record_type(CHECKS)))
        for writer in writers:
            writer.finish()
        ranked = Heap(Path(name) / "ranked")
        with Spool(ranked.tokens, kind) as spool:
            salts = []
            for key, context in enumerate(CONTEXTS):
                runs = runs_in([heap.runs(key) for heap in there], kind)
                salt_of = partial(INDEX_KEY.rank_salt, context)
                salts.append(rank(runs, spool, salt_of, 1, lambda: None))
        files = parts([heap.tokens for heap in [*there, ranked]], kind, most_bytes)
        masks = Masks(INDEX_KEY, CONTEXTS, salts)
        result = [packed(paths, kind, masks).bucket() for paths in files]
        assert not [path for path in Path(name).rglob("*") if path.is_file()]
    return result


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(KEYS, min_size=1)), st.sampled_from([1, 3]), st.sampled_from([None, SMALL]))
def test_keys_come_sorted_and_their_bitmaps_joined(
    batches: list[Records], heaps: int, most_bytes: int | None
) -> None:
    expected: dict[bytes, int] = {}
    for token, _, bits in (record for batch in batches for record in batch):
        expected[token] = expected.get(token, 0) | int.from_bytes(bits)
    buckets = merged(batches, heaps, most_bytes)
    found = [entry for bucket in buckets for entry in zip(bucket.tokens, bucket.values, strict=True)]
    assert [(token, value[:2]) for token, value in found] == [
        (token, bits.to_bytes(2)) for token, bits in sorted(expected.items())
    ]
    assert sum(bucket.subjects for bucket in buckets) == len(expected)
    order = sorted({position_of(token) for token in expected if token[0]})
    for token, value in found:
        place = order.index(position_of(token)) if token[0] else 0xFFFFFFFF
        assert unmasked(token, value[2:], order) == place


def unmasked(token: bytes, masked: bytes, order: list[int]) -> int:
    positions_hash = hashlib.sha256(np.array(order, "<u8").tobytes()).digest()
    salt = INDEX_KEY.rank_salt(CONTEXTS[0], positions_hash)
    mask = INDEX_KEY.rank_key(CONTEXTS[0], salt).tokens(token)[:4]
    return int.from_bytes(bytes(a ^ b for a, b in zip(masked, mask, strict=True)), "little")


def test_a_check_has_no_value_and_only_the_first_key_counts_subjects() -> None:
    records = [(bytes([place]) * 16, kind, b"\0\0") for place, kind in enumerate((0, 1, 2, 0, 2))]
    buckets = merged([records, records])
    values = [value for bucket in buckets for value in bucket.values]
    assert [value[:2] for value in values] == [b"", b"\0\0", b"\0\0", b"", b"\0\0"]
    assert [len(value) for value in values] == [0, 6, 6, 0, 6]
    assert sum(bucket.subjects for bucket in buckets) == 1


def test_a_bucket_is_no_larger_than_it_may_be() -> None:
    size, generator = entry_type(CHECKS).itemsize, np.random.default_rng(0)
    records = [(b"\1" + generator.bytes(15), 0, b"\0\0") for _ in range(300)]
    assert max(len(bucket.tokens) for bucket in merged([records])) == 300
    few = merged([records[:150], records[150:]], 2, 3 * size)
    assert max(len(bucket.tokens) for bucket in few) == 3
    assert [token for bucket in few for token in bucket.tokens] == sorted(token for token, _, _ in records)
