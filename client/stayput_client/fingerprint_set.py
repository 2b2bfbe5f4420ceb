"""Looking fingerprints up in a cached set, of which only the pages that are needed come into memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from stayput.oblivious import FINGERPRINT_BYTES

Flags: TypeAlias = npt.NDArray[np.bool_]
# Strings of one length compare as big-endian numbers, which would have to be copied to be swapped.
_FINGERPRINT = np.dtype(f"S{FINGERPRINT_BYTES}")


class FingerprintSet:
    """A verified file of the cache, memory-mapped."""

    def __init__(self, path: Path) -> None:
        # An empty file cannot be mapped.
        mapped = path.stat().st_size > 0
        self._all = np.memmap(path, _FINGERPRINT, "r") if mapped else np.empty(0, _FINGERPRINT)

    def has(self, fingerprints: Sequence[bytes]) -> Flags:
        """For each whether it is in the set."""
        wanted = np.frombuffer(b"".join(fingerprints), _FINGERPRINT)
        if not len(self._all):
            return np.zeros(len(wanted), np.bool_)
        places = np.minimum(np.searchsorted(self._all, wanted), len(self._all) - 1)
        found: Flags = self._all[places] == wanted
        return found
