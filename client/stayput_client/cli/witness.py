"""The command `witness`."""

from typing import TYPE_CHECKING, Annotated

import typer

from stayput_client.cli import interruptible
from stayput_client.cli.options import HomeOption
from stayput_client.cli.screen import Screen

if TYPE_CHECKING:
    from stayput.errors import StayputError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(witness)


def witness(
    context: typer.Context,
    *,
    every: Annotated[
        float | None, typer.Option("--every", metavar="SECONDS", min=1, show_default=False)
    ] = None,
    show_key: Annotated[bool, typer.Option("--show-key")] = False,
    home: HomeOption = None,
) -> None:
    """Watches the log and cosigns its checkpoints."""
    screen = Screen.of(context)
    if show_key:
        from stayput_client.home import Home, default_home
        from stayput_client.witness import cosigner

        typer.echo(str(cosigner(Home(home or default_home())).verifier))
        return

    async def run() -> None:
        import asyncio

        from stayput.errors import StayputError
        from stayput_client.audit import Auditor

        async with Auditor.open(home) as auditor:
            watching = auditor.witness()
            while True:
                try:
                    seen = await watching.observe()
                    screen.say("witness.cosigned", log=seen.origin, size=seen.head.size)
                except StayputError as error:
                    if every is None or not _may_pass(error):
                        raise
                    screen.failure(error)
                if every is None:
                    return
                await asyncio.sleep(every)

    interruptible.run(run())


def _may_pass(error: "StayputError") -> bool:
    """The platform is being restarted or cannot be reached: no reason to stop watching it."""
    from stayput.v1.errors_pb2 import ErrorReason

    return error.reason in {
        ErrorReason.ERROR_REASON_CONNECTION_FAILED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_SHUTTING_DOWN,
    }
