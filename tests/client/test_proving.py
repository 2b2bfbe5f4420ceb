"""`stayput receipt prove`: list and output open the receipt's commitments, and nothing else does."""

import json
import random
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.receipts import Opener, opener_from_file
from stayput.v1.contract_pb2 import Contract
from stayput_client import Client
from stayput_client.lists import ClerksList
from stayput_client.proving import prove
from tests.client.desk import CHINESE
from tests.client.world import CONTRACT, RESOURCE, Command, World, resident_id

KEY, CHECKS = "resident_id", ("name", "plate")
LINES = [
    "编号,resident_id,name,plate,备注",
    f"1,{resident_id(0)},张三,京A12345,",
    f'2,{resident_id(0)},张四,京B00001,"引号 "" 与,逗号"',
    f'3,{resident_id(1)}, 李四 ,京A12345,"两\n行"',
    f"4,{resident_id(2)},王五,京A12345,",
    "5,123,张三,京A12345,",
    "6,broken",
    f"7,{resident_id(0)},张\ue000三,,x",
    f"8,{resident_id(1)},,京A12345,x",
    f"9,{resident_id(3)},张\ue000三,,x",
    "10,,,,",
]
LIST = "\n".join(LINES) + "\n"


class Case:
    """A list that was compared, with its output and its receipt file."""

    def __init__(self, directory: Path, client: Client) -> None:
        self.list, self.out = directory / "list.csv", directory / "out.csv"
        self.receipt = directory / "out.csv.receipt.json"
        self.client = client
        self.columns: dict[str, str] = {}
        self.encoding = "utf-8"
        self.delimiter = ","

    async def compare(self, text: str, checks: tuple[str, ...] = CHECKS) -> None:
        self.list.write_bytes(text.encode(self.encoding))
        await self.client.compare_csv(
            self.list,
            self.out,
            resource=RESOURCE,
            key=KEY,
            checks=checks,
            columns=self.columns,
            delimiter=self.delimiter,
            force=True,
        )

    async def prove(self) -> None:
        text = self.receipt.read_text("utf-8")
        receipt = await self.client.verify_receipt(text)
        of = ClerksList.open(self.list, None, self.delimiter)
        prove(receipt, opener_from_file(text), of, self.out, self.columns)

    async def disproved(self, what: str) -> None:
        with pytest.raises(StayputError, match="EVIDENCE_INVALID") as caught:
            await self.prove()
        assert caught.value.field == what

    def edit(self, path: Path, old: str, new: str) -> None:
        text = path.read_bytes().decode(self.encoding)
        assert old in text
        path.write_bytes(text.replace(old, new, 1).encode(self.encoding))


@pytest.fixture
def case(tmp_path: Path, client: Client) -> Case:
    return Case(tmp_path, client)


@pytest.mark.parametrize("chunk_records", [1, 2, 3, 8_192])
async def test_list_and_output_prove_what_was_asked_and_told(
    world: World, case: Case, chunk_records: int
) -> None:
    world.node.chunk_records = chunk_records
    await case.compare(LIST)
    await case.prove()
    await case.compare(LIST, ())
    await case.prove()


async def test_a_list_of_another_kind(case: Case) -> None:
    case.encoding, case.delimiter = "gb18030", "\t"
    case.columns = {"resident_id": "证号", "name": "谁"}
    text = LIST.replace('"引号 "" 与,逗号"', "x").replace(",", "\t")
    await case.compare(text.replace("resident_id", "证号", 1).replace("\tname", "\t谁", 1))
    await case.prove()
    case.columns = {"resident_id": "证号", "name": "备注"}
    await case.disproved("list")


async def test_attempts_that_are_used_up_are_told_too(world: World, case: Case) -> None:
    grant = world.node.grants["G-1"]
    grant.limits.attempts_per_subject = 1
    await case.compare(LIST)
    assert "name: ATTEMPTS" in case.out.read_text("utf-8") or "plate: ATTEMPTS" in case.out.read_text("utf-8")
    await case.prove()


async def test_any_list(world: World, case: Case) -> None:
    world.node.chunk_records = 7
    rng = random.Random(20_261_122)
    names = ["张三", "李四", "", "张\ue000三", " 李　四 ", '"引""号"']
    ids = [*map(resident_id, range(4)), "", "123"]
    rows = [
        f"{at},{rng.choice(ids)},{rng.choice(names)},{rng.choice(['京A12345', '', '京B00001'])},"
        for at in range(300)
    ]
    for at in range(0, 300, 11):
        rows[at] = rng.choice(["x", "", "a,b,c,d,e,f"])
    await case.compare("\n".join([LINES[0], *rows]))
    await case.prove()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (resident_id(0), resident_id(5)),
        ("京B00001", "京B00002"),
        (f"4,{resident_id(2)},王五,京A12345,\n", ""),
        ("5,123", f"5,{resident_id(0)}"),
        ("6,broken", f"6,{resident_id(0)},张三,,"),
    ],
)
async def test_another_list_was_not_asked(world: World, case: Case, old: str, new: str) -> None:
    world.node.chunk_records = 3
    await case.compare(LIST)
    case.edit(case.list, old, new)
    await case.disproved("list")


async def test_the_order_of_the_list_counts(case: Case) -> None:
    await case.compare(LIST)
    lines = LIST.splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    case.list.write_text("".join(lines), "utf-8")
    await case.disproved("list")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MATCH,MATCH,MATCH", "MATCH,MATCH,MISMATCH"),
        ("MATCH,MATCH,MATCH", "NOT_FOUND,NOT_FOUND,NOT_FOUND"),
        ("MATCH,MATCH,MATCH", "YES,MATCH,MATCH"),
        ("MATCH,MATCH,MATCH", ",,"),
        ("NOT_FOUND,NOT_FOUND,NOT_FOUND", "NOT_FOUND,NOT_FOUND,MISMATCH"),
        ("MATCH,MATCH,UNVERIFIABLE,plate: NO_VALUE", "MATCH,MATCH,UNVERIFIABLE,plate: ATTEMPTS"),
        ("MATCH,MATCH,UNVERIFIABLE,plate: NO_VALUE", "MATCH,MATCH,UNVERIFIABLE,"),
        ("INVALID,INVALID,INVALID,resident_id: FORMAT", "MATCH,MATCH,MATCH,"),
        ("resident_id: FORMAT", "resident_id: CHECKSUM"),
        ("line 8: COLUMNS", "line 8: ENCODING"),
        (resident_id(0), resident_id(5)),
        ("\r\n10,", "\r\n11,"),
        ("outcome_name,outcome_plate", "outcome_plate,outcome_name"),
        ("编号", "序号"),
        ('"引号 ""', '"引号 "'),
    ],
)
async def test_another_output_was_not_told(world: World, case: Case, old: str, new: str) -> None:
    world.node.chunk_records = 3
    await case.compare(LIST)
    case.edit(case.out, old, new)
    await case.disproved("output")


@pytest.mark.parametrize(
    "change", [lambda lines: lines[:-1], lambda lines: [*lines, lines[-1]], lambda lines: lines[:1]]
)
async def test_an_output_of_another_length(case: Case, change: Callable[[list[bytes]], list[bytes]]) -> None:
    await case.compare(LIST)
    case.out.write_bytes(b"".join(change(case.out.read_bytes().splitlines(keepends=True))))
    await case.disproved("output")


async def test_the_receipt_of_another_session_about_the_same_list(case: Case) -> None:
    await case.compare(LIST)
    earlier = json.loads(case.receipt.read_text("utf-8"))
    await case.compare(LIST)
    later = json.loads(case.receipt.read_text("utf-8"))
    await case.prove()
    case.receipt.write_text(json.dumps({**later, "stayput": earlier["stayput"]}), "utf-8")
    await case.disproved("list")


def _contract(kept: dict[str, object], change: Callable[[Contract], None]) -> None:
    contract = Contract.FromString(b64decode(str(kept["contract"])))
    change(contract)
    kept["contract"] = b64encode(contract.SerializeToString()).decode()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda kept: kept.clear(), "receipt"),
        (lambda kept: kept.pop("commitment_key"), "receipt"),
        (lambda kept: kept.update(contract="not base64"), "receipt"),
        (lambda kept: kept.update(contract="/w=="), "receipt"),
        (lambda kept: kept.update(day="yesterday"), "receipt"),
        (lambda kept: kept.update(chunk_records=0), "receipt"),
        (lambda kept: kept.update(chunk_records="3"), "receipt"),
        (lambda kept: _contract(kept, lambda one: setattr(one, "resource", "deaths")), "receipt"),
        (lambda kept: _contract(kept, lambda one: setattr(one, "suite", "keyed/2")), "receipt"),
        (lambda kept: _contract(kept, lambda one: setattr(one, "salt", bytes(16))), "list"),
        (lambda kept: kept.update(commitment_key=b64encode(bytes(32)).decode()), "list"),
    ],
)
async def test_what_was_kept_beside_the_receipt_must_be_its_own(
    case: Case, change: Callable[[dict[str, object]], object], what: str
) -> None:
    await case.compare(LIST)
    file = json.loads(case.receipt.read_text("utf-8"))
    change(file["stayput"])
    case.receipt.write_text(json.dumps(file), "utf-8")
    await case.disproved(what)


async def test_the_receipt_file_keeps_what_opens_the_receipt(world: World, case: Case) -> None:
    world.node.chunk_records = 5
    await case.compare(LIST)
    opener = opener_from_file(case.receipt.read_text("utf-8"))
    assert opener is not None
    assert (opener.contract, opener.chunk_records) == (CONTRACT, 5)
    assert abs((opener.day - date.today()).days) <= 1  # noqa: DTZ011 (as Client.compare_csv takes it)
    assert "commitment_key" not in repr(Opener(b"secret", CONTRACT, opener.day, 5))


async def test_the_command_proves_and_disproves(case: Case, stayput: Command) -> None:
    await case.compare(LIST)
    command = ["receipt", "prove", case.receipt, "--list", case.list, "--out", case.out]
    done = await stayput(*command)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == (
        "proved: node vehicles-1 was asked exactly this list (7 records) and told exactly this output"
    )
    assert "正是该名单（7 条）" in (await stayput(*command, **CHINESE)).out
    without_output = await stayput(*command[:-2])
    assert (without_output.code, without_output.out) == (2, "")
    assert "give the output that was written" in without_output.err
    case.edit(case.out, "MATCH,MATCH,MATCH", "MATCH,MATCH,MISMATCH")
    done = await stayput(*command)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: this output is not what was told of the list\nhint: ")
    assert "该输出文件不是当时" in (await stayput(*command, **CHINESE)).err
