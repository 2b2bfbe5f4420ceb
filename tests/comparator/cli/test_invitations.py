"""`comparator invite`."""

import json
import os
import stat
from pathlib import Path

import pytest

from comparator.config import load
from comparator.data import DataDirectory, Running
from stayput.enrolment import read_invitation
from tests.comparator.platform import Run


@pytest.fixture
def initialised(run: Run) -> Run:
    assert run("init", "--listen", "127.0.0.1:0", "--enrolment-listen", "127.0.0.1:7444").exit_code == 0
    return run


def test_an_invitation_is_a_file_for_its_reader_alone(initialised: Run, config_path: Path) -> None:
    result = initialised("invite", "department", "civil-affairs", "--title", "民政局", "-o", "file.json")
    assert result.exit_code == 0, result.output
    path = config_path.parent / "file.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    invitation = read_invitation(path.read_text())
    assert (invitation.department, invitation.node_id) == ("civil-affairs", "")
    assert invitation.enrolment_address == "127.0.0.1:7444"
    ca = DataDirectory(load(config_path).data).ca_certificate
    assert invitation.ca_certificate.encode() == ca.read_bytes()
    assert len(invitation.token) == 43
    assert invitation.token not in result.output


def test_a_nodes_invitation(initialised: Run, config_path: Path) -> None:
    initialised("invite", "department", "traffic-police", "--title", "交管")
    assert initialised("invite", "node", "vehicles-1", "--department", "traffic-police").exit_code == 0
    names = {path.name for path in config_path.parent.glob("invitation-*")}
    assert names == {"invitation-department-traffic-police.json", "invitation-node-vehicles-1.json"}
    invitation = read_invitation((config_path.parent / "invitation-node-vehicles-1.json").read_text())
    assert (invitation.department, invitation.node_id) == ("traffic-police", "vehicles-1")


@pytest.mark.parametrize(
    ("arguments", "locale", "message"),
    [
        (
            ["node", "vehicles-1", "--department", "no-such"],
            "en",
            "error: department: no department of this code",
        ),
        (["node", "vehicles-1", "--department", "no-such"], "zh_CN", "错误：部门：没有邀请过该代码的部门"),
        (["department", "Civil", "--title", "民政局"], "en", "error: department: must be 2 to 63"),
        (["department", "Civil", "--title", "民政局"], "zh_CN", "错误：department 不合规"),
        (["department", "civil-affairs", "--title", " "], "en", "error: title: is missing"),
        (["department", "civil-affairs", "--title", "x", "-o", "no/where"], "en", "cannot be written"),
    ],
)
def test_what_cannot_be_invited(
    initialised: Run, config_path: Path, arguments: list[str], locale: str, message: str
) -> None:
    result = initialised("invite", *arguments, locale=locale)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not list(config_path.parent.glob("invitation-*"))
    assert initialised("departments", "--json").stdout == "[]\n"


def test_a_file_is_never_overwritten(initialised: Run, config_path: Path) -> None:
    path = config_path.parent / "file.json"
    path.write_text("precious")
    result = initialised("invite", "department", "civil-affairs", "--title", "民政局", "-o", "file.json")
    assert result.exit_code == 1
    assert path.read_text() == "precious"
    assert initialised("departments", "--json").stdout == "[]\n"


def test_the_address_of_a_service_on_any_port(run: Run, config_path: Path) -> None:
    run("init", "--listen", "127.0.0.1:0", "--enrolment-listen", "127.0.0.1:0")
    invite = ("invite", "department", "civil-affairs", "--title", "民政局", "-o", "file.json")
    result = run(*invite)
    assert result.exit_code == 1
    assert "is not running" in result.stderr
    DataDirectory(load(config_path).data).set_running(Running("h:1", "h:2", os.getpid()))
    assert run(*invite).exit_code == 0
    assert read_invitation((config_path.parent / "file.json").read_text()).enrolment_address == "h:2"


def test_the_address_that_the_configuration_advertises(run: Run, config_path: Path) -> None:
    run("init", "--enrolment-advertise", "comparator.example:7440")
    run("invite", "department", "civil-affairs", "--title", "民政局", "-o", "file.json")
    invitation = read_invitation((config_path.parent / "file.json").read_text())
    assert invitation.enrolment_address == "comparator.example:7440"


def test_the_address_that_a_running_service_has_taken(initialised: Run, config_path: Path) -> None:
    DataDirectory(load(config_path).data).set_running(Running("h:1", "h:2", os.getpid()))
    initialised("invite", "department", "civil-affairs", "--title", "民政局", "-o", "file.json")
    assert read_invitation((config_path.parent / "file.json").read_text()).enrolment_address == "h:2"


def _roles(run: Run) -> list[str]:
    (listed,) = json.loads(run("departments", "--json").stdout)
    roles: list[str] = listed["roles"]
    return roles


def test_roles_are_given_and_changed(initialised: Run) -> None:
    invite = ("invite", "department", "data-bureau", "--title", "数据局", "-o")
    assert initialised(*invite, "1.json", "--role", "operator", "--role", "consumer").exit_code == 0
    assert _roles(initialised) == ["consumer", "operator"]
    assert initialised(*invite, "2.json").exit_code == 0
    assert _roles(initialised) == ["consumer", "operator"]
    assert initialised(*invite, "3.json", "--role", "auditor").exit_code == 0
    assert _roles(initialised) == ["auditor"]
    changed = initialised("roles", "data-bureau", "--role", "provider", "--role", "consumer")
    assert changed.stdout == "data-bureau is now consumer, provider; in force from its next call on\n"
    assert _roles(initialised) == ["consumer", "provider"]
    chinese = initialised("roles", "data-bureau", "--role", "auditor", locale="zh_CN.UTF-8")
    assert chinese.stdout == "data-bureau 现为 审计，自其下一次调用起生效\n"


@pytest.mark.parametrize(
    ("arguments", "locale", "message"),
    [
        (["roles", "no-such", "--role", "auditor"], "en", "no department of this code was invited"),
        (["roles", "water", "--role", "auditor", "--role", "consumer"], "en", "would audit itself"),
        (["roles", "water", "--role", "auditor", "--role", "consumer"], "zh_CN", "自己审计自己"),
        (["invite", "node", "water-1", "--department", "water"], "en", "is not enrolled as provider"),
        (["invite", "node", "water-1", "--department", "water"], "zh_CN", "不具有 provider 角色"),
    ],
)
def test_roles_that_cannot_be(initialised: Run, arguments: list[str], locale: str, message: str) -> None:
    initialised("invite", "department", "water", "--title", "水务局", "--role", "consumer")
    result = initialised(*arguments, locale=locale)
    assert result.exit_code == 1
    assert message in result.stderr
    assert _roles(initialised) == ["consumer"]


def test_roles_that_there_are_not(initialised: Run) -> None:
    assert initialised("roles", "water", "--role", "admin").exit_code == 2
    assert initialised("roles", "water").exit_code == 2
