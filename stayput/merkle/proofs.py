"""Roots and proofs out of stored nodes."""

from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import TypeAlias

from stayput.merkle.hashing import EMPTY_ROOT, fold
from stayput.merkle.positions import Plan, Position, check_size, consistency_plan, inclusion_plan, peaks

Nodes: TypeAlias = Callable[[Sequence[Position]], Sequence[bytes]]
"""Fetches stored nodes: their hashes, in the order of the positions asked for, each of which occurs once."""


def root(size: int, nodes: Nodes) -> bytes:
    """Root of the first `size` leaves (RFC 9162, 2.1.1). Raises `OutOfRange`."""
    check_size(size)
    return _fetch([peaks(0, size)], nodes)[0] if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """Proof that the leaf `index` is in the tree of the first `size` leaves (RFC 9162, 2.1.3.1).

    Asks `nodes` at most once. Raises `OutOfRange`; that so many leaves are stored is for the caller to know.
    """
    return _fetch(inclusion_plan(index, size), nodes)


def consistency_proof(old_size: int, size: int, nodes: Nodes) -> list[bytes]:
    """Proof that the tree of the first `size` leaves goes on from that of `old_size` (RFC 9162, 2.1.4.1).

    Asks `nodes` at most once. Raises `OutOfRange`.
    """
    return _fetch(consistency_plan(old_size, size), nodes)


def _fetch(plan: Plan, nodes: Nodes) -> list[bytes]:
    if not plan:
        return []
    wanted = list(chain.from_iterable(plan))
    hashes = nodes(wanted)
    if len(hashes) != len(wanted):
        raise LookupError("the store did not return one hash for each node it was asked for")
    supply = iter(hashes)
    return [fold(list(islice(supply, len(positions)))) for positions in plan]
