"""What libsodium alone takes at this moment: oblivious mode is little else, and machines are not steady."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from rbcl import crypto_core_ristretto255_from_hash, crypto_scalarmult_ristretto255

from stayput.oprf import random_scalars

TIMES = 5_000


def _times(_thread: int) -> tuple[float, float]:
    """Microseconds of a hash to the group and of a multiplication."""
    uniform, (scalar,) = secrets.token_bytes(64), random_scalars(1, secrets.token_bytes)
    element = crypto_core_ristretto255_from_hash(uniform)
    began = perf_counter()
    for _ in range(TIMES):
        crypto_core_ristretto255_from_hash(uniform)
    hashed = perf_counter()
    for _ in range(TIMES):
        crypto_scalarmult_ristretto255(scalar, element)
    return (hashed - began) / TIMES * 1e6, (perf_counter() - hashed) / TIMES * 1e6


def show_floor() -> None:
    """Prints what both take now, while all cores do the same."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        taken = list(pool.map(_times, range(cores)))
    hashing, multiplying = (sum(each) / cores for each in zip(*taken, strict=True))
    print(
        f"libsodium alone, on all {cores} cores at once: {hashing:.0f} µs to hash to the group, "
        f"{multiplying:.0f} µs to multiply",
        flush=True,
    )
