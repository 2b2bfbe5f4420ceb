"""The output file: whatever a list holds, it comes out again."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stayput import outcomes, signing
from stayput.delimited import Batch, Dialect, RowFault, read_batches, read_header
from stayput.errors import StayputError
from stayput.receipts import Opener
from stayput.v1.contract_pb2 import Contract, Field
from stayput.v1.log_pb2 import Receipt
from stayput_client.lists import ClerksList, places
from stayput_client.output import Output, check_destination
from stayput_client.question import Answered
from stayput_client.receipt_files import claimed
from stayput_client.results import Concluded, Left, SignedReceipt

COLUMNS = ("编号", "备注")
# All that delimited text can carry: neither NUL nor surrogates.
CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(
    cells=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6),
    encoding=st.sampled_from(["utf-8", "gb18030"]),
    delimiter=st.sampled_from([",", "\t", ";", "|"]),
    marked=st.booleans(),
)
def test_own_columns_read_back_as_they_were(
    *, cells: list[list[str]], encoding: str, delimiter: str, marked: bool
) -> None:
    with TemporaryDirectory() as directory:
        dialect = Dialect(encoding, delimiter)
        out = Path(directory) / "out.csv"
        output = Output(out, ClerksList(out, dialect, COLUMNS, marked), ("name",), lambda _: None)
        batch = Batch(cells, list(range(2, 2 + len(cells))), [])
        codes = bytes([outcomes.MATCH]) * len(cells)
        output.take(output.render(batch, Answered((codes, codes), {})))
        output.finish(None)
        assert read_header(out, dialect) == [*COLUMNS, "outcome", "outcome_name", "reason"]
        read = [row for batch in read_batches(out, dialect) for row in batch.rows]
    assert [row[:2] for row in read] == cells
    assert all(row[2:] == ["MATCH", "MATCH", ""] for row in read)


def test_rows_and_faults_of_a_batch_are_merged_by_line(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    output = Output(out, ClerksList(out, Dialect(), COLUMNS, marked=False), (), lambda _: None)
    batch = Batch([["a", ""], ["b", ""]], [3, 5], [(2, RowFault.NUL), (4, RowFault.TOO_LONG)])
    output.take(output.render(batch, Answered((bytes([outcomes.MATCH, outcomes.NOT_FOUND]),), {})))
    output.finish(None)
    assert out.read_text().splitlines()[1:] == [
        ",,INVALID,line 2: NUL",
        "a,,MATCH,",
        ",,INVALID,line 4: TOO_LONG",
        "b,,NOT_FOUND,",
    ]


def test_discarding_after_the_output_is_in_place_keeps_it(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    output = Output(out, ClerksList(out, Dialect(), COLUMNS, marked=False), (), lambda _: None)
    output.finish(None)
    output.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def signed(number: int) -> SignedReceipt:
    receipt = Receipt(sequence=number)
    envelope = signing.sign(signing.PayloadType.RECEIPT, receipt, Ed25519PrivateKey.generate())
    return SignedReceipt(receipt, envelope, Opener(bytes(32), Contract(), date(2026, 11, 23), 8_192))


def test_receipts_of_all_sessions_are_put_beside_the_output(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    concluded = Concluded(signed(7), Left(None, None), (signed(4), signed(5)), signed(3))
    output = Output(out, ClerksList(out, Dialect(), COLUMNS, marked=False), (), lambda _: None)
    paths = output.finish(concluded)
    assert {path.name: claimed(path.read_text()).sequence for path in paths} == {
        "out.csv.receipt.json": 7,
        "out.csv.receipt-2.json": 4,
        "out.csv.receipt-3.json": 5,
        "out.csv.fetch.receipt.json": 3,
    }
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", *(path.name for path in paths)}
    assert concluded.further == (*concluded.earlier, concluded.fetch)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.receipt.json", "out.csv.fetch.receipt.json"])
def test_nothing_is_overwritten_unless_that_is_wanted(tmp_path: Path, name: str) -> None:
    listed, out = tmp_path / "list.csv", tmp_path / "out.csv"
    listed.touch()
    check_destination(out, listed, force=False)
    (tmp_path / name).touch()
    with pytest.raises(StayputError, match=f"FIELD_INVALID: .*{name} exists"):
        check_destination(out, listed, force=False)
    check_destination(out, listed, force=True)


NAME = Field(name="name", type="person_name", title="姓名", title_en="Name")
BORN = Field(name="birth_date", type="date")


@pytest.mark.parametrize(
    ("columns", "given_columns", "found"),
    [
        (["name", "birth_date"], {}, {"name": 0, "birth_date": 1}),
        (["BIRTH_DATE", "x", "姓名"], {}, {"name": 2, "birth_date": 0}),
        (["born", "姓名"], {"birth_date": "born"}, {"name": 1, "birth_date": 0}),
        (["name", "姓名", "birth_date"], {"name": "姓名"}, {"name": 1, "birth_date": 2}),
        (["", "", "name", "birth_date"], {}, {"name": 2, "birth_date": 3}),
    ],
)
def test_fields_find_their_columns(
    columns: Sequence[str], given_columns: dict[str, str], found: dict[str, int]
) -> None:
    assert places([NAME, BORN], columns, given_columns) == found
