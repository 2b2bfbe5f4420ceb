"""`provider-node profile` at a prompt: without keys, without a running node, and without showing a value."""

import json
import os
import re
import socket
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from provider_node.domain.profile import Kind, Level
from tests.commands import Commands
from tests.provider_node.profile import register

ENGLISH, CHINESE = "C.UTF-8", "zh_CN.UTF-8"


class Prompt:
    """Types the command in a directory."""

    def __init__(self, commands: Commands, directory: Path) -> None:
        self._commands = commands
        self.directory = directory

    def __call__(self, *arguments: str, language: str = ENGLISH) -> "CompletedProcess[str]":
        environment = {**os.environ, "LC_ALL": language}
        return self._commands.begin(
            ("provider-node", "profile", *arguments), self.directory, environment
        ).ended()


@pytest.fixture
def prompt(commands: Commands, tmp_path: Path) -> Prompt:
    register.write(tmp_path)
    return Prompt(commands, tmp_path)


def test_no_value_is_in_any_output(prompt: Prompt) -> None:
    outputs = {
        "table": prompt("vehicle-owners", "--html", "page.html").stdout,
        "table in Chinese": prompt("vehicle-owners", language=CHINESE).stdout,
        "json": prompt("vehicle-owners", "--json").stdout,
        "page": (prompt.directory / "page.html").read_text("utf-8"),
    }
    values = register.cells()
    assert len(values) > 2_000
    for name, output in outputs.items():
        assert len(output) > 2_000
        assert [value for value in values if _told(value, output)] == [], name


def _told(value: str, output: str) -> bool:
    """Whether the value stands there, and not only its digits in the middle of a longer number."""
    return value in output and re.search(rf"(?<![0-9]){re.escape(value)}(?![0-9])", output) is not None


def test_the_tables_and_what_to_do(prompt: Prompt) -> None:
    done = prompt("vehicle-owners")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "Profile of vehicle-owners 机动车登记"
    assert lines[1] == "640 rows"
    owner = next(line for line in lines if line.startswith("│ owner_id"))
    assert [cell.strip() for cell in owner.strip("│").split("│")[:5]] == [
        "owner_id", "resident_id", "602", "15", "CHECKSUM: 12"
    ]  # fmt: skip
    begin, know = lines.index("To put right before publishing:"), lines.index("To know:")
    fix = lines[begin + 1 : know]
    assert "check pledged: who may ask 5 questions" in fix[0]
    assert any(
        line == "  - owner_id: 12 values are refused (CHECKSUM): typing errors; correct them in the register"
        for line in fix
    )
    assert any("is a condition, true or false by nature: one question tells" in line for line in lines[know:])


def test_it_speaks_chinese(prompt: Prompt) -> None:
    done = prompt("vehicle-owners", "--html", "页面.html", language=CHINESE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "vehicle-owners 机动车登记 数据质量报告" in done.stdout
    assert "发布前应处理" in done.stdout
    assert done.stdout.endswith("已写入：页面.html\n")
    assert (prompt.directory / "页面.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_json_has_what_is_documented(prompt: Prompt) -> None:
    done = prompt("vehicle-owners", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["version"], found["resource"], found["rows"], found["complete"]) == (
        1, "vehicle-owners", 640, True
    )  # fmt: skip
    assert names(found) == documented("## JSON", 0)


@pytest.mark.parametrize(("kind", "place"), [(Kind, 0), (Level, 1)])
def test_all_that_can_be_found_is_documented(kind: type[Kind] | type[Level], place: int) -> None:
    assert documented("## What is found", place) == {one.value for one in kind}


def documented(heading: str, column: int) -> set[str]:
    """What a column of the table under a heading names."""
    text = (Path(__file__).parents[3] / "docs" / "profile.md").read_text("utf-8")
    section = text.partition(heading)[2].partition("\n## ")[0]
    cells = (line.strip("| ").split(" | ")[column] for line in section.splitlines() if line.startswith("| `"))
    return {name for cell in cells for name in re.findall("`([A-Za-z_]+)`", cell)}


def names(value: object) -> set[str]:
    """All keys in JSON but the reasons, which are data."""
    if isinstance(value, list):
        return set().union(*map(names, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(
        *(names(inner) for name, inner in value.items() if name not in ("rejected", "unreadable"))
    )


@pytest.mark.parametrize("more", [(), ("--json",), ("--html", "page.html")])
def test_strict_fails_if_something_is_to_be_put_right(prompt: Prompt, more: tuple[str, ...]) -> None:
    assert prompt("vehicle-owners", *more).returncode == 0
    done = prompt("vehicle-owners", "--strict", *more)
    assert (done.returncode, done.stderr) == (1, "")


def test_strict_passes_if_all_is_well(prompt: Prompt) -> None:
    rows = [f"{register.resident_id(number)},{register.name(number)},,," for number in range(700)]
    lines = [",".join(register.HEADER), *rows, ""]
    (prompt.directory / "vehicles.csv").write_text("\n".join(lines), "utf-8")
    text = register.RESOURCE[: register.RESOURCE.index("[keys.name_and_plate]")]
    text += '[checks.name]\nfields = ["name"]\n'
    (prompt.directory / "resources" / "vehicles.toml").write_text(text, "utf-8")
    done = prompt("vehicle-owners", "--strict")
    assert done.returncode == 0, done.stdout
    assert "nothing found" in done.stdout


def test_only_the_first_rows(prompt: Prompt) -> None:
    done = prompt("vehicle-owners", "--rows", "100")
    assert "the first 100 rows only" in done.stdout
    assert not json.loads(prompt("vehicle-owners", "--rows", "100", "--json").stdout)["complete"]


@pytest.mark.parametrize("rows", ["0", "-1", "many"])
def test_a_number_of_rows_that_is_none_is_wrong_usage(prompt: Prompt, rows: str) -> None:
    done = prompt("vehicle-owners", "--rows", rows)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: " in done.stderr


def told(done: "CompletedProcess[str]") -> list[str]:
    """The lines of an error."""
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert lines[-1].startswith("hint: ")
    return lines


def test_an_unknown_resource_is_told_with_those_that_there_are(prompt: Prompt) -> None:
    lines = told(prompt("marriages"))
    assert "no resource of this code is configured" in lines[0]
    assert "vehicle-owners" in lines[-1]


def test_a_source_that_is_not_there_is_told(prompt: Prompt) -> None:
    (prompt.directory / "vehicles.csv").unlink()
    assert "source.path" in told(prompt("vehicle-owners"))[0]


def test_a_page_that_cannot_be_written_is_told(prompt: Prompt) -> None:
    assert "no/such/page.html" in told(prompt("vehicle-owners", "--html", "no/such/page.html"))[0]


def test_progress_is_shown_at_a_terminal(commands: Commands, prompt: Prompt) -> None:
    near, far = os.openpty()
    environment = {**os.environ, "LC_ALL": ENGLISH, "TERM": "xterm", "COLUMNS": "100"}
    here, there = socket.socketpair()
    with here:
        with there, os.fdopen(far, "wb") as terminal:
            command = ("provider-node", "profile", "vehicle-owners")
            running = commands.serve(command, prompt.directory, environment, there, terminal)
        seen = b"".join(iter(partial(read, near), b""))
        os.close(near)
        assert running.ended().returncode == 0
    assert b"profiling" in seen
    assert b"640 rows" in seen


def read(terminal: int) -> bytes:
    """What was written at a terminal; nothing when all who write have closed it."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_nothing_is_written_but_the_page(prompt: Prompt) -> None:
    before = {path: path.stat().st_mtime_ns for path in prompt.directory.rglob("*") if path.is_file()}
    prompt("vehicle-owners", "--html", "page.html")
    after = {path: path.stat().st_mtime_ns for path in prompt.directory.rglob("*") if path.is_file()}
    assert set(after) - set(before) == {prompt.directory / "page.html"}
    assert {path: after[path] for path in before} == before
