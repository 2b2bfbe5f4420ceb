"""The list of a session in oblivious mode, or of one that counts, opens its receipt; another does not."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.receipts import opener_from_file
from stayput_client import Client, Mode
from stayput_client.lists import ClerksList
from stayput_client.proving import prove_list, told_record_by_record
from tests.client.servicers.oblivious import ObliviousPeer
from tests.client.world import RESOURCE, World, resident_id

KEY, CHECKS = "resident_id", ("name", "plate")
LINES = [
    "resident_id,name,plate",
    *(f"{resident_id(serial)},张三,京A{serial:05}" for serial in range(12)),
    f"{resident_id(0)},李四,",
    "123,张三,京A12345",
    "broken",
    f"{resident_id(0)},李四,",
    f"{resident_id(1)},李\ue000四,京B00001",
]


class Case:
    """A list that was compared or counted, and its receipt file."""

    def __init__(self, directory: Path, client: Client, mode: Mode) -> None:
        self.list, self.out = directory / "list.csv", directory / "out.csv"
        self.receipt = directory / "out.csv.receipt.json"
        self.client, self.mode = client, mode
        self.put(LINES)

    def put(self, lines: list[str]) -> None:
        self.list.write_text("\n".join(lines), "utf-8")

    async def compare(self) -> None:
        await self.client.compare_csv(
            self.list, self.out, resource=RESOURCE, key=KEY, checks=CHECKS, mode=self.mode
        )

    async def count(self) -> None:
        await self.client.count_csv(
            self.list, self.out, resource=RESOURCE, key=KEY, checks=CHECKS, mode=self.mode
        )

    async def prove(self) -> None:
        text = self.receipt.read_text("utf-8")
        receipt = await self.client.verify_receipt(text)
        assert not told_record_by_record(receipt)
        prove_list(receipt, opener_from_file(text), ClerksList.open(self.list), {})

    async def disproved(self, what: str) -> None:
        with pytest.raises(StayputError, match="EVIDENCE_INVALID") as caught:
            await self.prove()
        assert caught.value.field == what

    def edit(self, change: Callable[[dict[str, object]], object]) -> None:
        file = json.loads(self.receipt.read_text("utf-8"))
        change(file["stayput"])
        self.receipt.write_text(json.dumps(file), "utf-8")


@pytest.fixture
def case(tmp_path: Path, client: Client) -> Case:
    return Case(tmp_path, client, Mode.OBLIVIOUS)


OTHERS = [
    pytest.param(lambda lines: lines[:-1], id="without the last"),
    pytest.param(lambda lines: [*lines, f"{resident_id(9)},张三,京A00010"], id="with another"),
    pytest.param(lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], id="in another order"),
    pytest.param(lambda lines: [line.replace("李四", "李五") for line in lines], id="with another value"),
]


@pytest.mark.parametrize("chunk_records", [1, 5, 8_192])
async def test_the_list_proves_what_was_asked(node: ObliviousPeer, case: Case, chunk_records: int) -> None:
    node.chunk_records = chunk_records
    await case.compare()
    await case.prove()


@pytest.mark.parametrize("other", OTHERS)
async def test_another_list_was_not_asked(
    node: ObliviousPeer, case: Case, other: Callable[[list[str]], list[str]]
) -> None:
    node.chunk_records = 5
    await case.compare()
    case.put(other(LINES))
    await case.disproved("list")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("chunk_records", [2, 8_192])
async def test_the_list_of_a_count_proves_what_was_asked(
    node: ObliviousPeer, case: Case, mode: Mode, chunk_records: int
) -> None:
    node.chunk_records = chunk_records
    case.mode = mode
    await case.count()
    await case.prove()
    case.put(LINES[:-1])
    await case.disproved("list")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda kept: kept.pop("blinding_key"), "receipt"),
        (lambda kept: kept.pop("first_chunk"), "receipt"),
        (lambda kept: [kept.pop(name) for name in ("blinding_key", "first_chunk")], "receipt"),
        (lambda kept: kept.update(blinding_key="no base64"), "receipt"),
        (lambda kept: kept.update(blinding_key=b64encode(bytes(31)).decode()), "receipt"),
        (lambda kept: kept.update(first_chunk=-1), "receipt"),
        (lambda kept: kept.update(first_chunk="0"), "receipt"),
        (lambda kept: kept.update(first_chunk=1), "list"),
        (lambda kept: kept.update(blinding_key=b64encode(bytes(32)).decode()), "list"),
        (lambda kept: kept.update(commitment_key=b64encode(bytes(32)).decode()), "list"),
    ],
)
async def test_what_was_kept_beside_the_receipt_must_be_its_own(
    world: World, case: Case, change: Callable[[dict[str, object]], object], what: str
) -> None:
    await case.compare()
    case.edit(change)
    await case.disproved(what)


async def test_a_receipt_of_fetching_proves_nothing_of_a_list(world: World, case: Case) -> None:
    await case.compare()
    case.receipt = case.out.with_name("out.csv.fetch.receipt.json")
    await case.disproved("receipt")


async def test_the_keys_that_open_a_receipt_are_not_shown(world: World, case: Case) -> None:
    await case.compare()
    opener = opener_from_file(case.receipt.read_text("utf-8"))
    assert opener is not None
    assert "blinding_key" not in repr(opener)
