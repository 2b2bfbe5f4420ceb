"""The whole story through the command line: the samples give the answers that they were made for."""

import csv
import json
import shutil
import socket
import ssl
from collections import Counter
from pathlib import Path

import pytest

from examples.deployment import EXAMPLES
from tests.world import CHECKS, CONSUMER, DEATHS, FILES, RESOURCES, STRANGER, VEHICLES, World


@pytest.fixture(scope="module")
def compared(world: World) -> World:
    """The applicants, compared with both registers."""
    shutil.copy(EXAMPLES / "applicants.csv", world.directory)
    for node in (VEHICLES, DEATHS):
        world.run(CONSUMER, *world.compare_command(node, "applicants.csv", f"{FILES[node]}-out.csv"))
    return world


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("node", [VEHICLES, DEATHS])
def test_samples_give_the_planned_outcomes(compared: World, node: str) -> None:
    expected = json.loads((EXAMPLES / "expected.json").read_text())["resources"][RESOURCES[node]]
    answered = rows(compared.directory / f"{FILES[node]}-out.csv")
    assert Counter(row["outcome"] for row in answered) == Counter(expected["key"]["resident_id"])
    for check in CHECKS[node]:
        assert Counter(row[f"outcome_{check}"] for row in answered) == Counter(expected["checks"][check])


@pytest.mark.parametrize("node", [VEHICLES, DEATHS])
def test_receipt_verifies_and_the_platform_has_it(compared: World, node: str) -> None:
    receipt = f"{FILES[node]}-out.csv.receipt.json"
    compared.run(CONSUMER, "stayput", "receipt", "verify", receipt)
    compared.settle_receipts()
    stored = [r for r in compared.receipts() if r["resource"] == RESOURCES[node]]
    assert len(stored) == 1
    assert stored[0]["consumer"] == CONSUMER


def test_another_list_encoding_gives_the_same_outcomes(compared: World) -> None:
    text = (EXAMPLES / "applicants.csv").read_text(encoding="utf-8-sig")
    (compared.directory / "gb.csv").write_bytes(text.encode("gb18030"))
    compared.run(CONSUMER, *compared.compare_command(DEATHS, "gb.csv", "gb-out.csv"))
    with (compared.directory / "gb-out.csv").open(encoding="gb18030", newline="") as file:
        again = [row["outcome"] for row in csv.DictReader(file)]
    assert again == [row["outcome"] for row in rows(compared.directory / "deaths-out.csv")]


def test_department_without_a_grant_is_refused_and_nothing_is_written(world: World) -> None:
    (world.directory / "one.csv").write_text("身份证号,姓名,号牌号码\n11010519491231002X,张三,\n")
    refused = world.attempt(STRANGER, *world.compare_command(VEHICLES, "one.csv", "refused.csv"))
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert "11010519491231002X" not in refused.stderr
    assert not list(world.directory.glob("refused.csv*"))


def test_status_counts_what_was_left_out_by_reason(world: World) -> None:
    status = json.loads(world.run(VEHICLES, "provider-node", "status", "--json"))
    (resource,) = status["resources"]
    assert resource["published"]
    assert resource["problem"] == ""
    assert {reject["reason"] for reject in resource["rejects"]} >= {"ENCODING", "COLUMNS", "CHECKSUM"}


def test_refused_application_shows_its_reason(world: World) -> None:
    application = world.apply(DEATHS, STRANGER)
    world.run(DEATHS, "provider-node", "refuse", application, "--reason", "缺少法律依据")
    assert "缺少法律依据" in world.run(STRANGER, "stayput", "applications", "--json")
    again = world.attempt(DEATHS, "provider-node", "approve", application)
    assert again.returncode == 1


@pytest.mark.parametrize("party", ["comparator", VEHICLES])
def test_servers_speak_no_tls_before_1_3(world: World, party: str) -> None:
    if party == "comparator":
        address = json.loads((world.directory / "comparator" / "run" / "addresses.json").read_text())["main"]
    else:
        address = world.status(party)["address"]
    host, _, port = str(address).rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((host, int(port)), timeout=30) as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection)
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    connection = socket.create_connection((host, int(port)), timeout=30)
    with context.wrap_socket(connection) as secured:
        assert secured.version() == "TLSv1.3"
