"""Who learns what in each mode, as `describe` and `receipt` state it."""

import typer

from stayput_client.cli.screen import Screen

_PARTIES = ("provider", "consumer", "platform")


def leakage(screen: Screen, mode: str) -> dict[str, str]:
    """What each party learns, by party; `mode` is KEYED or OBLIVIOUS."""
    return {party: screen.text(f"leak.{mode}.{party}") for party in _PARTIES}


def show_leakage(screen: Screen, mode: str) -> None:
    """Prints what each party learns."""
    screen.say("leak.heading", mode=screen.text(f"mode.{mode}"))
    for party, learns in leakage(screen, mode).items():
        typer.echo(f"  {screen.text(f'leak.{party}')}: {learns}")
