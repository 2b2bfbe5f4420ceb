from pathlib import Path

import pytest

from stayput.delimited import DelimitedError, FileFault, detect_encoding

ROWS = "姓名,号牌号码\n" + "张伟,京A12345\n阿依古丽·买买提,\n" * 10
# Its two bytes of GB18030 are also one two-byte character of UTF-8.
EITHER = "通,1\n"


def detected(path: Path, data: bytes) -> str:
    file = path / "list.csv"
    file.write_bytes(data)
    return detect_encoding(file)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (ROWS.encode(), "utf-8"),
        (ROWS.encode("gb18030"), "gb18030"),
        (ROWS.encode("utf-8-sig"), "utf-8"),
        (("\ufeff" + ROWS).encode("gb18030"), "gb18030"),
        (b"name,plate\nA,1\n", "utf-8"),
        (b"", "utf-8"),
        (ROWS.encode("gb18030") + EITHER.encode("gb18030") * 100, "gb18030"),
        (EITHER.encode("gb18030"), "utf-8"),
        (ROWS.encode() + "张".encode()[:2] + b"\n", "utf-8"),
        (ROWS.encode("gb18030") + b"\xff\n", "gb18030"),
        (ROWS.encode() * 20_000 + b"\xff\n", "utf-8"),
    ],
)
def test_the_encoding_of_most_lines_is_found(tmp_path: Path, data: bytes, encoding: str) -> None:
    assert detected(tmp_path, data) == encoding


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (ROWS.encode() + ROWS.encode("gb18030"), FileFault.UNKNOWN_ENCODING),
        ("é\n".encode("latin-1") * 9, FileFault.UNKNOWN_ENCODING),
        (("\ufeff" + ROWS).encode("utf-16-le"), FileFault.UTF16),
    ],
)
def test_a_file_without_one_encoding_is_refused(tmp_path: Path, data: bytes, fault: FileFault) -> None:
    with pytest.raises(DelimitedError) as caught:
        detected(tmp_path, data)
    assert caught.value.fault is fault
