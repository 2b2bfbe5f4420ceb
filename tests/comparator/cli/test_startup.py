"""A command imports what it uses and nothing else. Modules are counted, not seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.comparator.platform import Run

IMPORTED = """
import json, sys
from comparator.cli import main
try:
    main()
except SystemExit as ended:
    code = ended.code
print("\\n" + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
# Only `serve` calls and is called; only a catalogue is checked against contracts.
SERVICE = {"grpc", "numpy", "rbcl", "structlog"}
# Not pydantic: typer itself uses it to read that the command before was given no `--help`.
ANYTHING = {"alembic", "asyncio", "cryptography", "google", "rich", "sqlalchemy"}


def imported(directory: Path, *arguments: str) -> tuple[int | None, set[str]]:
    """The exit code of a command in a process of its own, and the packages that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments], cwd=directory, stdout=subprocess.PIPE, check=True
    )
    code, names = json.loads(done.stdout.splitlines()[-1])
    return code, set(names)


@pytest.mark.parametrize("arguments", [("--help",), ("log", "--help"), ("invite", "department", "--help")])
def test_help_imports_only_what_prints_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, names = imported(tmp_path, *arguments)
    assert (code, names & (SERVICE | ANYTHING)) == (0, set())


@pytest.mark.parametrize(
    "arguments", [("status", "--json"), ("departments", "--json"), ("grants", "--json"), ("events", "--json")]
)
def test_what_is_stored_is_shown_without_what_serves_it(
    run: Run, config_path: Path, arguments: tuple[str, ...]
) -> None:
    run("init")
    code, names = imported(config_path.parent, *arguments)
    assert (code, names & (SERVICE | {"rich"})) == (0, set())
