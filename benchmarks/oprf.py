"""What an OPRF element costs each side: `python -m benchmarks.oprf [--elements N]`.

Elements per second, and processor time for each, of evaluating the provider's register offline, of blinding,
of evaluating what was blinded and of unblinding, on one thread and on one per core; then a proof over 1,000.
The median of some runs.
"""

import argparse
import os
import secrets
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time

from stayput.oprf import WHOLE_UP_TO, PrivateKey, VerifiableClient, VerifiableServer, random_scalars

REPEATS = 3
BATCH = 500
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What a step took, in seconds: on the clock, and of all processors together."""

    seconds: float
    cpu_seconds: float


def taken(step: Callable[[], object]) -> Taken:
    """Median times of a step."""
    clock, cpu = [], []
    for _ in range(REPEATS):
        started, cpu_started = perf_counter(), process_time()
        step()
        clock.append(perf_counter() - started)
        cpu.append(process_time() - cpu_started)
    return Taken(statistics.median(clock), statistics.median(cpu))


def run(pool: ThreadPoolExecutor, step: Callable[[slice], object], batches: Sequence[slice]) -> None:
    """Does the step for each batch."""
    for _ in pool.map(step, batches):
        pass


def compare_threads(name: str, step: Callable[[slice], object], elements: int) -> None:
    """Prints what a step that takes a batch of elements does on one thread, and on one per core."""
    batches = [slice(start, start + BATCH) for start in range(0, elements, BATCH)]
    for threads in (1, os.cpu_count() or 1):
        with ThreadPoolExecutor(threads) as pool:
            took = taken(partial(run, pool, step, batches))
        print(
            f"{name}, threads {threads}: {elements / took.seconds:,.0f}/s, "
            f"{took.cpu_seconds / elements * 1e6:.0f} µs CPU each, "
            f"a million in {MILLION / elements * took.seconds:.0f} s",
            flush=True,
        )


def measure(elements: int) -> None:
    """Prints the rates of each step, then a proof."""
    key = PrivateKey.generate(secrets.token_bytes)
    server, client = VerifiableServer(key), VerifiableClient(key.public_bytes())
    inputs = [secrets.token_bytes(16) for _ in range(elements)]
    blinding = client.blind(inputs, random_scalars(elements, secrets.token_bytes))
    blinded, blinds = blinding.elements, blinding.blinds
    evaluated = server.blind_evaluate(blinded)
    steps: Sequence[tuple[str, Callable[[slice], object]]] = (
        ("evaluate offline", lambda part: server.evaluate(inputs[part])),
        (
            "blind",
            lambda part: client.blind(inputs[part], random_scalars(len(inputs[part]), secrets.token_bytes)),
        ),
        ("blind evaluate", lambda part: server.blind_evaluate(blinded[part])),
        ("unblind", lambda part: client.unblind(blinds[part], evaluated[part])),
    )
    for name, step in steps:
        compare_threads(name, step, elements)
    pairs = blinded[:WHOLE_UP_TO], evaluated[:WHOLE_UP_TO]
    [nonce] = random_scalars(1, secrets.token_bytes)
    proof = server.prove(*pairs, nonce)
    print(
        f"proof over {len(pairs[0]):,}: "
        f"made in {taken(lambda: server.prove(*pairs, nonce)).seconds * 1e3:.0f} ms, "
        f"verified in {taken(lambda: client.verify(*pairs, proof)).seconds * 1e3:.0f} ms"
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", type=int, default=20_000)
    measure(parser.parse_args().elements)


if __name__ == "__main__":
    main()
