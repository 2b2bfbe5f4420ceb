"""Whether two lists differ in only a few records, from a sketch of each.

A sketch is an invertible Bloom lookup table: every record goes into one cell of each of several parts, and a
cell holds the exclusive or of the names of its records and of their checksums. Taken together (exclusive or)
the sketches of two lists are that of their symmetric difference, and if that is small it can be read: a cell
whose checksum is that of its name holds one record, which is then taken out of its other cells, until nothing
is left. If the difference is large, every cell holds several, and nothing can be read.

Of a difference below the minimum that a sketch is made for, not all can be read with a probability below
2^-40, over the names; the consumer cannot choose those, for they are made under a key of the node. (Over all
sets of records, the expected number of those that leave each of their cells with two or more; the test
computes it.) With n records, two have the same name with a probability below n^2 / 2^65.

A list that is itself small is read from its sketch alone, as names: about 270 of them at a minimum of 10, 380
at 100, 1,500 at 1,000 (half as many as a sketch has cells). Only the node's key, which made the names, keeps
whoever takes a sketch from learning who they are.

Source: D. Eppstein, M. Goodrich, F. Uyeda, G. Varghese, What's the Difference? Efficient Set Reconciliation
without Prior Context, SIGCOMM 2011; the checksum is the finaliser of splitmix64 (G. Steele, D. Lea, C. Flood,
Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Names = npt.NDArray[np.uint64]
Sketch = npt.NDArray[np.uint64]
"""Names in the first row and checksums in the second, by part and cell."""

PARTS: Final = 8
_ROWS: Final = 2
_HALF: Final = np.uint64(32)
_STORED: Final = np.dtype("<u8")
# As random as any: the first is that of splitmix64, the others multiples of it.
_SEEDS: Final = np.uint64(0x9E3779B97F4A7C15) * np.arange(1, PARTS + 2, dtype=np.uint64)


def cells(minimum: int) -> int:
    """Cells in each part of the sketches for a minimum."""
    return 64 + -(-3 * minimum // 10)


def sketch_of(names: Names, minimum: int) -> Sketch:
    """The sketch of a list of different names of 64 bits."""
    return _sketch(names, cells(minimum))


def _sketch(names: Names, number: int) -> Sketch:
    made = np.zeros((_ROWS, PARTS, number), np.uint64)
    checksums = _mixed(names, PARTS)
    for part in range(PARTS):
        places = (_mixed(names, part) >> _HALF) * np.uint64(number) >> _HALF
        for row, content in enumerate((names, checksums)):
            np.bitwise_xor.at(made[row, part], places.astype(np.intp), content)
    return made


def stored(sketch: Sketch) -> bytes:
    """The sketch as it is kept: 16 bytes for each cell."""
    return sketch.astype(_STORED).tobytes()


def from_stored(kept: bytes) -> Sketch:
    """The sketch that was kept."""
    return np.frombuffer(kept, _STORED).astype(np.uint64).reshape(_ROWS, PARTS, -1)


def differ_by_fewer(one: Sketch, other: Sketch, limit: int) -> bool:
    """Whether two lists differ in fewer than `limit` records; their sketches are for the same minimum.

    True only if it is so, false for a limit up to that minimum only if it is not so, both but for chance.
    """
    left = one ^ other
    most = PARTS * (limit - 1)
    found = 0
    # Each record is in one cell of each part, so this also ends what chance would let go on.
    while np.count_nonzero(left[1]) <= most - PARTS * found:
        alone = (left[1] == _mixed(left[0], PARTS)) & (left[0] != 0)
        names = np.unique(left[0][alone])
        if not len(names):
            return not left.any()
        found += len(names)
        left = left ^ _sketch(names, left.shape[-1])
    return False


def _mixed(names: Names, seed: int) -> Names:
    mixed: Names = names ^ _SEEDS[seed]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed
