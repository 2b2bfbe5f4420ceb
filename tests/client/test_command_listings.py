"""The `stayput` command's listings, help and usage, in a process of its own."""

import json
import re
import resource
from pathlib import Path

import pytest

from stayput.v1.access_pb2 import APPLICATION_STATE_GRANTED
from tests.client.world import PURPOSE, RESOURCE, Command, World, cells

KEY = "resident_id"
CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


async def test_catalogue_and_describe(stayput: Command) -> None:
    listed = await stayput("catalogue")
    assert cells(listed.out)[1][:2] == [RESOURCE, "Vehicle owners"]
    assert cells((await stayput("--lang", "zh", "catalogue")).out)[1][:4] == [
        RESOURCE,
        "机动车所有人",
        "traffic-police",
        "部门信息资源",
    ]
    (entry,) = json.loads((await stayput("catalogue", "--json")).out)
    assert (entry["code"], entry["sharing"], entry["keys"][KEY]) == (RESOURCE, "CONDITIONAL", [KEY])
    english = await stayput("describe", RESOURCE)
    assert ["resident_id", "resident_id", "resident_id, 身份证号, Resident ID"] in cells(english.out)
    assert "Who learns what in keyed mode:" in english.out
    assert "a dishonest one could try a dictionary" in english.out
    chinese = await stayput("describe", RESOURCE, "--lang=zh")
    assert "各方可获知的信息，密态键值比对（keyed）：" in chinese.out
    described = json.loads((await stayput("describe", RESOURCE, "--json")).out)
    assert described["checks"] == {"name": ["name"], "plate": ["plate"]}
    assert set(described["modes"]["KEYED"]) == {"provider", "consumer", "platform"}


async def test_apply_applications_and_grants(world: World, stayput: Command) -> None:
    wanted = (
        "--resource",
        RESOURCE,
        "--key",
        KEY,
        "--check",
        "name",
        "--purpose",
        PURPOSE,
        "--legal-basis",
        "办法",
    )
    assert (await stayput("apply", *wanted)).out == "application A-1 filed; its state: submitted\n"
    assert (await stayput("apply", *wanted, "--lang", "zh")).out == "申请 A-2 已提交；状态：待审核\n"
    filed = json.loads((await stayput("apply", *wanted, "--volume", "300", "--json")).out)
    assert (filed["id"], filed["expected_records_per_day"], filed["checks"]) == ("A-3", 300, ["name"])
    world.access.applications[0].state = APPLICATION_STATE_GRANTED
    world.access.applications[0].grant_id = "G-1"
    newest = cells((await stayput("applications")).out)[1]
    assert (newest[0], newest[4], newest[6]) == ("A-3", "granted", "G-1")
    assert len(json.loads((await stayput("applications", "--json")).out)) == 3
    world.access.grants.clear()
    world.grant("G-01M824WBS9YHWVRSFNR73XK8F9")
    held = cells((await stayput("grants", **CHINESE)).out)[1]
    assert (held[0], held[8]) == ("G-01M824WBS9YHWVRSFNR73XK8F9", "有效")
    (grant,) = json.loads((await stayput("grants", "--json")).out)
    assert (grant["state"], grant["modes"]) == ("ACTIVE", ["KEYED"])


async def test_without_an_identity_commands_say_how_to_enrol(stayput: Command, tmp_path: Path) -> None:
    done = await stayput("grants", "--home", tmp_path / "elsewhere")
    assert (done.code, done.err.splitlines()[0]) == (
        1,
        f"error: there is no identity in {tmp_path / 'elsewhere'}",
    )
    assert "stayput enrol" in done.err


async def test_what_another_party_wrote_cannot_drive_the_terminal(world: World, stayput: Command) -> None:
    world.catalogue.resources[RESOURCE].title_en = "\x1b[2J[red]Vehicle\u202e"
    done = await stayput("catalogue")
    assert "\x1b" not in done.out
    assert "[2J[red]Vehicle" in done.out


async def test_help_answers_at_once(stayput: Command) -> None:
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = await stayput("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert done.code == 0
    assert "the data stays put" in done.out
    # Processor time, because the wall clock also measures what else this machine does.
    assert min(seconds) < 0.4


async def test_help_does_not_import_what_it_does_not_need(stayput: Command) -> None:
    assert "退出码：" in (await stayput("compare", "--help", "--lang", "zh")).out
    done = await stayput("compare", "--help", PYTHONPROFILEIMPORTTIME="1")
    for code in range(5):
        assert re.search(rf"^ +{code}  ", done.out, re.MULTILINE)
    imported = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert "stayput_client.cli.compare" in imported
    assert not imported & {"grpc", "numpy", "rich", "cryptography", "stayput.normalise"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare",),
        ("compare", "list.csv", "--resource", RESOURCE, "--key", KEY, "-o", "x.csv", "--column", "name"),
        (
            "apply",
            "--resource",
            RESOURCE,
            "--key",
            KEY,
            "--purpose",
            "x",
            "--legal-basis",
            "y",
            "--volume",
            "-1",
        ),
        ("nonsense",),
        ("--lang", "fr", "catalogue"),
    ],
)
async def test_wrong_usage(stayput: Command, arguments: tuple[str, ...]) -> None:
    done = await stayput(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Error" in done.err
