"""A larger register: residents of one county born within a century, and those who compare with it."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from provider_node.store.generations import Generations
from provider_node.store.state import State
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import chunks_of
from tests.provider_node.serving.node import INDEX_KEY, OPRF_KEYS, Clock, LocalNode, Material
from tests.provider_node.serving.register import Person

# 999 sequence numbers for each of the days from 1926 to 2025.
SPACE: Final = 999 * 36_525
DENSE_DAYS: Final = 500
_SEED: Final = 20_261_122


def resident(number: int) -> Person:
    """The person of that number of the space, ascending as resident IDs do; one of two names."""
    day, sequence = divmod(number, 999)
    body = f"110105{date(1926, 1, 1) + timedelta(days=day):%Y%m%d}{sequence + 1:03}"
    total = sum(int(digit) << (17 - place) for place, digit in enumerate(body))
    return Person(body + "10X98765432"[total % 11], ("王甲", "王乙")[number % 2], "")


def numbers_registered() -> list[int]:
    """60,000 numbers, ascending: 40 for each of the first days, one in 900 of the others."""
    rng = random.Random(_SEED)
    dense = [day * 999 + one for day in range(DENSE_DAYS) for one in rng.sample(range(999), 40)]
    return sorted(dense + rng.sample(range(DENSE_DAYS * 999, SPACE), 40_000))


def strangers(count: int) -> list[int]:
    """So many numbers that are not in the register, in any order."""
    registered = set(numbers_registered())
    rng = random.Random(_SEED + 1)
    return [number for number in rng.sample(range(SPACE), count * 2) if number not in registered][:count]


def county(material: Material, directory: Path) -> Material:
    """The same parties with the county's register."""
    register.write_files(directory, 0)
    lines = (f"{one.owner_id},{one.name},\n" for one in map(resident, numbers_registered()))
    with (directory / "vehicles.csv").open("a", encoding="utf-8") as source:
        source.writelines(lines)
    register.build(directory, INDEX_KEY, OPRF_KEYS, directory / "data")
    return replace(material, data=directory, generations=Generations(directory / "data", INDEX_KEY.id))


@contextmanager
def opened(material: Material, directory: Path, clock: Clock) -> Iterator[LocalNode]:
    """A node over the state in a directory, which is closed at the end."""
    state = State(directory)
    try:
        yield LocalNode(material, state, clock)
    finally:
        state.close()


async def compare(
    node: LocalNode, people: Sequence[Person], checks: Sequence[str], told: list[tuple[int, ...]], size: int
) -> None:
    """A session over a list in chunks of that size; adds to `told` what the consumer is told."""
    asking = node.asking(checks)
    chunks = chunks_of(people, size)
    async with node.sessions.open(asking.open, node.caller) as session:
        for number, part in enumerate(chunks):
            chunk = asking.chunk(number, part, final=number == len(chunks) - 1)
            sealed, _ = await session.answer(chunk)
            told += asking.outcomes(session.opened, sealed)
