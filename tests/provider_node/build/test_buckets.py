import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.domain.build.buckets import Bucket
from provider_node.domain.build.buckets import merged as merged_buckets
from provider_node.domain.build.positions import NO_POSITION
from provider_node.domain.build.ranking import Ranking
from provider_node.domain.build.records import record_type
from provider_node.domain.build.spool import Spool
from provider_node.domain.tokens import IndexKey

Records = list[tuple[bytes, int, bytes]]

# Few bytes at few places, so that tokens share their first half, their second half, or both.
TOKENS = st.builds(
    lambda first, middle, last: bytes([first, *bytes(6), middle, *bytes(7), last]),
    *[st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])] * 3,
)


INDEX_KEY = IndexKey(bytes(range(32)))
CONTEXTS = [b"a" * 32, b"b" * 32]


def position_of(token: bytes) -> int:
    """Descends as tokens ascend; tokens that begin with 0 have none."""
    return (1 << 63) - int.from_bytes(token[8:]) if token[0] else int(NO_POSITION)


def merged(batches: list[Records]) -> list[Bucket]:
    with TemporaryDirectory() as name:
        directory = Path(name) / "buckets"
        with Spool(directory, record_type(9)) as spool:
            for batch in batches:
                records = [(t, kind, list(bits), position_of(t)) for t, kind, bits in batch]
                spool.add(np.array(records, record_type(9)))
        tokens = {token for batch in batches for token, _, _ in batch}
        positions = np.array([position_of(token) for token in tokens], np.uint64)
        result = list(merged_buckets(spool, Ranking(INDEX_KEY, CONTEXTS, [[positions], []])))
        assert not directory.exists()
    return result


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(TOKENS, st.just(1), st.binary(min_size=2, max_size=2)), min_size=1)))
def test_keys_come_sorted_and_their_bitmaps_joined(batches: list[Records]) -> None:
    expected: dict[bytes, int] = {}
    for token, _, bits in (record for batch in batches for record in batch):
        expected[token] = expected.get(token, 0) | int.from_bytes(bits)
    buckets = merged(batches)
    found = [entry for bucket in buckets for entry in zip(bucket.tokens, bucket.values, strict=True)]
    assert [(token, value[:2]) for token, value in found] == [
        (token, bits.to_bytes(2)) for token, bits in sorted(expected.items())
    ]
    assert sum(bucket.subjects for bucket in buckets) == len(expected)
    order = sorted({position_of(token) for token in expected if token[0]})
    for token, value in found:
        rank = order.index(position_of(token)) if token[0] else 0xFFFFFFFF
        assert unmasked(token, value[2:], order) == rank


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
