"""The `stayput` command in a process of its own, against the platform of the other tests."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.client.desk import CHINESE, ENGLISH, KEY, LIST, NAME, PLATE, WRONG, Desk
from tests.client.servicers.faults import Faults
from tests.client.world import RESOURCE, Command, World, cells, facts, resident_id


@pytest.fixture
def desk(tmp_path: Path, stayput: Command) -> Desk:
    return Desk(tmp_path, stayput)


async def test_compare_tells_the_summary(desk: Desk) -> None:
    done = await desk.compare()
    assert (done.code, done.err) == (0, "")
    assert cells(done.out) == [
        ["Compared", "MATCH", "MISMATCH", "NOT_FOUND", "UNVERIFIABLE", "INVALID"],
        ["resident_id", "2", "0", "1", "0", "2"],
        ["name", "1", "1", "1", "0", "2"],
        ["plate", "1", "0", "1", "1", "2"],
    ]
    for line in (
        "  1 × line: COLUMNS (another number of columns than the header)",
        "  1 × plate: NOT_ASKED (the list has no value for it)",
        "  1 × resident_id: CHECKSUM (wrong check character)",
        f"Output: {desk.out}",
        f"Receipt: {desk.out}.receipt.json",
    ):
        assert line in done.out.splitlines()
    assert re.search(
        r"^Data as of 2026-09-2\d \d\d:\d\d [+-]\d{4}, generation generation-7$", done.out, re.MULTILINE
    )
    assert re.search(r"^5 records in \d+\.\d\d s \([\d,]+ records/s\)$", done.out, re.MULTILINE)
    assert [row[3:] for row in desk.rows()[1:]] == [
        ["MATCH", "MATCH", "MATCH", ""],
        ["MATCH", "MISMATCH", "UNVERIFIABLE", "plate: NOT_ASKED"],
        ["NOT_FOUND", "NOT_FOUND", "NOT_FOUND", ""],
        ["INVALID", "INVALID", "INVALID", "resident_id: CHECKSUM"],
        ["INVALID", "INVALID", "INVALID", "line 6: COLUMNS"],
    ]


async def test_compare_in_chinese(desk: Desk) -> None:
    done = await desk.compare(environment=CHINESE)
    assert done.code == 0
    assert cells(done.out)[0] == [
        "比对项",
        "一致 MATCH",
        "不一致 MISMATCH",
        "库中无 NOT_FOUND",
        "无法核验 UNVERIFIABLE",
        "输入不合规 INVALID",
    ]
    assert "  1 条 resident_id: CHECKSUM（校验码错误）" in done.out.splitlines()
    assert f"回执文件：{desk.out}.receipt.json" in done.out.splitlines()


async def test_compare_as_json(desk: Desk) -> None:
    done = await desk.compare("--json", environment=CHINESE)
    summary = json.loads(done.out)
    assert summary.pop("elapsed_seconds") >= 0
    renewed_at = datetime.fromisoformat(summary.pop("quota_renewed_at"))
    assert timedelta(0) < renewed_at - datetime.now(UTC) <= timedelta(days=1)
    assert summary == {
        "resource": RESOURCE,
        "key": KEY,
        "records": 5,
        "key_outcomes": {"MATCH": 2, "MISMATCH": 0, "NOT_FOUND": 1, "UNVERIFIABLE": 0, "INVALID": 2},
        "check_outcomes": {
            "name": {"MATCH": 1, "MISMATCH": 1, "NOT_FOUND": 1, "UNVERIFIABLE": 0, "INVALID": 2},
            "plate": {"MATCH": 1, "MISMATCH": 0, "NOT_FOUND": 1, "UNVERIFIABLE": 1, "INVALID": 2},
        },
        "reasons": {"line: COLUMNS": 1, "plate: NOT_ASKED": 1, "resident_id: CHECKSUM": 1},
        "not_answered": 0,
        "records_left_today": 999_997,
        "generation": "generation-7",
        "as_of": "2026-09-21T14:13:20+00:00",
        "output": str(desk.out),
        "receipt": f"{desk.out}.receipt.json",
        "further_receipts": [],
    }


async def test_what_the_ticket_says_comes_from_the_options(world: World, desk: Desk) -> None:
    world.grant("G-2")
    done = await desk.compare(
        "--grant",
        "G-2",
        "--operator",
        "乙",
        "--purpose",
        "复核",
        "--case-number",
        "C-7",
        "--column",
        "name=姓名",
    )
    assert done.code == 0
    (receipt,) = world.node.receipts
    assert (receipt.grant_id, receipt.operator, receipt.purpose, receipt.case_number) == (
        "G-2",
        "乙",
        "复核",
        "C-7",
    )


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        (
            ENGLISH,
            "error: field resident_id (身份证号): the list has no column of that name; its columns: 证件",
            "hint: ",
        ),
        (CHINESE, "错误：字段 resident_id（身份证号）：名单中没有同名的列；名单的列有：证件", "提示："),
    ],
)
async def test_a_refusal_is_told_with_a_hint_and_leaves_nothing(
    desk: Desk, language: dict[str, str], first: str, second: str
) -> None:
    desk.put(LIST.replace("身份证号", "证件"))
    done = await desk.compare(environment=language)
    assert (done.code, done.out, desk.names()) == (1, "", set())
    error, hint = done.err.splitlines()
    assert error.startswith(first)
    assert hint.startswith(second)


async def test_what_another_party_refuses_is_told_in_chinese_too(world: World, desk: Desk) -> None:
    world.node.grants["G-1"].checks[:] = []
    done = await desk.compare(environment=CHINESE)
    assert done.code == 1
    assert done.err.splitlines() == [
        "错误：授权范围不包括所请求的内容（GRANT_SCOPE：checks: not covered by the grant）",
        "提示：请用 stayput grants 查看授权范围，或申请扩大范围",
    ]


async def test_an_existing_output_needs_force(desk: Desk) -> None:
    assert (await desk.compare()).code == 0
    again = await desk.compare()
    assert (again.code, again.err.splitlines()[0]) == (1, f"error: {desk.out} exists")
    assert (await desk.compare("--force")).code == 0


async def test_a_session_cut_short_keeps_what_was_answered(world: World, desk: Desk) -> None:
    world.node.chunk_records = 100
    world.node.faults = Faults(die_on_chunk=11)
    lines = [f"{resident_id(serial)},{NAME},{PLATE}" for serial in range(2_000)]
    desk.put("\n".join(["身份证号,姓名,车牌号", *lines]))
    done = await desk.compare()
    assert (done.code, desk.names()) == (3, {"out.partial.csv"})
    rows = desk.rows("out.partial.csv")[1:]
    not_answered = sum(row[-1] == "NOT_ANSWERED" for row in rows)
    assert 0 < not_answered <= 1_600
    assert f"{not_answered} of 2000 records were not answered" in done.err
    assert "hint: run the same command again" in done.err
    assert "Receipt" not in done.out


async def test_an_interrupted_comparison_leaves_nothing(world: World, desk: Desk) -> None:
    world.node.faults = Faults(hang_on_chunk=0)
    done = await desk.compare(interrupt=world.node.faults.hanging)
    assert (done.code, done.out, desk.names()) == (130, "", set())
    assert "Traceback" not in done.err


async def test_a_list_with_nothing_but_invalid_lines_has_its_own_exit_code(desk: Desk) -> None:
    desk.put(f"身份证号,姓名,车牌号\n123,{NAME},{PLATE}\nbroken\n")
    done = await desk.compare()
    assert (done.code, desk.names()) == (4, {"out.csv"})
    assert "error: every line is INVALID" in done.err
    assert "No receipt: there was nothing to ask" in done.out


async def test_files_that_are_not_there_or_not_readable(stayput: Command, tmp_path: Path, desk: Desk) -> None:
    desk.put("")
    empty = await desk.compare(environment=CHINESE)
    assert (empty.code, empty.err) == (1, "错误：list.csv：文件没有内容；请重新导出\n")
    absent = await stayput("receipt", "show", tmp_path / "absent")
    assert (absent.code, absent.err) == (1, f"error: {tmp_path / 'absent'}: No such file or directory\n")


async def test_no_value_of_the_list_is_in_what_an_error_says(world: World, desk: Desk) -> None:
    for faults in (
        Faults(receipt=lambda r: setattr(r, "records", 9)),
        Faults(tamper=True),
        Faults(sequence_offset=1),
    ):
        world.node.faults = faults
        for language in (ENGLISH, CHINESE):
            done = await desk.compare(environment=language)
            assert (done.code, done.out, desk.names()) == (1, "", set())
            for value in (NAME, PLATE, "王小明", resident_id(0), resident_id(7), WRONG):
                assert value not in done.err


async def test_receipts_are_shown_and_verified(desk: Desk, stayput: Command) -> None:
    await desk.compare()
    file = f"{desk.out}.receipt.json"
    shown = await stayput("receipt", "show", file)
    assert [row for row in facts(shown.out) if row[0].startswith("Counts")] == [
        ["Counts: resident_id", "MATCH 2, NOT_FOUND 1"],
        ["Counts: name", "MATCH 1, MISMATCH 1, NOT_FOUND 1"],
        ["Counts: plate", "MATCH 1, NOT_FOUND 1, UNVERIFIABLE_NOT_ASKED 1"],
    ]
    assert "not verified" in shown.out
    fields = json.loads((await stayput("receipt", "show", file, "--json")).out)
    assert (fields["records"], fields["end"]) == (3, "COMPLETE")
    assert fields["tallies"][0] == {"name": KEY, "counts": {"MATCH": 2, "NOT_FOUND": 1}}
    good = await stayput("receipt", "verify", file)
    assert (good.code, good.out.splitlines()[-1]) == (
        0,
        "the receipt is genuine: signed by node vehicles-1 with its known key",
    )
    _spoil(Path(file))
    bad = await stayput("receipt", "verify", file, **CHINESE)
    assert (bad.code, bad.out) == (1, "")
    assert bad.err.startswith("错误：回执未通过验证（RECEIPT_INVALID：")


def _spoil(receipt: Path) -> None:
    content = json.loads(receipt.read_text())
    content["payload"] = content["payload"].replace("A", "B", 1)
    receipt.write_text(json.dumps(content))
