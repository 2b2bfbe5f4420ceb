"""The `comparator` command."""

import os

from comparator.cli.application import app

_OWNER_ONLY = 0o077


def main() -> None:
    """Entry point: runs the command. Whatever it writes, only the owner can read."""
    os.umask(_OWNER_ONLY)
    app()
