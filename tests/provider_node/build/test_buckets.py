from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.domain.build.buckets import Bucket, Buckets
from provider_node.domain.build.records import record_type

Records = list[tuple[bytes, int, bytes]]

# Few bytes at few places, so that tokens share their first half, their second half, or both.
TOKENS = st.builds(
    lambda first, middle, last: bytes([first, *bytes(6), middle, *bytes(7), last]),
    *[st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])] * 3,
)


def merged(batches: list[Records]) -> list[Bucket]:
    with TemporaryDirectory() as name:
        directory = Path(name) / "buckets"
        buckets = Buckets(directory, record_type(9))
        with buckets:
            for batch in batches:
                buckets.add(np.array([(t, kind, list(bits)) for t, kind, bits in batch], record_type(9)))
        result = list(buckets.merged())
        assert list(directory.iterdir()) == []
    return result


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(TOKENS, st.just(1), st.binary(min_size=2, max_size=2)), min_size=1)))
def test_keys_come_sorted_and_their_bitmaps_joined(batches: list[Records]) -> None:
    expected: dict[bytes, int] = {}
    for token, _, bits in (record for batch in batches for record in batch):
        expected[token] = expected.get(token, 0) | int.from_bytes(bits)
    buckets = merged(batches)
    found = [entry for bucket in buckets for entry in zip(bucket.tokens, bucket.values, strict=True)]
    assert found == [(token, bits.to_bytes(2)) for token, bits in sorted(expected.items())]
    assert sum(bucket.subjects for bucket in buckets) == len(expected)


def test_a_check_has_no_value_and_only_the_first_key_counts_subjects() -> None:
    records = [(bytes([place]) * 16, kind, b"\0\0") for place, kind in enumerate((0, 1, 2, 0, 2))]
    buckets = merged([records, records])
    assert [value for bucket in buckets for value in bucket.values] == [b"", b"\0\0", b"\0\0", b"", b"\0\0"]
    assert sum(bucket.subjects for bucket in buckets) == 1
