"""Comparing a list, file to file, against a node that speaks the protocol."""

import asyncio
import csv
import gzip
import json
import stat
from itertools import pairwise
from pathlib import Path

import pytest

from stayput.delimited import DelimitedError
from stayput.errors import StayputError
from stayput_client import Client, CutShort, Outcome, Progress, Summary
from stayput_client.lists import ClerksList
from tests.client.world import RESOURCE, World, resident_id

KEY = "resident_id"
HEADER = "序号,身份证号,姓名,车牌号"
ADDED = ["outcome", "outcome_name", "outcome_plate", "reason"]


class Desk:
    """A clerk's directory: the list, and what comes of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.list = directory / "名单.csv"
        self.out = directory / "out.csv"
        self.partial = directory / "out.partial.csv"
        self.receipt = directory / "out.csv.receipt.json"

    def put(self, content: str | bytes) -> None:
        self.list.write_bytes(content if isinstance(content, bytes) else content.encode())

    def put_beside(self, path: Path, content: str) -> None:
        path.write_text(content)

    def clear(self) -> None:
        self.out.unlink()
        self.receipt.unlink()

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def rows(
        self, path: Path | None = None, encoding: str = "utf-8", delimiter: str = ","
    ) -> list[list[str]]:
        with (path or self.out).open(encoding=encoding, newline="") as file:
            return list(csv.reader(file, delimiter=delimiter))

    def names(self) -> set[str]:
        return {path.name for path in self.directory.iterdir()} - {"home", self.list.name}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def compared(client: Client, desk: Desk, **options: object) -> Summary:
    arguments: dict[str, object] = {"resource": RESOURCE, "key": KEY, "checks": ["name", "plate"], **options}
    return await client.compare_csv(desk.list, desk.out, **arguments)  # type: ignore[arg-type]


def written(records: int) -> str:
    lines = (f"{at},{resident_id(at % 5_000)},张三,京A12345" for at in range(records))
    return "\n".join([HEADER, *lines]) + "\n"


LIST = [
    f"1,{resident_id(0)},张三,京A12345",
    f'"2,b",{resident_id(0)},张四,',
    "3,4403010101010,张三,京A12345",
    f"4,{resident_id(9)},张三,京A12345",
]
ANSWERED = [
    ["MATCH", "MATCH", "MATCH", ""],
    ["MATCH", "MISMATCH", "UNVERIFIABLE", "plate: NOT_ASKED"],
    ["INVALID", "INVALID", "INVALID", "resident_id: FORMAT"],
    ["NOT_FOUND", "NOT_FOUND", "NOT_FOUND", ""],
]


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", ""), ("utf-8", "\ufeff"), ("gb18030", ""), ("gb18030", "\ufeff")]
)
async def test_the_output_is_the_list_with_outcomes_in_its_own_encoding(
    client: Client, desk: Desk, encoding: str, mark: str
) -> None:
    desk.put((mark + "\r\n".join([HEADER, *LIST])).encode(encoding))
    summary = await compared(client, desk)
    own = list(csv.reader([HEADER, *LIST]))
    added = [ADDED, *ANSWERED]
    assert desk.read(desk.out).startswith((mark + "序号").encode(encoding))
    assert (
        desk.rows(encoding=encoding)[1:]
        == [[*left, *right] for left, right in zip(own, added, strict=True)][1:]
    )
    assert desk.read(desk.out).decode(encoding).lstrip("\ufeff").split("\r\n")[0] == ",".join(
        [HEADER, *ADDED]
    )
    assert summary.key == {
        Outcome.MATCH: 2,
        Outcome.MISMATCH: 0,
        Outcome.NOT_FOUND: 1,
        Outcome.UNVERIFIABLE: 0,
        Outcome.INVALID: 1,
    }
    assert summary.reasons == {"plate: NOT_ASKED": 1, "resident_id: FORMAT": 1}
    assert (summary.out_path, summary.records) == (desk.out, 4)


async def test_own_values_pass_through_whatever_they_hold(client: Client, desk: Desk) -> None:
    odd = ["=1+1", 'say "hi"', "a\r\nb", "c\rd", " x ", ""]
    with desk.list.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["a", "b", "c", "d", "e", "f", KEY], [*odd, resident_id(0)]])
    await compared(client, desk, checks=[])
    assert desk.rows()[1] == [*odd, resident_id(0), "MATCH", ""]


async def test_a_tab_separated_list_gives_a_tab_separated_output(client: Client, desk: Desk) -> None:
    desk.put(f"{KEY}\tnote\n{resident_id(0)}\ta,b\n")
    await compared(client, desk, checks=[], delimiter="\t")
    assert desk.rows(delimiter="\t")[1] == [resident_id(0), "a,b", "MATCH", ""]


async def test_a_compressed_list_is_counted_and_marked_by_what_is_in_it(client: Client, desk: Desk) -> None:
    desk.list = desk.directory / "名单.csv.gz"
    desk.put(gzip.compress(f"\ufeff{KEY}\n{resident_id(0)}\n".encode()))
    await compared(client, desk, checks=[])
    assert desk.rows()[1] == [resident_id(0), "MATCH", ""]
    listed = ClerksList.open(desk.list)
    assert (listed.count_lines(), listed.marked) == (1, True)


async def test_damaged_lines_stay_in_their_place(client: Client, desk: Desk) -> None:
    lines = [HEADER, "one,column,too,many,here", LIST[0], "", "short", LIST[3], "1,\udcff,x,y", LIST[0]]
    desk.put("\n".join(lines).encode("utf-8", "surrogateescape"))
    summary = await compared(client, desk, encoding="utf-8")
    invalid = ["", "", "", "", "INVALID", "INVALID", "INVALID"]
    assert [row[4:] if row[0] else row for row in desk.rows()[1:]] == [
        [*invalid, "line 2: COLUMNS"],
        ANSWERED[0],
        [*invalid, "line 5: COLUMNS"],
        ANSWERED[3],
        [*invalid, "line 7: ENCODING"],
        ANSWERED[0],
    ]
    assert summary.reasons == {"line: COLUMNS": 2, "line: ENCODING": 1}
    assert summary.key[Outcome.INVALID] == summary.checks["name"][Outcome.INVALID] == 3
    assert summary.records == 6


@pytest.mark.parametrize("records", [0, 1, 20_000])
async def test_lists_of_any_length(world: World, client: Client, desk: Desk, records: int) -> None:
    world.node.chunk_records = 3_000
    desk.put(written(records))
    heard: list[Progress] = []
    summary = await compared(client, desk, progress=heard.append)
    answers = desk.rows()[1:]
    assert [row[0] for row in answers] == [str(at) for at in range(records)]
    assert {tuple(row[4:]) for row in answers if row[1] == resident_id(0)} <= {tuple(ANSWERED[0])}
    assert summary.records == records
    assert sum(world.node.chunk_sizes) == records
    assert all(size <= 3_000 for size in world.node.chunk_sizes)
    assert all(earlier.done <= later.done for earlier, later in pairwise(heard))
    assert not heard or heard[-1] == Progress(records, records)
    assert bool(heard) == bool(records)


async def test_the_receipt_lies_beside_the_output(client: Client, desk: Desk) -> None:
    desk.put("\n".join([HEADER, *LIST]))
    summary = await compared(client, desk)
    assert summary.receipt_path == desk.receipt
    text = desk.read(desk.receipt).decode()
    assert (await client.verify_receipt(text)).records == 3
    assert set(json.loads(text)["stayput"]) == {"commitment_key", "contract", "day", "chunk_records"}
    assert desk.names() == {"out.csv", "out.csv.receipt.json"}
    assert stat.S_IMODE(desk.out.stat().st_mode) == 0o600


async def test_a_list_with_nothing_to_ask_has_an_output_and_no_receipt(
    world: World, client: Client, desk: Desk
) -> None:
    world.node.chunk_records = 2
    desk.put("\n".join([HEADER, *[LIST[2]] * 5]))
    summary = await compared(client, desk)
    assert [row[-1] for row in desk.rows()[1:]] == ["resident_id: FORMAT"] * 5
    assert (summary.receipt, summary.receipt_path, world.access.tickets) == (None, None, 0)


async def test_stretches_of_invalid_lines_keep_the_order(world: World, client: Client, desk: Desk) -> None:
    world.node.chunk_records = 2
    lines = [*[LIST[2]] * 5, *[LIST[0]] * 3, *[LIST[2]] * 50, *[LIST[3]] * 40, *[LIST[2]] * 9]
    desk.put("\n".join([HEADER, *lines]))
    await compared(client, desk)
    answers = {LIST[0]: "MATCH", LIST[2]: "INVALID", LIST[3]: "NOT_FOUND"}
    assert [row[4] for row in desk.rows()[1:]] == [answers[line] for line in lines]


async def test_a_node_that_dies_leaves_the_answered_part(world: World, client: Client, desk: Desk) -> None:
    world.node.chunk_records = 100
    # Eight chunks may be under way, so the twelfth is sent only after four answers were taken.
    world.node.faults.die_on_chunk = 11
    desk.put(written(1_950) + LIST[2] + "\nbroken\n")
    with pytest.raises(CutShort) as caught:
        await compared(client, desk)
    summary = caught.value.summary
    assert caught.value.reason_name in {"CONNECTION_FAILED", "SESSION_CUT"}
    assert summary.out_path == desk.partial
    answers = desk.rows(desk.partial)[1:]
    answered = 1_950 - summary.not_answered
    assert answered in range(400, 1_101, 100)
    assert all(row[4] for row in answers[:answered])
    assert [row[4:] for row in answers[answered:1_950]] == [
        ["", "", "", "NOT_ANSWERED"]
    ] * summary.not_answered
    assert [row[-1] for row in answers[1_950:]] == ["resident_id: FORMAT", "line 1953: COLUMNS"]
    assert sum(summary.key.values()) == 1_952 - summary.not_answered
    assert desk.names() == {"out.partial.csv"}


async def test_a_refusal_under_way_keeps_exactly_what_was_answered(
    world: World, client: Client, desk: Desk
) -> None:
    world.node.chunk_records = 100
    world.node.faults.refuse_after_chunks = 3
    desk.put(written(2_000))
    desk.put_beside(desk.partial, "an earlier one")
    with pytest.raises(CutShort, match="QUOTA_EXCEEDED: records_per_day: the grant has no room") as caught:
        await compared(client, desk)
    assert caught.value.summary.not_answered == 1_700
    assert len(desk.rows(desk.partial)) == 2_001
    assert caught.value.summary.receipt is None


async def test_answers_without_their_receipt_are_only_partial(
    world: World, client: Client, desk: Desk
) -> None:
    world.node.faults.refuse_after_chunks = 1
    desk.put(written(10))
    with pytest.raises(CutShort) as caught:
        await compared(client, desk)
    assert caught.value.summary.not_answered == 0
    assert "out.csv" not in desk.names()


async def test_a_refusal_at_the_beginning_leaves_nothing(world: World, client: Client, desk: Desk) -> None:
    world.node.chunk_records = 100
    world.node.grants["G-1"].checks[:] = ["plate"]
    desk.put(written(2_000))
    with pytest.raises(StayputError, match="GRANT_SCOPE: checks") as caught:
        await compared(client, desk)
    assert not isinstance(caught.value, CutShort)
    assert desk.names() == set()


async def test_giving_up_under_way_leaves_nothing(world: World, client: Client, desk: Desk) -> None:
    world.node.chunk_records = 100
    desk.put(written(20_000))
    begun = asyncio.Event()
    job = asyncio.create_task(compared(client, desk, progress=lambda _: begun.set()))
    await begun.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert desk.names() == set()


async def test_an_existing_output_or_receipt_is_overwritten_only_by_force(client: Client, desk: Desk) -> None:
    desk.put("\n".join([HEADER, *LIST]))
    for existing in (desk.out, desk.receipt):
        desk.put_beside(existing, "precious")
        with pytest.raises(StayputError, match=r"FIELD_INVALID: .* exists"):
            await compared(client, desk)
        assert desk.read(existing) == b"precious"
        await compared(client, desk, force=True)
        assert len(desk.rows()) == 5
        desk.clear()


async def test_the_list_itself_is_never_overwritten(client: Client, desk: Desk) -> None:
    desk.put("\n".join([HEADER, *LIST]))
    desk.out = desk.list
    with pytest.raises(StayputError, match="the output would overwrite the list"):
        await compared(client, desk, force=True)


async def test_an_output_directory_that_is_not_there_is_named(client: Client, desk: Desk) -> None:
    desk.put("\n".join([HEADER, *LIST]))
    desk.out = desk.directory / "absent" / "out.csv"
    with pytest.raises(StayputError, match=r"FIELD_INVALID: there is no directory .*absent for the output"):
        await compared(client, desk)


@pytest.mark.parametrize(
    ("header", "columns", "complaint"),
    [
        (
            "序号,证件,姓名,车牌号",
            {},
            r"field resident_id \(身份证号\): the list has no column of that name; ",
        ),
        ("序号,证件,姓名,车牌号", {KEY: "身份证"}, "field resident_id: the list has no column 身份证; "),
        ("resident_id,身份证号,姓名,车牌号", {}, "field resident_id: several columns could hold it: "),
        (HEADER, {"colour": "序号"}, "--column names colour, which this comparison does not use; "),
        (HEADER, {"name": "车牌号"}, "fields name and plate would both be read from column 车牌号"),
        ("outcome,身份证号,姓名,车牌号", {}, "the list has a column outcome already"),
        ("序号,身份证号,姓名,车牌号,outcome_name", {}, "the list has a column outcome_name already"),
    ],
)
async def test_columns_that_cannot_be_told_are_refused_by_name(
    client: Client, desk: Desk, header: str, columns: dict[str, str], complaint: str
) -> None:
    desk.put(f"{header}\n")
    with pytest.raises(StayputError, match=f"FIELD_INVALID: {complaint}") as caught:
        await compared(client, desk, columns=columns)
    assert caught.value.remedy
    assert "out.csv" not in desk.names()


async def test_columns_are_found_by_name_title_or_choice_in_any_case(client: Client, desk: Desk) -> None:
    desk.put(f"Resident ID,NAME,登记车牌\n{resident_id(0)},张三,京a12345\n")
    await compared(client, desk, columns={"plate": "登记车牌"})
    assert desk.rows()[1][3:6] == ["MATCH", "MATCH", "MISMATCH"]


@pytest.mark.parametrize(("encoding", "delimiter"), [("latin-1", ","), ("utf-8", "x"), ("utf-8", ",,")])
async def test_an_encoding_or_delimiter_that_cannot_work_is_refused(
    client: Client, desk: Desk, encoding: str, delimiter: str
) -> None:
    desk.put("\n".join([HEADER, *LIST]))
    with pytest.raises(StayputError, match=r"FIELD_INVALID: list: (encoding|delimiter): must be"):
        await compared(client, desk, encoding=encoding, delimiter=delimiter)


async def test_a_file_that_is_no_list_is_refused(client: Client, desk: Desk) -> None:
    desk.put(b"")
    with pytest.raises(DelimitedError, match="no rows"):
        await compared(client, desk)
    with pytest.raises(FileNotFoundError):
        await client.compare_csv(desk.directory / "absent.csv", desk.out, resource=RESOURCE, key=KEY)
