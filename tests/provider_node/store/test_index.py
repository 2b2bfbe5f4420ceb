import gc
from pathlib import Path

import lmdb
import pytest

from provider_node.store.index import Index, IndexWriter, bitmap_bytes

A, B, C = bytes(16), bytes(15) + b"\1", b"\xff" * 16


def test_what_is_appended_is_found(tmp_path: Path) -> None:
    with IndexWriter(tmp_path / "index") as writer:
        writer.append([(A, b"\x03"), (B, b"")])
        writer.append([(C, b"\x00")])
        assert writer.entries == 3
    index = Index(tmp_path / "index")
    assert index.entries == 3
    with index.reading() as value_of:
        assert [value_of(token) for token in (A, B, C, b"\1" * 16)] == [b"\x03", b"", b"\x00", None]


@pytest.mark.parametrize("tokens", [[B, A], [A, A]])
def test_tokens_that_do_not_ascend_are_refused(tmp_path: Path, tokens: list[bytes]) -> None:
    entries = [(token, b"") for token in tokens]
    with IndexWriter(tmp_path / "index") as writer, pytest.raises(ValueError, match="ascend"):
        writer.append(entries)


def test_tokens_below_an_earlier_append_are_refused(tmp_path: Path) -> None:
    with IndexWriter(tmp_path / "index") as writer:
        writer.append([(B, b"")])
        with pytest.raises(ValueError, match="ascend"):
            writer.append([(A, b"")])


def test_only_the_owner_can_read_the_file_and_there_is_no_other(tmp_path: Path) -> None:
    with IndexWriter(tmp_path / "index") as writer:
        writer.append([(A, b"")])
    assert (tmp_path / "index").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_missing_file_is_no_empty_index(tmp_path: Path) -> None:
    with pytest.raises(lmdb.Error):
        Index(tmp_path / "index")


def test_the_file_is_closed_with_the_last_reference(tmp_path: Path) -> None:
    path = tmp_path / "index"
    with IndexWriter(path) as writer:
        writer.append([(A, b"")])
    index = Index(path)
    with pytest.raises(lmdb.Error, match="already open"):
        Index(path)
    del index
    gc.collect()
    assert Index(path).entries == 1


def test_a_removed_file_can_be_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "index"
    with IndexWriter(path) as writer:
        writer.append([(bytes(12) + n.to_bytes(4, "big"), b"\1") for n in range(20_000)])
    index = Index(path)
    path.unlink()
    with index.reading() as value_of:
        assert all(value_of(bytes(12) + n.to_bytes(4, "big")) == b"\1" for n in range(20_000))


@pytest.mark.parametrize(("checks", "size"), [(0, 1), (1, 1), (8, 1), (9, 2), (64, 8)])
def test_a_bitmap_has_a_bit_for_each_check(checks: int, size: int) -> None:
    assert bitmap_bytes(checks) == size
