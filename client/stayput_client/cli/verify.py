"""The command `verify`: evidence in a file, with no network."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from stayput_client.cli.options import AsJson, HomeOption
from stayput_client.cli.screen import Screen


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(verify)


def verify(
    context: typer.Context,
    *,
    evidence_file: Annotated[Path, typer.Argument(metavar="FILE")],
    trust: Annotated[Path | None, typer.Option("--trust", metavar="FILE", show_default=False)] = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Verifies a bundle or an archive."""
    from stayput.evidence import MAX_BUNDLE_SIZE, verify_archive, verify_bundle
    from stayput_client.cli import proof
    from stayput_client.home import default_home
    from stayput_client.trust import TRUST_FILE, TrustFile

    believed = TrustFile(trust or (home or default_home()) / TRUST_FILE).load()
    screen = Screen.of(context)
    with evidence_file.open("rb") as file:
        # An archive begins with a length below 2**24; a bundle is text.
        if file.peek(1)[:1] == b"\x00":
            archive = verify_archive(file, believed)
            if as_json:
                screen.json(proof.archive_json(archive))
            else:
                proof.show_archive(screen, archive)
            return
        verified = verify_bundle(file.read(MAX_BUNDLE_SIZE + 1), believed)
    now = datetime.now(UTC)
    if as_json:
        screen.json(proof.entry_json(verified, now))
    else:
        proof.show_entry(screen, verified)
    if proof.complained(screen, verified, now):
        raise typer.Exit(1)
