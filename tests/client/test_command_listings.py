"""The `stayput` command's listings, help and usage, in a process of its own."""

import json
import re
from pathlib import Path

import pytest

from stayput.v1.catalogue_pb2 import CATEGORY_BASE, SHARING_NOT_SHARED, Resource
from stayput.v1.contract_pb2 import MODE_OBLIVIOUS
from tests.client.world import RESOURCE, Command, World, cells

KEY = "resident_id"
ENGLISH, CHINESE = {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "zh_CN.UTF-8"}


async def test_catalogue_and_describe(world: World, stayput: Command) -> None:
    at = world.catalogue.resources[RESOURCE]
    also = at.address.replace("127.0.0.1", "localhost")
    at.replica_addresses.append(also)
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
    assert "Who learns what in keyed mode, outcomes per record (keyed-record/1):" in english.out
    assert "a dishonest one could try a dictionary" in english.out
    chinese = await stayput("describe", RESOURCE, "--lang=zh")
    assert "各方可获知的信息，密态键值比对（keyed），逐条结果（keyed-record/1）：" in chinese.out
    described = json.loads((await stayput("describe", RESOURCE, "--json")).out)
    assert f"{at.address}, {also}" in english.out
    assert (described["address"], described["replica_addresses"]) == (at.address, [also])
    assert described["checks"] == {"name": ["name"], "plate": ["plate"]}
    assert (described["modes"], described["granularities"]) == (["KEYED"], ["RECORD", "COUNT"])
    assert described["oblivious"] is None
    assert [one["id"] for one in described["leakages"]] == ["keyed-record/1", "keyed-count/1"]
    assert {"provider", "consumer", "platform"} <= described["leakages"][0].keys()


async def test_the_catalogue_is_searched_and_filtered(world: World, stayput: Command) -> None:
    closed = world.catalogue.resources["adoptions"] = Resource()
    closed.CopyFrom(world.catalogue.resources[RESOURCE])
    closed.code, closed.title_en, closed.provider = "adoptions", "Adoptions", "civil-affairs"
    closed.category, closed.sharing = CATEGORY_BASE, SHARING_NOT_SHARED
    closed.modes.append(MODE_OBLIVIOUS)
    for arguments, found in (
        ((), ["adoptions", RESOURCE]),
        (("ADOPT",), ["adoptions"]),
        (("--category", "base", "--category", "theme"), ["adoptions"]),
        (("--sharing", "not-shared", "--sharing", "conditional"), ["adoptions", RESOURCE]),
        (("--sharing", "unconditional"), []),
        (("--provider", "traffic-police", "vehicle"), [RESOURCE]),
        (("--mode", "keyed", "--mode", "oblivious"), ["adoptions"]),
    ):
        listed = await stayput("catalogue", *arguments, "--json")
        assert [one["code"] for one in json.loads(listed.out)] == found


async def test_describe_tells_what_is_left_today(world: World, stayput: Command) -> None:
    world.node.used_today["G-1"] = 1_000
    english = await stayput("describe", RESOURCE)
    assert "What is left today of this department's grants on it:" in english.out
    assert cells(english.out)[-1][:4] == ["G-1", "active", "1,000", "999,000"]
    chinese = await stayput("describe", RESOURCE, **CHINESE)
    assert cells(chinese.out)[-1][:4] == ["G-1", "有效", "1,000", "999,000"]
    (allowance,) = json.loads((await stayput("describe", RESOURCE, "--json")).out)["allowances"]
    assert (allowance["grant"], allowance["state"]) == ("G-1", "ACTIVE")
    assert (allowance["records_used_today"], allowance["records_left_today"]) == (1_000, 999_000)
    assert allowance["limits"]["sessions_per_minute"] == 12_000
    assert allowance["day_ends"].endswith("T16:00:00+00:00")
    world.node.grants.clear()
    for language, told in ((ENGLISH, "has no grant on it at present"), (CHINESE, "目前没有该资源的授权")):
        assert told in (await stayput("describe", RESOURCE, **language)).out
    assert json.loads((await stayput("describe", RESOURCE, "--json")).out)["allowances"] == []


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


async def test_help_does_not_import_what_it_does_not_need(fresh_stayput: Command) -> None:
    assert "退出码：" in (await fresh_stayput("compare", "--help", "--lang", "zh")).out
    done = await fresh_stayput("compare", "--help", PYTHONPROFILEIMPORTTIME="1")
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
            "--matter",
            "z",
            "--volume",
            "-1",
        ),
        ("apply", "--resource", RESOURCE, "--key", KEY, "--purpose", "x", "--legal-basis", "y"),
        ("withdraw",),
        ("catalogue", "--category", "nonsense"),
        ("catalogue", "--mode", "KEYED"),
        ("nonsense",),
        ("--lang", "fr", "catalogue"),
    ],
)
async def test_wrong_usage(stayput: Command, arguments: tuple[str, ...]) -> None:
    done = await stayput(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Error" in done.err
