import gzip
from pathlib import Path

import pytest

from stayput.delimited import DelimitedError, Dialect, FileFault, detect_encoding, read_batches, read_header

TEXT = "号码,姓名\n" + "".join(f"{n},张三\n" for n in range(30_000))


def written(directory: Path, content: bytes) -> Path:
    path = directory / "list.csv.gz"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_compressed_file_is_read_as_what_it_holds(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, gzip.compress(TEXT.encode(encoding)))
    assert detect_encoding(path) == encoding
    assert read_header(path, Dialect(encoding)) == ["号码", "姓名"]
    rows = [row for batch in read_batches(path, Dialect(encoding)) for row in batch.rows]
    assert rows == [[str(n), "张三"] for n in range(30_000)]


def test_files_one_after_another_in_one_are_read_to_the_last(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress("号码\n1\n".encode()) + gzip.compress(b"2\n"))
    (batch,) = read_batches(path, Dialect())
    assert batch.rows == [["1"], ["2"]]


@pytest.mark.parametrize("reading", [detect_encoding, lambda path: list(read_batches(path, Dialect()))])
@pytest.mark.parametrize(
    "content",
    [TEXT.encode(), gzip.compress(TEXT.encode())[:-1], gzip.compress(TEXT.encode())[:99] + bytes(999)],
    ids=["not compressed", "cut short", "damaged"],
)
def test_damage_is_a_fault_of_the_file(tmp_path: Path, reading: object, content: bytes) -> None:
    assert callable(reading)
    with pytest.raises(DelimitedError) as caught:
        reading(written(tmp_path, content))
    assert caught.value.fault is FileFault.GZIP
    assert str(caught.value).startswith("list.csv.gz: ")


def test_how_far_reading_is_counts_the_bytes_on_the_disk(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(TEXT.encode(), 1))
    reached = [batch.bytes_read for batch in read_batches(path, Dialect(), 5_000)]
    assert reached == sorted(reached)
    assert 0 < reached[0] < reached[-1] == path.stat().st_size
    plain = path.with_suffix("")
    plain.write_text(TEXT, "utf-8")
    assert [batch.bytes_read for batch in read_batches(plain, Dialect())][-1] == plain.stat().st_size
