"""`provider-node resource`, as a person and as a program use it, with a running node and without."""

import json
import signal
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main

from provider_node.cli import app
from tests.provider_node.serving import register
from tests.provider_node.serving.cli.printed import cells, lines
from tests.provider_node.serving.peer import Peer
from tests.provider_node.serving.processes import NodeProcess

Text = Callable[[str, str], str]
CODE = register.CODE
RETITLED = register.RESOURCE.replace("机动车登记", "机动车登记信息")
ROOT = Path(__file__).parents[4]


@pytest.fixture(params=["by the node", "by its files"])
async def either(request: pytest.FixtureRequest, node_process: NodeProcess) -> NodeProcess:
    """A node that runs, and one that does not."""
    if request.param == "by the node":
        await node_process.start()
    return node_process


def written(node: NodeProcess, text: str) -> Path:
    path = node.directory / "draft.toml"
    path.write_text(text, "utf-8")
    return path


async def test_a_definition_from_check_to_diff(either: NodeProcess, language: str, text: Text) -> None:
    written(either, RETITLED)
    publish = text(
        f"the catalogue entry changes: provider-node publish {CODE}",
        f"目录条目有变更：provider-node publish {CODE}",
    )
    ok = text(f"{CODE}: ok, 300 rows of the source looked at", f"{CODE}：定义无误，已检查来源 300 行")
    assert lines(await either.run("resource", "check", "draft.toml", language=language)) == [ok, publish]
    ran = lines(
        await either.run("resource", "apply", "draft.toml", "--yes", "--as", "王建国", language=language)
    )
    assert ran[:3] == [ok, "--- version 1", "+++ new version"]
    assert '+title = "机动车登记信息"' in ran
    assert ran[-2:] == [
        text(f"{CODE}: version 2 is stored and holds", f"{CODE}：第 2 版已保存并生效"),
        publish,
    ]
    header, newest, first = cells(await either.run("resource", "versions", CODE, language=language))
    assert header == text("version|stored|by|SHA-256", "版本|保存时间|经办人|SHA-256 摘要").split("|")
    assert (newest[0], newest[2]) == ("2", "王建国")
    assert (first[0], first[2]) == ("1", text("(edited by hand)", "（手工编辑）"))
    diff = lines(await either.run("resource", "diff", CODE, language=language))
    assert diff[:2] == ["--- version 1", "+++ version 2"]
    assert lines(await either.run("resource", "diff", CODE, "--from", "2")) == []
    again = lines(await either.run("resource", "apply", "draft.toml", language=language))
    assert again == [ok, text("nothing changes", "没有变化")]


async def test_definitions_for_programs(either: NodeProcess) -> None:
    written(either, RETITLED)
    checked = json.loads((await either.run("resource", "check", "draft.toml", "--json")).stdout)
    assert (checked["sampledRows"], checked["rejects"], checked["needs"]) == ("300", [], ["publish"])
    applied = json.loads((await either.run("resource", "apply", "draft.toml", "--json")).stdout)
    assert applied["stored"]["version"] == 2
    assert applied["diff"][1:] == checked["diff"][1:]
    versions = json.loads((await either.run("resource", "versions", CODE, "--json")).stdout)["versions"]
    assert versions[0] == applied["stored"]
    shown = await either.run("resource", "show", CODE, "--version", "1")
    assert shown.stdout == register.RESOURCE
    assert (await either.run("resource", "show", CODE)).stdout == RETITLED


async def test_what_is_left_out_of_the_sample_is_told(either: NodeProcess) -> None:
    with (either.directory / "vehicles.csv").open("a", encoding="utf-8") as source:
        source.write("110105195001010001,王某,京A1\n,王某,京A2\n一,二\n")
    ran = await either.run("resource", "check", "resources/vehicles.toml")
    assert lines(ran) == [
        f"{CODE}: ok, 303 rows of the source looked at",
        "left out: * COLUMNS: 1",
        "left out: owner_id CHECKSUM: 1",
        "left out: owner_id MISSING: 1",
        "nothing changes",
    ]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('"daily"', '"sometimes"', "error: draft.toml:5: update_frequency: "),
        ("号牌号码", "车牌", "error: fields.plate.column: "),
        ("[source]", "[source", "error: draft.toml:6: not TOML"),
    ],
)
async def test_what_is_wrong_is_told_by_line_and_key(
    either: NodeProcess, old: str, new: str, error: str
) -> None:
    written(either, register.RESOURCE.replace(old, new))
    for command in (("check",), ("apply", "--yes")):
        ran = await either.run("resource", command[0], "draft.toml", *command[1:])
        assert (ran.code, ran.stdout) == (1, "")
        assert ran.stderr.startswith(error)
        assert ran.stderr.splitlines()[-1].startswith("hint: ")
    resource = either.directory / "resources" / "vehicles.toml"
    assert resource.read_text("utf-8") == register.RESOURCE


async def test_a_running_node_takes_a_definition_without_a_restart(
    node_process: NodeProcess, peer: Peer
) -> None:
    await node_process.start()
    assert (await node_process.run("publish", CODE)).code == 0
    written(node_process, RETITLED.replace('[checks.plate]\nfields = ["plate"]\n', ""))
    ran = lines(await node_process.run("resource", "apply", "draft.toml"))
    # It has told the catalogue already.
    assert ran[-1] == (
        f"what it changes in the index holds from the next build on: provider-node build {CODE}"
    )
    assert peer.published[CODE].title == "机动车登记信息"
    assert [one.name for one in peer.published[CODE].checks] == ["name", "plate"]
    assert (await node_process.run("build", CODE)).code == 0
    assert [one.name for one in peer.published[CODE].checks] == ["name"]
    log = [json.loads(line) for line in node_process.log.read_text("utf-8").splitlines() if line[:1] == "{"]
    (stored,) = [one for one in log if one["event"] == "definition stored"]
    assert (stored["resource"], stored["version"], stored["needs"]) == (CODE, 2, ["build", "publish"])


async def test_a_new_resource_from_its_file_to_its_build(either: NodeProcess) -> None:
    ran = await either.run("resource", "new", "marriages", "--from", "vehicles.csv")
    assert lines(ran) == [
        (
            "draft written to marriages.toml; look at lines that say 'check', then: "
            "provider-node resource check marriages.toml"
        )
    ]
    draft = (either.directory / "marriages.toml").read_text("utf-8")
    assert tomllib.loads(draft)["source"]["path"] == str(either.directory / "vehicles.csv")
    assert register.person(1).owner_id not in draft
    assert (await either.run("resource", "check", "marriages.toml")).code == 0
    assert (await either.run("resource", "apply", "marriages.toml", "--yes")).code == 0
    assert (either.directory / "resources" / "marriages.toml").read_text("utf-8") == draft
    assert (await either.run("build", "marriages")).code == 0
    again = await either.run("resource", "new", "marriages", "--from", "vehicles.csv")
    assert (again.code, again.stderr.splitlines()[0]) == (1, "error: out: the file is there already")


async def test_an_edited_file_holds_when_it_is_published_or_built(
    node_process: NodeProcess, peer: Peer
) -> None:
    await node_process.start()
    file = node_process.directory / "resources" / "vehicles.toml"
    file.write_text(RETITLED, "utf-8")
    assert (await node_process.run("publish", CODE)).code == 0
    assert peer.published[CODE].title == "机动车登记信息"
    file.write_text(register.RESOURCE, "utf-8")
    assert (await node_process.run("build", CODE)).code == 0
    assert peer.published[CODE].title == "机动车登记"
    file.write_text(register.RESOURCE.replace('"daily"', '"sometimes"'), "utf-8")
    for command in ("publish", "build"):
        ran = await node_process.run(command, CODE)
        assert (ran.code, "vehicles.toml:5: update_frequency: " in ran.stderr) == (1, True)
    versions = json.loads((await node_process.run("resource", "versions", CODE, "--json")).stdout)
    assert [one["version"] for one in versions["versions"]] == [3, 2, 1]


async def test_a_file_edited_while_the_node_was_down_is_a_version(node_process: NodeProcess) -> None:
    await node_process.start()
    assert await node_process.end(signal.SIGTERM) == 0
    (node_process.directory / "resources" / "vehicles.toml").write_text(RETITLED, "utf-8")
    await node_process.start()
    versions = json.loads((await node_process.run("resource", "versions", CODE, "--json")).stdout)
    assert [(one["version"], one["administrator"]) for one in versions["versions"]] == [(2, ""), (1, "")]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("show", "marriages"), "error: no resource of this code is configured"),
        (("versions", "marriages"), "error: no resource of this code is configured"),
        (("show", CODE, "--version", "9"), "error: version: there is no such version"),
        (("diff", CODE, "--from", "9"), "error: version: there is no such version"),
        (("new", "X", "--from", "vehicles.csv"), "error: code: must be"),
        (("new", "marriages", "--from", "empty.csv"), "error: from: empty.csv: the file has no rows"),
        (("apply", "resources/vehicles.toml", "--as", " "), "error: administrator: is missing"),
    ],
)
async def test_what_cannot_be_is_told(
    node_process: NodeProcess, arguments: tuple[str, ...], error: str
) -> None:
    (node_process.directory / "empty.csv").touch()
    ran = await node_process.run("resource", *arguments)
    assert (ran.code, ran.stderr.splitlines()[0].startswith(error)) == (1, True), ran.stderr


@pytest.mark.parametrize(("options", "name"), [((), "resource"), (("--node",), "node")])
async def test_the_schema_is_what_is_checked_in(
    node_process: NodeProcess, options: tuple[str, ...], name: str
) -> None:
    ran = await node_process.run("resource", "schema", *options)
    assert ran.stdout == (ROOT / "docs" / "schema" / f"{name}.schema.json").read_text("utf-8")


def test_every_command_and_option_is_explained_in_both_languages() -> None:
    group = typer.main.get_command(app).commands["resource"]  # type: ignore[attr-defined]  # a group
    assert list(group.commands) == ["check", "apply", "show", "versions", "diff", "schema", "new"]
    for command in group.commands.values():
        for told in (command.help, *(getattr(one, "help", "") or "" for one in command.params)):
            assert any("\u4e00" <= character <= "\u9fff" for character in told)
