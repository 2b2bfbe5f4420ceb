"""`departments`, `resources`, `applications`, `receipts`, `status`: tables and JSON."""

import hashlib
import json
from base64 import b64decode
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict

from comparator.cli import options
from comparator.config import Config
from comparator.store import schema
from comparator.store.models import Role
from stayput.v1.access_pb2 import Application
from stayput.v1.catalogue_pb2 import Category, Resource, Sharing
from stayput.v1.contract_pb2 import Mode
from stayput.v1.log_pb2 import AppendReceiptsRequest, Receipt
from tests.comparator import documents
from tests.comparator.documents import Chain
from tests.comparator.platform import Clock, Run, running_platform


@pytest.fixture
async def receipts(config: Config, clock: Clock) -> list[bytes]:
    """A platform with one of everything; the payloads of its receipts."""
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        platform.invite_department("water-works", "[水务]局")
        await documents.publish(node)
        consumer = await platform.department("civil-affairs")
        granted, turned_down = await documents.apply(consumer), await documents.apply(consumer)
        await documents.apply(consumer)
        await documents.decide(node, documents.grant(granted, node, clock()))
        await documents.refuse(node, turned_down.id, "理由")
        chain = Chain(node, clock(), consumer).next(2)
        await node.log.AppendReceipts(AppendReceiptsRequest(receipts=chain))
    return [envelope.payload for envelope in chain]


def test_departments(run: Run, receipts: list[bytes]) -> None:
    listed = json.loads(run("departments", "--json").stdout)
    assert [(one["kind"], one["id"], one["department"], one["enrolled"]) for one in listed] == [
        ("department", "civil-affairs", "civil-affairs", True),
        ("department", "traffic-police", "traffic-police", False),
        ("department", "water-works", "water-works", False),
        ("node", "vehicles-1", "traffic-police", True),
    ]
    assert [one["roles"] for one in listed] == [["consumer", "provider"]] * 3 + [[]]
    assert [one["signing_key"] is not None for one in listed] == [one["enrolled"] for one in listed]
    assert len(b64decode(listed[0]["signing_key"])) == 32
    table = run("departments").stdout
    assert "[水务]局" in table
    assert "consumer, provider" in table
    assert "使用、提供" in run("departments", locale="zh_CN.UTF-8").stdout
    assert "enrolled" in table
    assert "已邀请" in run("departments", locale="zh_CN.UTF-8").stdout


def test_resources(run: Run, receipts: list[bytes]) -> None:
    (listed,) = json.loads(run("resources", "--json").stdout)
    assert ParseDict(listed, Resource()).provider == "traffic-police"
    assert "conditional" in run("resources").stdout
    assert "有条件共享" in run("resources", locale="zh_CN.UTF-8").stdout


def test_searching_resources(run: Run, receipts: list[bytes], subtests: pytest.Subtests) -> None:
    for wanted, found in (
        (["--query", "机动车 ALL"], 0),
        (["--query", "机动车 OWNERS"], 1),
        (["--category", "base"], 0),
        (["--category", "base", "--category", "department"], 1),
        (["--sharing", "not-shared"], 0),
        (["--sharing", "conditional"], 1),
        (["--provider", "civil-affairs"], 0),
        (["--provider", "traffic-police"], 1),
        (["--mode", "keyed"], 1),
        (["--mode", "keyed", "--mode", "oblivious"], 0),
    ):
        with subtests.test(" ".join(wanted)):
            assert len(json.loads(run("resources", "--json", *wanted).stdout)) == found


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [(["--query", "x" * 201], "query: must have 0 to 200"), (["--provider", "No Such"], "provider: must be")],
)
def test_a_search_that_cannot_be_made(run: Run, config: Config, wanted: list[str], problem: str) -> None:
    result = run("resources", *wanted)
    assert result.exit_code == 1
    assert problem in result.stderr


def test_options_take_all_names_that_there_are() -> None:
    assert {role.value for role in options.RoleName} == {role.value for role in Role}
    for names, prefix, kinds in (
        (options.CategoryName, "CATEGORY_", Category),
        (options.SharingName, "SHARING_", Sharing),
        (options.ModeName, "MODE_", Mode),
    ):
        of_proto = {name.removeprefix(prefix).lower().replace("_", "-") for name in kinds.keys()}  # noqa: SIM118
        assert {name.value for name in names} == of_proto - {"unspecified"}


def test_applications(run: Run, receipts: list[bytes]) -> None:
    listed = [ParseDict(one, Application()) for one in json.loads(run("applications", "--json").stdout)]
    assert [application.id for application in listed] == ["A-3", "A-2", "A-1"]
    table = run("applications").stdout
    assert all(state in table for state in ("granted", "refused", "submitted"))
    chinese = run("applications", locale="zh_CN.UTF-8").stdout
    assert all(state in chinese for state in ("已授权", "已拒绝", "待决定"))


def test_receipts(run: Run, receipts: list[bytes]) -> None:
    listed = json.loads(run("receipts", "--json").stdout)
    hashes = [one.pop("payload_sha256") for one in listed]
    assert hashes == [hashlib.sha256(payload).hexdigest() for payload in receipts]
    assert [ParseDict(one, Receipt()) for one in listed] == [Receipt.FromString(each) for each in receipts]
    table = run("receipts").stdout
    assert "complete" in table
    assert "operator-7" not in table


def test_status_of_a_stopped_service(run: Run, config: Config) -> None:
    status = json.loads(run("status", "--json").stdout)
    assert (status["pid"], status["main"]) == ("", "")
    assert status["data"] == str(config.data)
    assert status["database_revision"] == schema.head()
    assert "CA" in run("status", locale="zh_CN.UTF-8").stdout


@pytest.mark.parametrize("command", ["departments", "resources", "applications", "receipts"])
def test_nothing_stored(run: Run, config: Config, command: str) -> None:
    assert run(command, "--json").stdout == "[]\n"
    assert run(command).exit_code == 0


@pytest.mark.parametrize("command", ["departments", "status", "serve"])
def test_a_wrong_configuration(run: Run, config_path: Path, command: str) -> None:
    config_path.write_text('data = "d"\nlisten = "h:1"\nenrolment_listn = "h:2"\n')
    result = run(command)
    assert result.exit_code == 1
    assert result.stderr == (
        "error: comparator.toml: enrolment_listen is missing\nhint: correct the value of enrolment_listen\n"
    )
