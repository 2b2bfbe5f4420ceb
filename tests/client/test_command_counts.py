"""The command `compare --count-only`, in keyed mode, in both languages."""

import json
from pathlib import Path

import pytest

from stayput.limits import complete
from stayput.v1.access_pb2 import Limits
from stayput.v1.contract_pb2 import GRANULARITY_COUNT
from tests.client.desk import CHINESE, ENGLISH, KEY
from tests.client.servicers.faults import Faults
from tests.client.world import LIMITS, RESOURCE, Command, Finished, World, cells, facts, resident_id

FOUND, ABSENT = 30, 15


@pytest.fixture
def register_rows() -> list[dict[str, str]]:
    return [
        {KEY: resident_id(serial), "name": "张三", "plate": "", "birth_date": "1949-12-31"}
        for serial in range(FOUND)
    ]


class Counter:
    """A clerk who counts a list."""

    def __init__(self, directory: Path, stayput: Command) -> None:
        self.list, self._stayput = directory / "list.csv", stayput
        self.put([*range(FOUND), *range(100, 100 + ABSENT)])

    def put(self, serials: list[int]) -> None:
        lines = [f"{resident_id(serial)},张三" for serial in serials]
        self.list.write_text("\n".join(["身份证号,姓名", *lines, "123,李四", ""]), "utf-8")

    async def count(self, *options: str, language: dict[str, str] = ENGLISH) -> Finished:
        asked = ("--resource", RESOURCE, "--key", KEY, "--check", "name", "--count-only")
        return await self._stayput("compare", self.list, *asked, *options, **language)

    def names(self) -> set[str]:
        return {path.name for path in self.list.parent.iterdir()} - {"home"}


@pytest.fixture
def clerk(tmp_path: Path, world: World, stayput: Command) -> Counter:
    world.grant("G-2", granularities=[GRANULARITY_COUNT])
    return Counter(tmp_path, stayput)


async def test_totals_are_told_and_kept_with_their_receipt(clerk: Counter, stayput: Command) -> None:
    done = await clerk.count()
    assert (done.code, done.err) == (0, "")
    assert cells(done.out) == [
        ["Compared", "MATCH", "MISMATCH", "NOT_FOUND"],
        ["resident_id", "30", "", "15"],
        ["name", "30", "not told", ""],
    ]
    out = clerk.list.with_name("list.totals.csv")
    for line in (
        "Records: 46, of them 45 different ones counted, 1 INVALID",
        "Nothing below 10 is told, and nothing from which it could be worked out",
        "  1 × resident_id: FORMAT (not of the field's form)",
        f"Output: {out}",
        f"Receipt: {out}.receipt.json",
    ):
        assert line in done.out.splitlines()
    assert clerk.names() == {"list.csv", "list.totals.csv", "list.totals.csv.receipt.json"}
    shown = await stayput("receipt", "show", f"{out}.receipt.json")
    said = {row[0]: row[1:] for row in facts(shown.out)}
    assert (said["Granularity"], said["Different records"], said["Totals told from"]) == (
        ["COUNT"],
        ["45"],
        ["10"],
    )
    assert (said["Suite"], said["Statement on who learns what"]) == (["keyed/1"], ["keyed-count/1"])
    assert (said["Counts: resident_id"], said["Counts: name"]) == (["MATCH 30, NOT_FOUND 15"], ["MATCH 30"])
    assert "Who learns what in keyed mode, totals only (keyed-count/1):" in shown.out


async def test_what_was_counted_can_be_proved(clerk: Counter, stayput: Command) -> None:
    await clerk.count()
    receipt = clerk.list.with_name("list.totals.csv.receipt.json")
    command = ("receipt", "prove", receipt, "--list", clerk.list)
    done = await stayput(*command)
    assert (done.code, done.out.splitlines()[-1]) == (
        0,
        "proved: node vehicles-1 was asked exactly this list (45 records)",
    )
    assert "正是该名单（45 条）" in (await stayput(*command, **CHINESE)).out
    with_output = await stayput(*command, "--out", clerk.list.with_name("list.totals.csv"))
    assert (with_output.code, with_output.out) == (2, "")
    assert "only the list can be proved" in with_output.err
    clerk.put([*range(1, FOUND), *range(100, 100 + ABSENT)])
    assert "this list is not what was asked" in (await stayput(*command)).err


async def test_totals_in_chinese(clerk: Counter) -> None:
    done = await clerk.count(language=CHINESE)
    assert done.code == 0
    assert cells(done.out)[0] == ["比对项", "一致 MATCH", "不一致 MISMATCH", "库中无 NOT_FOUND"]
    assert cells(done.out)[2] == ["name", "30", "不告知", ""]
    for line in (
        "共 46 条，其中计入的不同记录 45 条，不合规 1 条",
        "低于 10 的数及可据以推算的数均不告知",
    ):
        assert line in done.out.splitlines()


async def test_totals_as_json_where_they_are_wanted(clerk: Counter, tmp_path: Path) -> None:
    done = await clerk.count("--json", "-o", str(tmp_path / "totals"))
    totals = json.loads(done.out)
    assert totals.pop("elapsed_seconds") >= 0
    assert totals.pop("quota_renewed_at")
    assert totals == {
        "resource": RESOURCE,
        "key": KEY,
        "mode": "KEYED",
        "records": 46,
        "invalid": 1,
        "distinct_records": 45,
        "key_totals": {"MATCH": 30, "NOT_FOUND": 15},
        "check_totals": {"name": {"MATCH": 30, "MISMATCH": None}},
        "reasons": {"resident_id: FORMAT": 1},
        "minimum": 10,
        "noise_epsilon_milli": 0,
        "generation": "generation-7",
        "as_of": "2026-09-21T14:13:20+00:00",
        "records_left_today": 999_955,
        "output": str(tmp_path / "totals"),
        "receipt": str(tmp_path / "totals.receipt.json"),
        "further_receipts": [],
    }
    assert clerk.names() == {"list.csv", "totals", "totals.receipt.json"}
    again = await clerk.count("-o", str(tmp_path / "totals"))
    assert (again.code, again.err.splitlines()[0]) == (1, f"error: {tmp_path / 'totals'} exists")


async def test_noise_is_told_with_the_totals_and_with_the_grant(
    clerk: Counter, world: World, stayput: Command
) -> None:
    world.access.grants.clear()
    noisy = Limits(count_minimum=12, noise_epsilon_milli=500, noise_budget_milli=2_000)
    world.grant("G-3", granularities=[GRANULARITY_COUNT], limits=complete(noisy, LIMITS))
    english, chinese = await clerk.count(), await clerk.count("--force", language=CHINESE)
    assert "The node has added noise of epsilon 0.5: the totals are not exact" in english.out.splitlines()
    assert "节点已加噪（epsilon 0.5）：汇总数并非精确值" in chinese.out.splitlines()
    (grant,) = json.loads((await stayput("grants", "--json")).out)
    assert (grant["modes"], grant["granularities"]) == (["KEYED"], ["COUNT"])
    assert (grant["limits"]["count_minimum"], grant["limits"]["noise_budget_milli"]) == (12, 2_000)
    for language, words in (
        (ENGLISH, ("keyed; count", "totals from 12; noise of epsilon 0.5; 2 in all")),
        (CHINESE, ("密态 keyed; 仅汇总 count", "汇总数不低于 12; 加噪 epsilon 0.5; 合计不超过 2")),
    ):
        listed = (await stayput("grants", **language)).out
        told = "".join("".join(column) for column in zip(*cells(listed), strict=True)).replace(" ", "")
        assert all(word.replace(" ", "") in told for word in words)


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        (
            ENGLISH,
            "error: the grant tells totals of at least 10 different records; this list, or one of ",
            "hint: count a longer list, or leave out a check that few of it ask",
        ),
        (
            CHINESE,
            "错误：该授权只对至少 10 条不同记录告知汇总数；本名单或其中某个核验项不足，未告知任何结果",
            "提示：请使用更长的名单，或去掉很少有记录填写的核验项",
        ),
    ],
)
async def test_a_short_list_is_refused_with_the_limit(
    clerk: Counter, language: dict[str, str], first: str, second: str
) -> None:
    clerk.put([*range(9), *range(9)])
    done = await clerk.count(language=language)
    error, hint = done.err.splitlines()
    assert (done.code, done.out, clerk.names()) == (1, "", {"list.csv"})
    assert error.startswith(first)
    assert hint.startswith(second)


async def test_nothing_is_left_of_totals_that_cannot_be_right(clerk: Counter, world: World) -> None:
    world.node.faults = Faults(receipt=lambda receipt: setattr(receipt, "distinct_records", 46))
    done = await clerk.count()
    assert (done.code, done.out, clerk.names()) == (1, "", {"list.csv"})
    assert "RECEIPT_INVALID" in done.err


async def test_a_list_of_which_nothing_can_be_counted(clerk: Counter) -> None:
    clerk.put([])
    done = await clerk.count()
    assert (done.code, clerk.names()) == (4, {"list.csv", "list.totals.csv"})
    assert "No receipt: there was nothing to ask" in done.out


async def test_outcomes_per_record_need_an_output(clerk: Counter, stayput: Command) -> None:
    asked = ("compare", clerk.list, "--resource", RESOURCE, "--key", KEY)
    english, chinese = await stayput(*asked), await stayput(*asked, **CHINESE)
    assert (english.code, chinese.code) == (2, 2)
    assert "give an output file, or --count-only" in english.err
    assert "请给出输出文件，或使用 --count-only" in chinese.err
