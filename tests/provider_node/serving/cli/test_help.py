"""What the commands say about themselves, how fast, and how they say that something is wrong."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import provider_node.cli
from provider_node.cli import app
from provider_node.cli.texts import TEXTS
from tests.commands import Commands
from tests.provider_node.serving.processes import NodeProcess

COMMANDS = [
    "init",
    "enrol",
    "serve",
    "profile",
    "build",
    "build-shard",
    "assemble",
    "generations",
    "rollback",
    "status",
    "publish",
    "applications",
    "accept",
    "approve",
    "refuse",
    "grants",
    "amend",
    "renew",
    "suspend",
    "resume",
    "revoke",
    "limits",
    "backup",
    "restore",
    "log",
    "resource",
    "keys",
    "replica",
]
# What each takes longer to import than a person should wait for a help text.
HEAVY = {"asyncio", "cryptography", "grpc", "joserfc", "lmdb", "numpy", "rbcl", "rich", "structlog"}
_IMPORTED = """
import json, sys
sys.argv = ["provider-node", *sys.argv[1:]]
from provider_node.cli import main
try:
    main()
except SystemExit:
    pass
print("\\n" + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def parameters() -> Iterator[tuple[str, str, str]]:
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]  # what typer makes of an app
        for parameter in command.params:
            yield name, parameter.name, getattr(parameter, "help", "") or ""


async def run(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, "COLUMNS": "80"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode(), stderr.decode()


@pytest.mark.parametrize("arguments", [("--help",), ("build", "--help"), ("limits", "--help"), ()])
async def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    code, stdout, stderr = await run("-c", _IMPORTED, *arguments)
    assert code == 0, stderr
    assert HEAVY.isdisjoint(json.loads(stdout.splitlines()[-1]))


async def test_help_lists_every_command() -> None:
    code, stdout, _ = await run("-m", "provider_node", "--help")
    assert code == 0
    assert [name for name in COMMANDS if f" {name} " not in stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_of_a_help_text_is_cut_off_on_a_narrow_terminal(
    command: str, commands: Commands, tmp_path: Path
) -> None:
    environment = {**os.environ, "COLUMNS": "80"}
    done = commands.begin(("provider-node", command, "--help"), tmp_path, environment).ended()
    assert (done.returncode, "…" in done.stdout) == (0, False)
    assert len(done.stdout.splitlines()) > 5


def test_every_command_and_option_is_explained_in_both_languages() -> None:
    group = typer.main.get_command(app)
    commands = group.commands  # type: ignore[attr-defined]  # what typer makes of an app
    assert list(commands) == COMMANDS
    assert [name for name, command in commands.items() if not chinese(command.help)] == []
    assert [(name, option) for name, option, text in parameters() if not chinese(text)] == []


def test_every_text_has_both_languages_and_the_same_placeholders() -> None:
    def placeholders(text: str) -> set[str]:
        return {part.partition("}")[0] for part in text.split("{")[1:]}

    for name, text in TEXTS.items():
        assert chinese(text.zh), name
        assert not chinese(text.en), name
        assert placeholders(text.en) == placeholders(text.zh), name


def test_every_text_is_said() -> None:
    directory = Path(provider_node.cli.__file__).parent
    files = (path for path in directory.glob("*.py") if path.name != "texts.py")
    source = "".join(path.read_text("utf-8") for path in files)
    assert [name for name in TEXTS if f'"{name}"' not in source and f"'{name}'" not in source] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("approve",),
        ("approve", "A-1", "--days", "0x"),
        ("approve", "A-1", "--days", "1097"),
        ("approve", "A-1", "--per-day", "99999999999999999999"),
        ("approve", "A-1", "--per-day", "0"),
        ("refuse", "A-1"),
        ("suspend", "G-1"),
        ("renew", "G-1", "--days", "0"),
        ("enrol", "no-such-file"),
        ("build", "r", "--as-of", "yesterday"),
        ("init", "--id", "vehicles-1"),
    ],
)
async def test_wrong_usage_is_told_with_exit_code_2(
    node_process: NodeProcess, arguments: tuple[str, ...]
) -> None:
    ran = await node_process.run(*arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert "Usage: " in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("publish", "vehicle-owners"), "the node is not running"),
        (("applications",), "the node is not running"),
        (("grants", "--json"), "the node is not running"),
        (("approve", "A-1"), "the node is not running"),
        (("refuse", "A-1", "--reason", "x"), "the node is not running"),
        (("accept", "A-1"), "the node is not running"),
        (("amend", "G-1", "--days", "30"), "the node is not running"),
        (("renew", "G-1"), "the node is not running"),
        (("suspend", "G-1", "--reason", "x"), "the node is not running"),
        (("resume", "G-1", "--reason", "x"), "the node is not running"),
        (("revoke", "G-1", "--reason", "x"), "the node is not running"),
        (("limits",), "the node is not running"),
        (("limits", "G-1", "--attempts", "off"), "the node is not running"),
        (("approve", "A-1", "--hours", "18:00-08:30"), "hours.closes: must be later"),
        (("amend", "G-1", "--hours", "08:30-24:30"), "hours.closes: must be HH:MM"),
        (("build", "marriages"), "no resource of this code is configured"),
        (("status", "--config", "other.toml"), "other.toml: cannot be read"),
        (("enrol", "vehicles.csv"), "invitation: the file is no invitation"),
        (("enrol", "binary"), "invitation: the file is no invitation"),
        (("init", "--id", "X", "--department", "d1", "--dir", "new"), "id: must be"),
        (("init", "--id", "n1", "--department", "d1", "--dir", "new", "--listen", "x"), "listen: must be"),
        (("init", "--id", "n1", "--department", "d1"), "a node.toml is there already"),
        (("init", "--id", "n1", "--department", "d1", "--dir", "vehicles.csv"), "vehicles.csv"),
    ],
)
async def test_what_is_wrong_is_told_with_a_hint_and_exit_code_1(
    node_process: NodeProcess, arguments: tuple[str, ...], error: str
) -> None:
    (node_process.directory / "binary").write_bytes(bytes(range(256)))
    ran = await node_process.run(*arguments)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: ")
    assert error in ran.stderr.splitlines()[0]
    assert ran.stderr.splitlines()[-1].startswith("hint: ")
    assert "Traceback" not in ran.stderr
    # What fails leaves nothing half done.
    assert not (node_process.directory / "new").exists()


async def test_the_configuration_may_be_named_by_the_environment(
    node_process: NodeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAYPUT_NODE_CONFIG", "elsewhere.toml")
    (node_process.directory / "node.toml").rename(node_process.directory / "elsewhere.toml")
    assert (await node_process.run("status")).code == 0
