"""A file as blocks of whole lines, at bounded memory."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from stayput.delimited.faults import DelimitedError, FileFault

MAX_LINE_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 17
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\x84\x31\x95\x33", "gb18030"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class OpenFile(NamedTuple):
    """A file that is being read: its text as bytes, and the same file as it lies on the disk."""

    content: BinaryIO
    stored: BinaryIO


@contextmanager
def open_file(path: Path) -> Iterator[OpenFile]:
    """Open a file, which is compressed by gzip if its name ends in `.gz`.

    Raises OSError if it cannot be opened. A compressed file that is damaged or cut short becomes a
    DelimitedError when reading comes to it.
    """
    with path.open("rb") as stored:
        if path.suffix != ".gz":
            yield OpenFile(stored, stored)
            return
        try:
            with GzipFile(fileobj=stored) as content:
                yield OpenFile(cast("BinaryIO", content), stored)
        except (BadGzipFile, EOFError, zlib.error):
            raise DelimitedError(path.name, FileFault.GZIP) from None


def read_mark(file: BinaryIO, name: str) -> str | None:
    """Skip a byte-order mark at the beginning and return the encoding it stands for.

    Raises DelimitedError for UTF-16.
    """
    head = file.read(4)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            if encoding == "utf-16":
                raise DelimitedError(name, FileFault.UTF16)
            file.seek(len(mark))
            return encoding
    file.seek(0)
    return None


def read_blocks(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Blocks that end with a line end, and whether a block is the last (which may lack one, or be empty).

    CR, LF and the delimiters can be told in the bytes: neither encoding uses them inside a character, and
    both decoders find them again after bytes that are no character. Of a line above MAX_LINE_BYTES enough
    is kept to see that it is too long.
    """
    tail = b""
    while chunk := file.read(_BLOCK_BYTES):
        data = tail + chunk
        # A CR at the very end may be the first half of a CR LF.
        cut = 1 + max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1))
        if cut:
            yield data[:cut], False
        tail = data[cut:]
        if len(tail) > MAX_LINE_BYTES + 2:
            # The last byte is kept, as it may be the CR that ends the line.
            tail = tail[: MAX_LINE_BYTES + 1] + tail[-1:]
    yield tail, True
