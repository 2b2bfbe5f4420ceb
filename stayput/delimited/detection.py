"""Telling UTF-8 from GB18030 in a list whose clerk does not know."""

import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

from stayput.delimited.blocks import open_file, read_blocks, read_mark
from stayput.delimited.faults import DelimitedError, FileFault

_SHARE = 0.9
# Pairs of GB18030 bytes can pass for the two-byte characters of UTF-8; Chinese needs three and more.
_THREE_BYTES = re.compile("[\u0800-\U0010ffff]")


class _Vote(Enum):
    UTF_8 = auto()
    GB18030 = auto()
    EITHER = auto()
    NEITHER = auto()


def detect_encoding(path: Path) -> str:
    """The encoding of a clerk's list: "utf-8" or "gb18030". A provider declares its encoding instead.

    A byte-order mark decides. Else each line that is not ASCII votes, because one damaged line must not
    turn a UTF-8 list into GB18030, where almost any bytes mean something. Raises DelimitedError if neither
    encoding has nine tenths of the votes, and OSError for a file that cannot be opened.
    """
    with open_file(path) as (content, _):
        mark = read_mark(content, path.name)
        if mark is not None:
            return mark
        votes: Counter[_Vote] = Counter()
        for block, _ in read_blocks(content):
            votes.update(_votes(block))
    needed = _SHARE * (votes.total() - votes[_Vote.EITHER])
    if votes[_Vote.UTF_8] >= needed:
        return "utf-8"
    if votes[_Vote.GB18030] >= needed:
        return "gb18030"
    raise DelimitedError(path.name, FileFault.UNKNOWN_ENCODING)


def _votes(block: bytes) -> Iterator[_Vote]:
    if block.isascii():
        return
    for line in block.splitlines():
        if not line.isascii():
            yield _vote(line)


def _vote(line: bytes) -> _Vote:
    text = _decoded(line, "utf-8")
    if text is not None:
        return _Vote.UTF_8 if _THREE_BYTES.search(text) else _Vote.EITHER
    return _Vote.NEITHER if _decoded(line, "gb18030") is None else _Vote.GB18030


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
