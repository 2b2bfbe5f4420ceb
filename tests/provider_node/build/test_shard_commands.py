"""`build-shard` and `assemble` at a prompt."""

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from provider_node.config import ResourceConfig
from provider_node.domain.tokens import IndexKey
from provider_node.store.generations import Generations
from tests.commands import Commands

CODE = "vehicle-owners"
KEY = bytes(range(32))
Prompt = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def prompt(
    commands: Commands,
    tmp_path: Path,
    write_resource: Callable[..., ResourceConfig],
    resident_id: Callable[[int], str],
) -> Prompt:
    """Types a command in the directory of a node whose resource has two files."""
    keys = tmp_path / "data" / "keys"
    keys.mkdir(parents=True)
    (keys / "index.key").write_text(KEY.hex())
    (keys / "index.key").chmod(0o600)
    (tmp_path / "node.toml").write_text('[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\n')
    resources = tmp_path / "resources"
    for file in range(2):
        rows = [(resident_id(n), "张三", f"A{n}") for n in range(file * 50, file * 50 + 70)]
        write_resource([*rows, ("", "李四", "")], ("vehicles.csv", "vehicles-*.csv"), directory=resources)
        (resources / "vehicles.csv").rename(resources / f"vehicles-{file}.csv")

    def run(*arguments: str, language: str = "C.UTF-8") -> "CompletedProcess[str]":
        environment = {**os.environ, "LC_ALL": language}
        return commands.begin(("provider-node", *arguments), tmp_path, environment).ended()

    return run


def test_pieces_are_made_and_assembled(prompt: Prompt, tmp_path: Path) -> None:
    first = prompt("build-shard", CODE, "--shard", "1/2", "--out", "one")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "vehicle-owners: piece 1 of 2, 70 rows, 1 left out\n"
    second = prompt("build-shard", CODE, "--shard", "2/2", "--out", "two", language="zh_CN.UTF-8")
    assert second.stdout == "vehicle-owners：第 2 份（共 2 份），70 行，剔除 1 行\n"
    alone = prompt("assemble", CODE, "one")
    assert alone.returncode == 1
    assert alone.stderr.splitlines()[0] == "error: not each piece is there once; see number 2"
    done = prompt("assemble", CODE, "two", "one")
    assert (done.returncode, done.stderr) == (0, "")
    assert ", 140 rows, 120 subjects, " in done.stdout
    current = Generations(tmp_path / "data", IndexKey(KEY).id).current(CODE)
    assert current is not None
    assert (current.manifest.rows, current.manifest.rows_left_out) == (140, 2)


@pytest.mark.parametrize("shard", ["2", "3/2", "0/2", "/", "1/x", "-1/2", "１/2"])
def test_a_piece_must_be_one_of_so_many(prompt: Prompt, tmp_path: Path, shard: str) -> None:
    done = prompt("build-shard", CODE, f"--shard={shard}", "--out", "one")
    assert done.returncode == 1
    assert done.stderr.startswith("error: shard: ")
    assert not (tmp_path / "one").exists()
