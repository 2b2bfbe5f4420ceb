"""Makes the files of the story, at the size of the samples or at any other; the same seed, the same bytes.

    python -m examples.generate samples examples
    python -m examples.generate vehicles vehicles.csv --rows 10000000
    python -m examples.generate deaths deaths.csv --rows 1000000
    python -m examples.generate applicants list.csv --rows 1000000 --vehicles 10000000 --deaths 1000000

Needs nothing but Python. A list is made for registers of the sizes given to it, with the same seed.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from random import Random

from examples.applicants import HEADER, Applicants, Expected
from examples.people import Population
from examples.registers import Deaths, Vehicles

SEED = 2037
SAMPLE_VEHICLES, SAMPLE_DAMAGE_EVERY = 3_000, 250
SAMPLE_DEATHS = 2_000
SAMPLE_APPLICANTS, SAMPLE_MISTAKES_EVERY = 200, 9
_LINES_AT_ONCE = 10_000


def stream(seed: int, name: str) -> Random:
    """The random numbers for one purpose, so that files can be made one without the other."""
    return Random(f"{seed} {name}")  # noqa: S311 (made-up data is to be the same each time)


def write_register(path: Path, register: Vehicles | Deaths, rng: Random) -> None:
    """Write a register in its encoding and with its line ends, at bounded memory."""
    _write(path, chain([register.header], register.lines(rng)), register.encoding, register.end)


def write_applicants(path: Path, applicants: Applicants, rng: Random, expected: Iterable[Expected]) -> None:
    """Write a list in UTF-8, at bounded memory, and count in `expected` what it comes to."""

    def lines() -> Iterator[str]:
        yield HEADER
        for number, claim in enumerate(applicants.claims(rng), start=1):
            for one in expected:
                one.add(claim)
            yield claim.line(number)

    _write(path, lines(), "utf-8", "\n")


def summary(records: int, vehicles: Expected, deaths: Expected) -> str:
    """What a right comparison of the list counts, as JSON."""
    resources = {"vehicle-owners": vehicles, "deaths": deaths}
    return json.dumps(
        {"records": records, "resources": {code: one.as_json() for code, one in resources.items()}},
        ensure_ascii=False,
        indent=2,
    )


def samples(directory: Path, seed: int = SEED) -> None:
    """Write the samples: applicants.csv, vehicles.csv, deaths.csv and expected.json."""
    people = Population(stream(seed, "people"))
    vehicles = Vehicles(people, SAMPLE_VEHICLES, SAMPLE_DAMAGE_EVERY)
    deaths = Deaths(people, SAMPLE_DEATHS)
    applicants = Applicants(people, vehicles, SAMPLE_APPLICANTS, mistakes_every=SAMPLE_MISTAKES_EVERY)
    expected = Expected(vehicles), Expected(deaths)
    write_register(directory / "vehicles.csv", vehicles, stream(seed, "vehicles"))
    write_register(directory / "deaths.csv", deaths, stream(seed, "deaths"))
    write_applicants(directory / "applicants.csv", applicants, stream(seed, "applicants"), expected)
    (directory / "expected.json").write_text(summary(SAMPLE_APPLICANTS, *expected) + "\n", encoding="utf-8")


def _write(path: Path, lines: Iterator[str], encoding: str, end: str) -> None:
    with path.open("wb") as file:
        while some := list(islice(lines, _LINES_AT_ONCE)):
            # Surrogates stand for the bytes that are no characters in damaged rows.
            file.write((end.join(some) + end).encode(encoding, "surrogateescape"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.generate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    seed = argparse.ArgumentParser(add_help=False)
    seed.add_argument(
        "--seed", type=int, default=SEED, help="another makes other people (default: %(default)s)"
    )
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("path", type=Path, metavar="FILE")
    file.add_argument("--rows", type=int, required=True)
    damage = argparse.ArgumentParser(add_help=False)
    damage.add_argument(
        "--damage-every",
        type=int,
        default=0,
        metavar="N",
        help="damage every Nth vehicle row (default: none)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("samples", parents=[seed], help="write the samples into a directory")
    one.add_argument("path", type=Path, metavar="DIRECTORY")
    commands.add_parser("vehicles", parents=[seed, file, damage], help="write a vehicle register")
    commands.add_parser("deaths", parents=[seed, file], help="write a death register")
    one = commands.add_parser(
        "applicants", parents=[seed, file, damage], help="write a list and print what comparing it must count"
    )
    one.add_argument(
        "--vehicles", type=int, required=True, metavar="ROWS", help="size of the vehicle register"
    )
    one.add_argument("--deaths", type=int, required=True, metavar="ROWS", help="size of the death register")
    one.add_argument(
        "--found", type=float, default=0.55, help="share of vehicle owners (default: %(default)s)"
    )
    one.add_argument(
        "--mistakes-every",
        type=int,
        default=0,
        metavar="N",
        help="a mistake in every Nth line (default: none)",
    )
    return parser.parse_args()


def _run(given: argparse.Namespace) -> None:
    people = Population(stream(given.seed, "people"))
    rng = stream(given.seed, given.command)
    match given.command:
        case "samples":
            samples(given.path, given.seed)
        case "vehicles":
            write_register(given.path, Vehicles(people, given.rows, given.damage_every), rng)
        case "deaths":
            write_register(given.path, Deaths(people, given.rows), rng)
        case _:
            vehicles = Vehicles(people, given.vehicles, given.damage_every)
            deaths = Deaths(people, given.deaths)
            expected = Expected(vehicles), Expected(deaths)
            listed = Applicants(people, vehicles, given.rows, given.found, given.mistakes_every)
            write_applicants(given.path, listed, rng, expected)
            print(summary(given.rows, *expected))


def main() -> None:
    """Run a command."""
    try:
        _run(_arguments())
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
