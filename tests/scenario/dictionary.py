"""A dictionary of everybody in the samples, and the search for them in what was kept or passed on.

What is searched for are bytes: values as they may be encoded, digests as the contract makes them, and plain
hashes. What they may be wrapped in (Base64, hexadecimal, escapes), once or more often, is unwrapped first.
"""

import csv
import hashlib
import json
import re
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.hashes import SM3, Hash

from examples.deployment import EXAMPLES
from stayput import elements
from stayput.contract import field_of
from stayput.normalise import normaliser
from stayput.v1.contract_pb2 import Contract

KEY: Final = "resident_id"
# Each sample's encoding, and the columns that hold the fields of a contract.
SAMPLES: Final = {
    "vehicles.csv": ("gb18030", {KEY: "身份证号", "name": "所有人姓名", "plate": "号牌号码"}),
    "deaths.csv": ("utf-8-sig", {KEY: "身份证号", "name": "姓名"}),
    "applicants.csv": ("utf-8-sig", {KEY: "身份证号", "name": "姓名", "plate": "号牌号码"}),
}
_TODAY: Final = date(2026, 1, 1)
# Fewer bytes are found anywhere by chance.
_LEAST: Final = 6
# How often something may be wrapped: a value in a message in a payload in a file, and once more.
_DEPTH: Final = 4


def _sm3(value: bytes) -> bytes:
    digest = Hash(SM3())
    digest.update(value)
    return digest.finalize()


HASHES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "MD5": lambda value: hashlib.md5(value, usedforsecurity=False).digest(),
    "SHA-1": lambda value: hashlib.sha1(value, usedforsecurity=False).digest(),
    "SHA-256": lambda value: hashlib.sha256(value).digest(),
    "SM3": _sm3,
}
ENCODINGS: Final = ("utf-8", "gb18030", "utf-16-le")


@dataclass(frozen=True)
class People:
    """The lines of the samples, each as the values of the contract's fields, normalised and as they stand."""

    normalised: list[dict[str, str]]
    written: list[dict[str, str]]

    def values(self) -> Iterator[tuple[str, str]]:
        """Each field's name with each of its values in either form."""
        for row in chain(self.normalised, self.written):
            yield from row.items()


def people(contract: Contract, *samples: str) -> People:
    """Everybody in these samples."""
    normalised: list[dict[str, str]] = []
    written: list[dict[str, str]] = []
    for file in samples:
        encoding, columns = SAMPLES[file]
        with (EXAMPLES / file).open(encoding=encoding, errors="replace", newline="") as lines:
            rows = list(csv.DictReader(lines))
        raw = {name: [str(row.get(column) or "") for row in rows] for name, column in columns.items()}
        clean = {
            field.name: normaliser(field_of(field), _TODAY).column(raw[field.name])
            for field in contract.fields
            if field.name in raw
        }
        for at in range(len(rows)):
            written.append({name: values[at] for name, values in raw.items()})
            normalised.append(
                {name: value for name, values in clean.items() if isinstance(value := values[at], str)}
            )
    return People(normalised, written)


def key_digests(contract: Contract, known: People) -> dict[str, bytes]:
    """The digest of each key, by whose it is."""
    ids = sorted({row[KEY] for row in known.normalised if KEY in row})
    context = elements.context(contract, KEY)
    made = elements.key_digests(context, _encoded(ids))
    return {f"digest of {KEY} {value}": digest for value, digest in zip(ids, made, strict=True)}


def _check_digests(contract: Contract, known: People) -> dict[str, bytes]:
    """The digest of each check of each line, by whose it is."""
    found: dict[str, bytes] = {}
    for check in (check.name for check in contract.checks):
        rows = [row for row in known.normalised if KEY in row and row.get(check)]
        keys, values = _encoded(row[KEY] for row in rows), _encoded(row[check] for row in rows)
        made = elements.check_digests(elements.context(contract, KEY, check), keys, values)
        found |= {
            f"digest of {check} {row[check]} of {row[KEY]}": digest
            for row, digest in zip(rows, made, strict=True)
        }
    return found


def _encoded(values: Iterable[str]) -> list[bytes]:
    return [value for value in elements.encode([list(values)]) if isinstance(value, bytes)]


def _clear(known: People) -> dict[str, bytes]:
    """Each value in each encoding, and its plain hashes."""
    found: dict[str, bytes] = {}
    for name, value in set(known.values()):
        for encoding in ENCODINGS:
            if len(encoded := value.encode(encoding)) >= _LEAST:
                found[f"{name} {value} in {encoding}"] = encoded
        if value:
            found |= {f"{kind} of {name} {value}": made(value.encode()) for kind, made in HASHES.items()}
    return found


class Dictionary:
    """What is searched for, by what it would give away."""

    def __init__(self, entries: Mapping[str, bytes]) -> None:
        self.entries = entries
        self._by_beginning: dict[bytes, list[str]] = {}
        for what, entry in entries.items():
            self._by_beginning.setdefault(entry[:_LEAST], []).append(what)
        self._beginnings = np.sort(_windows(b"".join(self._by_beginning))[::_LEAST])

    def finds(self, content: bytes) -> set[str]:
        """What of it is in there, however it is wrapped."""
        return {what for view in unwrapped(content) for what in self._found(view)}

    def _found(self, content: bytes) -> Iterator[str]:
        windows = _windows(content)
        places = np.searchsorted(self._beginnings, windows).clip(max=len(self._beginnings) - 1)
        for at in map(int, np.flatnonzero(self._beginnings[places] == windows)):
            for what in self._by_beginning[content[at : at + _LEAST]]:
                if content.startswith(self.entries[what], at):
                    yield what


def dictionary_of(contract: Contract, known: People) -> Dictionary:
    """Whatever could give them away without a key: values, digests, plain hashes."""
    return Dictionary(_clear(known) | key_digests(contract, known) | _check_digests(contract, known))


def _windows(content: bytes) -> npt.NDArray[np.uint64]:
    """Each run of `_LEAST` bytes as a number."""
    letters = np.frombuffer(content, np.uint8)
    many = max(len(letters) - _LEAST + 1, 0)
    numbers = np.zeros(many, np.uint64)
    for at in range(_LEAST):
        numbers = numbers << np.uint64(8) | letters[at : at + many]
    return numbers


def unwrapped(content: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """The content, and what comes out of it if everything that could be wrapped in it is unwrapped."""
    yield content
    if depth:
        # What comes out of one wrapping is looked through together.
        for inner in filter(None, (b"\0".join(unwrap(content)) for unwrap in _WRAPPINGS)):
            yield from unwrapped(inner, depth - 1)


def _base64(content: bytes) -> Iterator[bytes]:
    for run in re.findall(rb"[A-Za-z0-9+/_-]{8,}", content):
        plain = run.translate(bytes.maketrans(b"-_", b"+/"))
        # Where it begins may be glued to something that looks the same.
        for start in range(4):
            part = plain[start:]
            yield b64decode(part[: len(part) // 4 * 4])
            if len(part) % 4 > 1:
                yield b64decode(part + b"=" * (4 - len(part) % 4))


def _hexadecimal(content: bytes) -> Iterator[bytes]:
    for run in re.findall(rb"[0-9A-Fa-f]{12,}", content):
        for start in range(2):
            part = run[start:]
            yield bytes.fromhex(part[: len(part) // 2 * 2].decode())


def _escaped_in_json(content: bytes) -> Iterator[bytes]:
    # Each time that JSON is put into JSON there is another backslash.
    if rb"\u" in content:
        yield re.sub(rb"(?:\\+u[0-9A-Fa-f]{4})+", _of_json, content)


def _of_json(run: "re.Match[bytes]") -> bytes:
    text: str = json.loads(b'"' + re.sub(rb"\\+", rb"\\", run[0]) + b'"')
    return text.encode("utf-8", "replace")


def _escaped_bytes(content: bytes) -> Iterator[bytes]:
    """As Python shows bytes, and as Protocol Buffers show them as text."""
    if re.search(rb"\\x[0-9A-Fa-f]{2}|\\[0-3][0-7]{2}", content):
        unescaped = re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda run: bytes([int(run[1], 16)]), content)
        yield re.sub(rb"\\([0-3][0-7]{2})", lambda run: bytes([int(run[1], 8)]), unescaped)


def _escaped_in_addresses(content: bytes) -> Iterator[bytes]:
    if re.search(rb"%[0-9A-Fa-f]{2}", content):
        yield unquote_to_bytes(content)


_WRAPPINGS: Final = (_base64, _hexadecimal, _escaped_in_json, _escaped_bytes, _escaped_in_addresses)


def rows_of(database: Path) -> bytes:
    """All values of an SQLite database; its file may hold a long one in pieces."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        rows = chain.from_iterable(connection.execute(f'SELECT * FROM "{name}"') for name in tables)  # noqa: S608 (names from the schema)
        return b"\0".join(
            value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
        )
