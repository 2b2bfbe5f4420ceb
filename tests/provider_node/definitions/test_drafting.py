"""Drafts: they can be loaded, name columns and types, and hold no value of the file."""

import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provider_node.config import ResourceConfig, load_resource
from provider_node.domain.drafting import drafted
from provider_node.domain.sample import sample
from stayput.errors import StayputError
from stayput.normalise import FieldType
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused

TODAY = date(2026, 11, 22)
EXAMPLES = Path(__file__).parents[3] / "examples"


def draft(directory: Path, content: bytes) -> tuple[str, ResourceConfig]:
    file = directory / "register.csv"
    file.write_bytes(content)
    text = drafted("vehicle-owners", file, TODAY)
    return text, load_resource(Path("draft.toml"), text.encode(), directory)


def test_the_draft_of_an_example_can_be_checked_as_it_stands() -> None:
    text = drafted("vehicle-owners", EXAMPLES / "vehicles.csv", TODAY)
    resource = load_resource(Path("draft.toml"), text.encode(), Path("/"))
    assert resource.source.kind == "csv"
    assert (resource.source.encoding, resource.source.delimiter) == ("gb18030", ",")
    assert {one.column: one.type for one in resource.fields.values()} == {
        "号牌号码": FieldType.CODE,
        "所有人姓名": FieldType.PERSON_NAME,
        "身份证号": FieldType.RESIDENT_ID,
        "车辆类型": FieldType.TEXT,
        "注册日期": FieldType.DATE,
        "价格": FieldType.NUMBER,
    }
    assert list(resource.keys) == ["resident_id"]
    assert "resident_id" not in resource.checks
    assert text.count("# check: guessed") == len(resource.fields)
    assert sample(resource, TODAY).rows


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encoding_and_delimiter_are_found(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["身份证号码", "姓名", "号牌号码"]]
    for number in range(20):
        one = register.person(number)
        rows.append([one.owner_id, one.name, one.plate])
    content = "".join(delimiter.join(row) + "\r\n" for row in rows)
    text, resource = draft(tmp_path, content.encode(encoding))
    assert resource.source.kind == "csv"
    assert resource.source.delimiter == delimiter
    assert resource.source.encoding == encoding.removesuffix("-sig")
    assert resource.source.header
    assert [one.column for one in resource.fields.values()] == rows[0]
    assert not [cell for row in rows[1:] for cell in row if cell and cell in text]


@pytest.mark.parametrize(
    "first", ["110105195001010029,欧阳静,京B66018", "110105195001010000,名,号", "x,姓名,"]
)
def test_a_first_row_that_looks_like_data_is_not_copied(tmp_path: Path, first: str) -> None:
    rows = "".join(f"{one.owner_id},{one.name},{one.plate}\n" for one in map(register.person, range(1, 5)))
    text, resource = draft(tmp_path, f"{first}\n{rows}".encode())
    assert not tomllib.loads(text)["source"]["header"]
    assert [one.column for one in resource.fields.values()] == ["1", "2", "3"]
    assert next(one.type for one in resource.fields.values()) is FieldType.RESIDENT_ID
    assert not [cell for cell in first.split(",") if len(cell) > 1 and cell in text.partition("[source]")[2]]


def test_a_name_in_the_first_row_that_comes_again_is_a_value(tmp_path: Path) -> None:
    text, _ = draft(tmp_path, "欧阳静,甲\n李雪梅,乙\n欧阳静,丙\n".encode())
    assert "欧阳静" not in text


def test_columns_without_a_known_word_get_a_number(tmp_path: Path) -> None:
    text, resource = draft(tmp_path, "备注,说明,备注二\n甲,乙,丙\n丁,戊,己\n".encode())
    assert list(resource.fields) == ["column_1", "column_2", "column_3"]
    assert list(resource.keys) == ["column_1"]
    assert "[keys.column_1]" in text


def test_names_of_fields_are_different(tmp_path: Path) -> None:
    _, resource = draft(tmp_path, "姓名,配偶姓名,Name\n甲某,乙某,丙某\n".encode())
    assert list(resource.fields) == ["name", "name_2", "name_3"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file has no rows"),
        ("姓名,号牌号码\n".encode(), "has no rows after the first"),
        ("姓名,姓名\n甲,乙\n".encode(), "have the same name"),
        (b"\xff\xfea\x00", "UTF-16"),
    ],
)
def test_a_file_that_cannot_be_drafted_from_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(StayputError, match=told) as caught:
        draft(tmp_path, content)
    assert (caught.value.reason_name, caught.value.field) == ("SOURCE_INVALID", "from")
    assert caught.value.remedy
    with refused("SOURCE_INVALID", "from"):
        drafted("vehicle-owners", tmp_path / "missing.csv", TODAY)


_CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(header=st.lists(_CELL, min_size=1, max_size=5), path=_CELL)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_draft_can_be_loaded(tmp_path: Path, header: list[str], path: str) -> None:
    name = "".join(character for character in path if character not in "/\0.") or "x"
    file = tmp_path / name
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in header)
    file.write_bytes((quoted + "\n" + ",".join("甲" for _ in header) + "\n").encode())
    text = told = ""
    try:
        text = drafted("vehicle-owners", file, TODAY)
    except StayputError as error:
        told = error.reason_name
    file.unlink()
    if text:
        resource = load_resource(Path("draft.toml"), text.encode(), tmp_path)
        assert len(resource.fields) == len(header)
        assert tomllib.loads(text)["source"]["path"] == str(file)
    else:
        assert told == "SOURCE_INVALID"
