"""Work on many elements, shared out over the cores: libsodium computes without the interpreter's lock."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

_ELEMENTS: Final = 512
"""In one go: some 30 ms, so that no core waits for long at the end."""
_POOL: Final = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="elements")


def in_slices(work: Callable[[slice], T], total: int) -> list[T]:
    """What `work` gives for each slice of so many elements, in order. Waits for it: call it in a thread."""
    starts = range(0, total, _ELEMENTS)
    return list(_POOL.map(work, [slice(start, min(start + _ELEMENTS, total)) for start in starts]))
