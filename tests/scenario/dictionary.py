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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

import numpy as np
from cryptography.hazmat.primitives.hashes import SM3, Hash

from examples.deployment import EXAMPLES
from stayput import elements
from stayput.contract import field_of
from stayput.normalise import normaliser
from stayput.v1.contract_pb2 import Contract

KEY: Final = "resident_id"
# Each sample with its encoding and the columns that hold the fields of a contract.
_SAMPLES: Final = (
    ("vehicles.csv", "gb18030", {KEY: "身份证号", "name": "所有人姓名", "plate": "号牌号码"}),
    ("deaths.csv", "utf-8-sig", {KEY: "身份证号", "name": "姓名"}),
    ("applicants.csv", "utf-8-sig", {KEY: "身份证号", "name": "姓名", "plate": "号牌号码"}),
)
_TODAY: Final = date(2026, 1, 1)
# Fewer bytes are found anywhere by chance.
_LEAST: Final = 6
# How often something may be wrapped: a value in a message in a payload in a file, and once more.
_DEPTH: Final = 4
# SQLite's own mark: what such a file holds is also read row by row, since it may cut long values in pieces.
_SQLITE: Final = b"SQLite format 3\0"


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


def people(contract: Contract) -> People:
    """Everybody in the samples."""
    normalised: list[dict[str, str]] = []
    written: list[dict[str, str]] = []
    for file, encoding, columns in _SAMPLES:
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


def check_digests(contract: Contract, known: People) -> dict[str, bytes]:
    """The digest of each check of each line, by whose it is."""
    found = {}
    for check in (check.name for check in contract.checks):
        rows = [row for row in known.normalised if KEY in row and row.get(check)]
        keys, values = _encoded(row[KEY] for row in rows), _encoded(row[check] for row in rows)
        made = elements.check_digests(elements.context(contract, KEY, check), keys, values)
        found |= {
            f"digest of {check} of {row[KEY]}": digest for row, digest in zip(rows, made, strict=True)
        }
    return found


def _encoded(values: Iterable[str]) -> list[bytes]:
    return [value for value in elements.encode([list(values)]) if isinstance(value, bytes)]


def clear(known: People) -> dict[str, bytes]:
    """Each value in each encoding, and its plain hashes."""
    found = {}
    for name, value in set(known.values()):
        for encoding in ENCODINGS:
            if len(encoded := value.encode(encoding)) >= _LEAST:
                found[f"{name} {value} in {encoding}"] = encoded
        if value:
            found |= {f"{kind} of {name} {value}": made(value.encode()) for kind, made in HASHES.items()}
    return found


class Dictionary:
    """What is searched for, by what it would give away."""

    def __init__(self, entries: dict[str, bytes]) -> None:
        self.entries = entries
        self._by_beginning: dict[bytes, list[tuple[str, bytes]]] = {}
        for what, entry in entries.items():
            self._by_beginning.setdefault(entry[:_LEAST], []).append((what, entry))
        beginnings = np.frombuffer(b"".join(self._by_beginning), np.uint8).reshape(-1, _LEAST)
        self._beginnings = np.unique(_numbers([beginnings[:, at] for at in range(_LEAST)]))

    def finds(self, content: bytes) -> set[str]:
        """What of it is in there, however it is wrapped."""
        return set().union(*(self._finds(view) for view in unwrapped(content)))

    def _finds(self, content: bytes) -> set[str]:
        letters = np.frombuffer(content, np.uint8)
        windows = _numbers([letters[at : len(letters) - _LEAST + 1 + at] for at in range(_LEAST)])
        found = set()
        for at in map(int, np.flatnonzero(np.isin(windows, self._beginnings))):
            for what, entry in self._by_beginning.get(content[at : at + _LEAST], ()):
                if content.startswith(entry, at):
                    found.add(what)
        return found


def _numbers(letters: "Sequence[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]") -> "np.ndarray[tuple[int, ...], np.dtype[np.uint64]]":
    """One number for each window of letters, given letter by letter."""
    total = np.zeros(max(len(letters[0]), 0), np.uint64)
    for letter in letters:
        total = (total << np.uint64(8)) | letter
    return total


def _base64(run: bytes) -> Iterator[bytes]:
    # Where it begins may be glued to something else that looks the same.
    for start in range(4):
        part = run[start:]
        yield b64decode(part[: len(part) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/")))
    ...
