"""The command `enrol`.

As in all modules of commands, what takes time to import is imported by the command that needs it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.options import HomeOption
from stayput_client.cli.screen import Screen


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(enrol)


def enrol(
    context: typer.Context,
    *,
    invitation_file: Annotated[Path, typer.Argument(metavar="INVITATION_FILE")],
    home: HomeOption = None,
    renew: Annotated[bool, typer.Option("--renew")] = False,
) -> None:
    """Turns an invitation into this department's identity."""
    from stayput_client.home import Home, default_home
    from stayput_client.joining import join

    place = Home(home or default_home())
    text = invitation_file.read_text("utf-8", errors="replace")
    platform = interruptible.run(join(place, text, datetime.now(UTC), renew=renew))
    Screen.of(context).say("enrol.done", department=platform.department, home=place.path)
