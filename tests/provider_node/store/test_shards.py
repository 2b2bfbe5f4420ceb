"""Indexes in several files: the same entries make the same files, and every token is found in its own."""

import hashlib
from contextlib import suppress
from pathlib import Path

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider_node.store.index import Index
from provider_node.store.manifest import hash_of
from provider_node.store.shards import ShardWriter

TOKENS = [bytes([n // 256, n % 256]) * 8 for n in range(1, 1_000, 3)]


def write(directory: Path, most: int, cuts: list[int]) -> ShardWriter:
    """Writes the tokens, each with its last byte, in parts that end at those places."""
    directory.mkdir()
    with ShardWriter(directory, most) as writer:
        start = 0
        for end in [*sorted(cuts), len(TOKENS)]:
            part = TOKENS[start:end]
            writer.add(part, [token[-1:] for token in part])
            start = end
    return writer


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, len(TOKENS)), max_size=5))
@pytest.mark.parametrize("most", [100, len(TOKENS) - 1, len(TOKENS)])
def test_files_depend_on_the_entries_alone(
    tmp_path_factory: pytest.TempPathFactory, most: int, cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("shards")
    first, second = write(path / "1", most, []).shards(), write(path / "2", most, cuts).shards()
    assert first == second
    assert sorted(one.name for one in (path / "2").iterdir()) == [one.file for one in second]
    for one in second:
        assert hashlib.sha256((path / "2" / one.file).read_bytes()).hexdigest() == one.sha256
    sizes = [one.entries for one in second]
    assert max(sizes) <= most
    assert sum(sizes) == len(TOKENS)
    assert len(sizes) == -(-len(TOKENS) // most)


def test_every_token_is_found_in_its_file_and_no_other_is(tmp_path: Path) -> None:
    shards = write(tmp_path / "index", 50, []).shards()
    assert len(shards) == 7
    assert [one.first for one in shards] == [token.hex() for token in TOKENS[::50]]
    index = Index(*(tmp_path / "index" / one.file for one in shards))
    assert index.entries == len(TOKENS)
    with index.reading() as value_of:
        for token in TOKENS:
            assert value_of(token) == token[-1:]
            assert value_of(token[:-1] + bytes([token[-1] ^ 1])) is None
        assert value_of(bytes(16)) is value_of(b"\xff" * 16) is None


def test_tokens_of_the_index_must_ascend(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ascend"), ShardWriter(tmp_path, 100) as writer:
        writer.add(TOKENS[5:] + TOKENS[:5], [b""] * len(TOKENS))


def test_files_in_another_order_or_a_missing_one_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "index" / one.file for one in write(tmp_path / "index", 100, []).shards()]
    with pytest.raises(ValueError, match="order"):
        Index(paths[0], *paths[:0:-1])
    with pytest.raises(lmdb.Error):
        Index(*paths, tmp_path / "index-09.mdb")


def test_what_an_exception_left_is_not_taken_for_an_index(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, 100)
    with suppress(RuntimeError), writer:
        writer.add(TOKENS, [b""] * len(TOKENS))
        raise RuntimeError
    assert writer.shards() == []


def test_the_hash_of_one_file_is_its_own(tmp_path: Path) -> None:
    (one,) = write(tmp_path / "one", 1_000, []).shards()
    several = write(tmp_path / "several", 100, []).shards()
    assert hash_of([one]) == one.sha256
    assert hash_of(several) != hash_of(several[::-1])
