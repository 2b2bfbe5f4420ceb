"""A command starts at once: it imports what it uses and nothing else. Modules are counted, not seconds."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from stayput.evidence import bundle_to_file
from stayput.receipts import to_line
from stayput.v1.signing_pb2 import Envelope
from tests.client.desk import KEY, LIST
from tests.client.world import PURPOSE, RESOURCE, World
from tests.stayput.evidence.made import filled

IMPORTED = """
import json, sys
from stayput_client.cli import main
try:
    main()
except SystemExit as ended:
    code = ended.code
print("\\n" + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
SERVICES = {"alembic", "lmdb", "sqlalchemy", "structlog"}
# Reading values with it would take a third of the time in which a command starts.
NOT_FOR_TEXTS = {"pydantic"}
NETWORK = {"asyncio", "grpc", "joserfc", "ssl"}
COMPUTING = {"numpy", "rbcl"}
# For a help text not even protobuf.
ANYTHING = {"cryptography", "google", "rich"}


async def imported(*arguments: str, home: Path) -> tuple[int | None, set[str]]:
    """The exit code of a command that was run in its home, and the packages that it imported."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        IMPORTED,
        *arguments,
        cwd=home,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "STAYPUT_HOME": str(home), "LC_ALL": "C.UTF-8"},
    )
    out, _ = await process.communicate()
    code, names = json.loads(out.decode().splitlines()[-1])
    return code, set(names)


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A home with a trust file, a bundle and a receipt."""
    log = filled()
    (tmp_path / "trust.toml").write_text(log.trust.to_toml(), "utf-8")
    (tmp_path / "bundle").write_text(bundle_to_file(log.bundle(2)), "utf-8")
    (tmp_path / "receipt").write_text(to_line(Envelope.FromString(log.entries[2].payload)), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--lang", "zh", "--help"), ("verify", "--help"), ("audit", "search", "--help")],
)
async def test_help_imports_only_what_prints_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, names = await imported(*arguments, home=tmp_path)
    assert (code, names & (SERVICES | NOT_FOR_TEXTS | NETWORK | COMPUTING | ANYTHING)) == (0, set())


@pytest.mark.parametrize(
    "arguments", [("verify", "bundle"), ("verify", "bundle", "--json"), ("receipt", "show", "receipt")]
)
async def test_evidence_is_read_without_network_tables_and_computations(
    evidence: Path, arguments: tuple[str, ...]
) -> None:
    code, names = await imported(*arguments, home=evidence)
    assert (code, names & (SERVICES | NOT_FOR_TEXTS | NETWORK | COMPUTING | {"rich"})) == (0, set())


async def test_trust_is_shown_without_network(evidence: Path) -> None:
    code, names = await imported("trust", "show", home=evidence)
    assert (code, names & (SERVICES | NOT_FOR_TEXTS | NETWORK | COMPUTING)) == (0, set())


async def test_a_keyed_comparison_imports_nothing_of_oblivious_ones(world: World) -> None:
    (world.home / "list.csv").write_text(LIST, "utf-8")
    asked = ("--resource", RESOURCE, "--key", KEY, "--purpose", PURPOSE, "-o", "out.csv")
    code, names = await imported("compare", "list.csv", *asked, home=world.home)
    assert (code, names & (SERVICES | NOT_FOR_TEXTS | {"rbcl"})) == (0, set())
