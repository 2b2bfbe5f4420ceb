"""Who learns what in a mode and a granularity, as `catalogue`, `describe` and `receipt` state it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from stayput_client.cli.screen import Json, Screen, printable

if TYPE_CHECKING:
    from stayput_client.models.leakages import Leakage
    from stayput_client.models.vocabulary import Granularity, Mode

_PARTIES = ("provider", "consumer", "platform")


def offered(screen: Screen, modes: "Sequence[Mode]", granularities: "Sequence[Granularity]") -> str:
    """Modes and granularities in words, as `keyed, oblivious; record, count`."""
    in_modes = ", ".join(screen.text(f"mode_word.{mode.name}") for mode in modes)
    return f"{in_modes}; " + ", ".join(screen.text(f"granularity.{one.name}") for one in granularities)


def leakage_json(screen: Screen, leakage: "Leakage") -> dict[str, Json]:
    """A statement as JSON, in the screen's language."""
    return {
        "id": leakage.id,
        "mode": leakage.mode.name,
        "granularity": leakage.granularity.name,
        **{party: learned.of(screen.language) for party, learned in leakage.learned.items()},
    }


def show_leakage(screen: Screen, leakage: "Leakage") -> None:
    """Prints what each party learns."""
    screen.say(
        "leak.heading",
        mode=screen.text(f"mode.{leakage.mode.name}"),
        granularity=screen.text(f"granularity_of.{leakage.granularity.name}"),
        id=leakage.id,
    )
    for party, learned in leakage.learned.items():
        # A party that only a newer release knows is shown by its name.
        name = screen.text(f"leak.{party}") if party in _PARTIES else party
        typer.echo(printable(f"  {name}: {learned.of(screen.language)}"))
