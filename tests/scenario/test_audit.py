"""The comparison log: evidence that an auditor checks alone, through real commands and processes."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.deployment import EXAMPLES
from tests.commands import Commands
from tests.world import CONSUMER, DEATHS, VEHICLES, World

AUDITOR, PROVIDER = "audit-office", "traffic-police"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Iterator[World]:
    """Two comparisons are in the log; the auditor and the provider's department are enrolled."""
    with World(tmp_path_factory.mktemp("w"), commands) as world:
        world.add_comparator()
        world.add_consumer(CONSUMER)
        for node in (VEHICLES, DEATHS):
            world.open_register(node)
            world.grant(node)
        world.enrol_department(AUDITOR, "--role", "auditor")
        world.enrol_department(PROVIDER)
        shutil.copy(EXAMPLES / "applicants.csv", world.directory)
        for node in (VEHICLES, DEATHS):
            world.run(CONSUMER, *world.compare_command(node, "applicants.csv", f"{node}.csv"))
        world.settle_receipts()
        for party in (AUDITOR, PROVIDER):
            world.trust(party)
            world.run(party, "stayput", "trust", "add-consumer", CONSUMER, consumer_key(world))
        yield world


def consumer_key(world: World) -> str:
    """The consumer's signing key, as a trust file holds it."""
    listed = json.loads(world.run("comparator", "comparator", "departments", "--json"))
    return str(next(each["signing_key"] for each in listed if each["id"] == CONSUMER))


def searched(world: World, *options: str, party: str = AUDITOR) -> list[dict[str, Any]]:
    """What a search of the log finds."""
    found: list[dict[str, Any]] = json.loads(
        world.run(party, "stayput", "audit", "search", "--json", *options)
    )
    return found


def test_an_auditor_finds_a_comparison_and_verifies_it_without_the_platform(audited: World) -> None:
    (record,) = searched(audited, "--receipts", "--provider", "health-commission")
    assert record["records"] == 194
    place = str(record["place"])
    assert "health-commission" in audited.run(AUDITOR, "stayput", "audit", "show", place)
    audited.run(AUDITOR, "stayput", "audit", "export", place, "-o", "evidence")
    bundle = audited.directory / "evidence" / f"{place}.stayput-bundle.json"
    verified = json.loads(audited.run(AUDITOR, "stayput", "verify", str(bundle), "--json"))
    assert (verified["signed_by_node"], verified["request_signed_by_consumer"]) == ("VERIFIED", "VERIFIED")
    altered = bundle.with_name("altered.json")
    text = bundle.read_text()
    at = text.index('"payload"') + 40
    altered.write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
    assert audited.attempt(AUDITOR, "stayput", "verify", str(altered)).returncode == 1


def test_a_search_by_an_auditor_is_in_the_log_and_a_consumer_sees_its_own_only(audited: World) -> None:
    before = searched(audited, "--event", "log-searched")
    assert len(searched(audited, "--event", "log-searched")) == len(before) + 1
    own = searched(audited, "--receipts", party=CONSUMER)
    assert {record["consumer"] for record in own} == {CONSUMER}
    assert len(own) == 2


def test_witnesses_cosign_what_goes_on_from_what_they_saw(audited: World) -> None:
    for party in (AUDITOR, PROVIDER):
        audited.run(party, "stayput", "witness")
    status = json.loads(audited.run("comparator", "comparator", "log", "status", "--json"))
    assert AUDITOR in json.dumps(status)
    assert PROVIDER in json.dumps(status)


def test_a_provider_checks_its_own_chain_and_the_platform_s(audited: World) -> None:
    audited.run(VEHICLES, "provider-node", "log", "verify")
    audited.run(VEHICLES, "provider-node", "log", "reconcile")
    assert CONSUMER in audited.run(VEHICLES, "provider-node", "log", "search")
    audited.run(VEHICLES, "provider-node", "log", "export", "-o", "receipts.jsonl")
    assert len((audited.directory / "receipts.jsonl").read_text().splitlines()) == 1


def test_an_archive_verifies_on_its_own_and_nothing_is_removed_before_its_time(audited: World) -> None:
    audited.run("comparator", "comparator", "log", "archive", "--before", "2100-01-01", "-o", "log.archive")
    audited.run(AUDITOR, "stayput", "verify", "log.archive")
    damaged = bytearray((audited.directory / "log.archive").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (audited.directory / "damaged.archive").write_bytes(damaged)
    assert audited.attempt(AUDITOR, "stayput", "verify", "damaged.archive").returncode == 1
    early = audited.attempt("comparator", "comparator", "log", "remove", "--before", "2100-01-01")
    assert early.returncode == 1
    audited.run("comparator", "comparator", "log", "check")


def test_what_is_changed_in_the_database_is_found(audited: World, tmp_path: Path) -> None:
    copy = tmp_path / "comparator"
    shutil.copytree(audited.directory / "comparator", copy)
    config = tmp_path / "comparator.toml"
    original = (audited.directory / "comparator.toml").read_text()
    config.write_text(original.replace('data = "comparator"', f'data = "{copy}"'))
    check = ("comparator", "log", "check", "--config", str(config))
    assert audited.attempt("comparator", *check).returncode == 0
    with sqlite3.connect(copy / "comparator.db") as database:
        database.execute("UPDATE log_leaves SET salt = NULL, payload = NULL WHERE place = 3")
    database.close()
    found = audited.attempt("comparator", *check)
    assert found.returncode == 1
    assert "3" in found.stdout + found.stderr
