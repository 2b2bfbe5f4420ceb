"""The fingerprint sets of a generation: `fingerprints/<n>`, n the place of the set in the offer's order.

A file holds the fingerprints of one set, 8 bytes each, ascending as big-endian numbers, each once, and
nothing else. The order is that of pseudorandom numbers, so it tells nothing of the source's.
"""

import hashlib
import os
import weakref
from pathlib import Path
from typing import Final

import numpy as np

from provider_node.store.files import sync_directory
from stayput.oblivious import FINGERPRINT_BYTES

_CHUNK: Final = 1 << 20
_BIG_ENDIAN: Final = np.dtype(">u8")


class FingerprintSet:
    """One set, open for reading; can be read until the object is gone even if its file was removed before.

    `count` is how many fingerprints it has, `sha256` the 32 bytes of the hash over all of them. Thread-safe.
    """

    def __init__(self, path: Path) -> None:
        """Reads the file once as a whole, for its hash. Raises `FileNotFoundError`."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        with open(self._descriptor, "rb", closefd=False) as file:
            self.sha256 = hashlib.file_digest(file, "sha256").digest()
        self.count = os.fstat(self._descriptor).st_size // FINGERPRINT_BYTES

    def read(self, first: int, most: int) -> bytes:
        """So many fingerprints at most, 8 bytes each, from the one at place `first` (from 0) on.

        Fewer come only where the set ends, none behind its end.
        """
        return os.pread(self._descriptor, most * FINGERPRINT_BYTES, first * FINGERPRINT_BYTES)


class FingerprintWriter:
    """Writes the sets of a new generation, in a directory of its own. No file is open between two calls."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700)

    def add(self, place: int, fingerprints: bytes) -> None:
        """Adds fingerprints, one behind the other, to the set of that place, in any order."""
        with self._unsorted(place).open("ab") as file:
            file.write(fingerprints)

    def finish(self, place: int) -> FingerprintSet:
        """Sorts the set of that place and makes it durable.

        Takes memory for the fingerprints of one set, 8 bytes each.
        """
        path, unsorted = self._directory / str(place), self._unsorted(place)
        unsorted.touch(0o600)
        numbers = np.empty(unsorted.stat().st_size // FINGERPRINT_BYTES, np.uint64)
        with unsorted.open("rb") as file:
            for start in range(0, len(numbers), _CHUNK):
                numbers[start : start + _CHUNK] = np.fromfile(file, _BIG_ENDIAN, _CHUNK)
        unsorted.unlink()
        numbers.sort()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 (a descriptor)
            for start in range(0, len(numbers), _CHUNK):
                chunk = numbers[start : start + _CHUNK]
                fresh = np.ones(len(chunk), np.bool_)
                fresh[1:] = chunk[1:] != chunk[:-1]
                fresh[0] = not start or chunk[0] != numbers[start - 1]
                file.write(chunk[fresh].astype(_BIG_ENDIAN).tobytes())
            file.flush()
            os.fsync(file.fileno())
        sync_directory(self._directory)
        return FingerprintSet(path)

    def _unsorted(self, place: int) -> Path:
        return self._directory / f"{place}.unsorted"
