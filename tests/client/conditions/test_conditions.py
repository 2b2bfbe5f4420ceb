"""A check that is a condition: every record asks it, and no value of the list plays a part."""

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from stayput import elements
from stayput.v1.contract_pb2 import Contract
from stayput_client import Client, Mode, Outcome
from stayput_client.question import Question
from tests.client.world import RESOURCE, Command, World, cells, resident_id

KEY, COSTLY = "resident_id", "costly"
CHINESE = {"LC_ALL": "zh_CN.UTF-8"}
TODAY = date(2026, 11, 22)
SERIALS = (0, 1, 2, 3, 900)
SAID = [
    Outcome.MATCH,
    Outcome.MISMATCH,
    Outcome.UNVERIFIABLE,
    Outcome.MATCH,
    Outcome.NOT_FOUND,
    Outcome.INVALID,
]


def test_each_record_sends_the_value_true(contract: Contract) -> None:
    question = Question(contract, KEY, ["name", COSTLY], TODAY)
    assert set(question.fields) == {KEY, "name"}
    prepared = question.prepare({KEY: [resident_id(0), "123", resident_id(1)], "name": ["", "张三", "张三"]})
    keys = [one for one in elements.encode([[resident_id(0), resident_id(1)]]) if isinstance(one, bytes)]
    context = elements.context(contract, KEY, COSTLY)
    expected = elements.check_digests(context, keys, [b"\x00\x04true"] * 2)
    assert prepared.digests[4 * 16 :] == b"".join(expected)


def test_a_condition_alone_needs_the_key_alone(contract: Contract) -> None:
    question = Question(contract, KEY, [COSTLY], TODAY)
    assert list(question.fields) == [KEY]
    assert question.prepare({KEY: []}).digests == b""


@pytest.mark.parametrize("mode", Mode)
async def test_the_outcomes_are_those_of_the_rows(world: World, client: Client, mode: Mode) -> None:
    # What a record has under the name of the check is not looked at.
    records = [{KEY: resident_id(serial), COSTLY: "false"} for serial in SERIALS] + [{KEY: "123"}]
    done = await client.compare(records, resource=RESOURCE, key=KEY, checks=[COSTLY], mode=mode)
    assert [one.checks[COSTLY] for one in done.results] == SAID
    assert [dict(one.reasons) for one in done.results] == [
        {},
        {},
        {COSTLY: "NO_VALUE"},
        {},
        {},
        {KEY: "FORMAT"},
    ]


@pytest.mark.parametrize("mode", Mode)
async def test_totals_count_the_rows_that_meet_it(world: World, client: Client, mode: Mode) -> None:
    records = [{KEY: resident_id(serial)} for serial in range(30)]
    totals = await client.count(records, resource=RESOURCE, key=KEY, checks=[COSTLY], mode=mode)
    assert (totals.key[Outcome.MATCH], totals.checks[COSTLY][Outcome.MATCH]) == (12, 10)


async def test_a_list_gets_a_column_for_it(world: World, stayput: Command, tmp_path: Path) -> None:
    listed, out = tmp_path / "list.csv", tmp_path / "out.csv"
    listed.write_text("\n".join(["身份证号", *map(resident_id, SERIALS), "123"]), "utf-8")
    asking = ("--resource", RESOURCE, "--key", KEY, "--check", COSTLY, "-o", str(out))
    done = await stayput("compare", listed, *asking)
    assert (done.code, done.err) == (0, "")
    assert ["costly", "2", "1", "1", "1", "1"] in cells(done.out)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["outcome_costly"] for row in rows] == [one.name for one in SAID]


async def test_it_is_described(world: World, stayput: Command) -> None:
    english = cells((await stayput("describe", RESOURCE)).out)
    assert ["Role", "Name", "Fields or condition"] in english
    assert ["check", "costly", "Costs 100,000 yuan or more: price >= 100000"] in english
    assert ["check", "name", "name"] in english
    chinese = cells((await stayput("describe", RESOURCE, **CHINESE)).out)
    assert ["核验项", "costly", "车价十万元以上，即：price >= 100000"] in chinese
    described = json.loads((await stayput("describe", RESOURCE, "--json")).out)
    assert described["checks"][COSTLY] == []
    assert described["check_conditions"] == {COSTLY: "price >= 100000"}
    assert described["check_titles"][COSTLY] == {
        "title": "车价十万元以上",
        "title_en": "Costs 100,000 yuan or more",
    }
    [entry] = json.loads((await stayput("catalogue", "--json")).out)
    assert entry["check_conditions"] == {COSTLY: "price >= 100000"}
