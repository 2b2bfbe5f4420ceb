import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stayput.normalise import Field, FieldType, Normaliser, Reject, normaliser

TODAY = date(2026, 6, 30)
RESIDENT = "11010519491231002X"
COMPANY = "91110000600037341L"
EXAMPLES = {
    FieldType.RESIDENT_ID: [
        RESIDENT,
        "130503670401001",
        "CAN110077101512",
        "1.10105E+17",
        "110105194912310000",
    ],
    FieldType.USCC: [COMPANY, "D2143569-X", "914403001922038216", "9.14403E+17"],
    FieldType.MOBILE: ["13800138000", "+86 138-0013-8000", "(0086)13800138000"],
    FieldType.PERSON_NAME: ["张 三", "买买提·吐尔逊", "诸葛孔明", "John D. O'Neil", "阿q"],
    FieldType.DATE: ["2026-01-02", "20240229", "2026年1月2日", "2/1/2026", "2026/1/2 0:00:00", "46024.0"],
    FieldType.NUMBER: ["-1,234.50", "0", "999999999999999999", ".5", "-0.00"],
    FieldType.BOOLEAN: ["true", "是", "No", "1"],
    FieldType.TEXT: ["北京（集团） Ltd.", "a  b", "straße", "ÀÉ" * 70],
    FieldType.CODE: ["京A·12345", "A - 1.2", "ab–12"],
}
OPTIONS: dict[FieldType, list[dict[str, str]]] = {
    FieldType.PERSON_NAME: [{"separator_space": "dot"}],
    FieldType.DATE: [{"format": form} for form in ("dmy", "mdy", "excel-serial")],
    FieldType.NUMBER: [{"scale": scale} for scale in "0129"],
    FieldType.BOOLEAN: [{"true": "已婚|再婚", "false": "未婚"}],
    FieldType.TEXT: [{"case": "upper"}, {"case": "lower"}],
    FieldType.CODE: [
        {"case": "upper", "drop": "space,hyphen,dot"},
        {"case": "lower", "drop": "space"},
        {"drop": "hyphen"},
        {"drop": "dot"},
    ],
}
FIELDS = [
    Field("field", kind, tuple(sorted(options.items())))
    for kind in FieldType
    for options in ({}, *OPTIONS.get(kind, []))
]
FREE = (FieldType.TEXT, FieldType.CODE, FieldType.PERSON_NAME)


def described(field: Field) -> str:
    return " ".join((field.type, *map("=".join, field.options))).encode("unicode_escape").decode()


EVERY_FIELD = pytest.mark.parametrize("field", FIELDS, ids=described)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=24)
# What people, spreadsheets and decoders put into otherwise good values.
STRAY = st.one_of(
    st.sampled_from(" -'.,·•。　\t\n\u200b\ufeff\u00a0\u00ad\u0301×ΧⅩ０Ａ\ue81e\ue000\ufffd\udc81\x00:;/@年"),
    st.characters(exclude_categories=()),
)


@st.composite
def nearly(draw: st.DrawFn, kind: FieldType) -> str:
    """A good value with up to three characters put in, left out or replaced."""
    characters = list(draw(st.sampled_from(EXAMPLES[kind])))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(characters)))
        characters[place : place + draw(st.integers(0, 1))] = draw(st.lists(STRAY, max_size=2))
    return "".join(characters)


def values(kind: FieldType) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(EXAMPLES[kind]), nearly(kind), ANY_TEXT)


def one_by_one(made: Normaliser, texts: list[str]) -> list[str | Reject]:
    return [made.one(text) for text in texts]


@EVERY_FIELD
@given(data=st.data())
def test_a_column_is_its_values_one_by_one(field: Field, data: st.DataObject) -> None:
    made = normaliser(field, TODAY)
    texts = data.draw(st.lists(values(field.type), max_size=30))
    assert made.column(texts) == one_by_one(made, texts)
    assert made.column(tuple(texts)) == one_by_one(made, texts)


@EVERY_FIELD
@given(data=st.data())
def test_a_canonical_form_is_its_own(field: Field, data: st.DataObject) -> None:
    made = normaliser(field, TODAY)
    found = made.one(data.draw(values(field.type)))
    if isinstance(found, str):
        assert made.one(found) == found
        assert made.column([found]) == [found]
        assert 0 < len(found.encode()) <= 512
        assert unicodedata.is_normalized("NFKC", found)
        assert found == " ".join(found.split())


@pytest.mark.parametrize("field", [field for field in FIELDS if field.type in FREE], ids=described)
def test_what_becomes_of_any_code_point_stays_as_it_is(field: Field) -> None:
    made = normaliser(field, TODAY)
    # Without the large blocks in which one code point is as good as another.
    points = [*range(0x3402), *range(0x9FF0, 0xAC02), *range(0xD7A0, 0x17002), *range(0x1AFF0, 0x20002)]
    points += [*range(0x2F7F0, 0x2FB00), *range(0x31340, 0x31360), *range(0xDFFF0, 0xE0200)]
    for shape in ("{}", "a{}\u0301"):
        outcomes = made.column([shape.format(chr(point)) for point in points])
        found = [text for text in outcomes if isinstance(text, str)]
        assert made.column(found) == found
        assert all(unicodedata.is_normalized("NFKC", text) and text == text.strip() for text in found)


@given(
    st.text("a Z1-.张三（）：，　·•。“é\u0301\u0323\u3099カｶﾞ\uac00\u1100\u1161\u11a8\u00a0①ﬁ", max_size=12)
)
def test_a_text_is_nfkc_with_its_white_space_folded(text: str) -> None:
    expected = " ".join(unicodedata.normalize("NFKC", text).split()) or Reject.MISSING
    assert normaliser(Field("field", FieldType.TEXT), TODAY).one(text) == expected


@EVERY_FIELD
def test_an_empty_column(field: Field) -> None:
    assert normaliser(field, TODAY).column([]) == []


@pytest.mark.parametrize(("kind", "good"), [(FieldType.RESIDENT_ID, RESIDENT), (FieldType.USCC, COMPANY)])
def test_any_ascii_character_at_any_place(kind: FieldType, good: str) -> None:
    made = normaliser(Field("field", kind), TODAY)
    texts = [good[:place] + chr(code) + good[place + 1 :] for place in range(18) for code in range(0x80)]
    assert made.column(texts) == one_by_one(made, texts)


@pytest.mark.parametrize(("kind", "good"), [(FieldType.RESIDENT_ID, RESIDENT), (FieldType.USCC, COMPANY)])
def test_a_column_of_several_blocks(kind: FieldType, good: str) -> None:
    made = normaliser(Field("field", kind), TODAY)
    texts = [good] * 40_000
    odd = {
        0: "",
        16_383: "短",
        16_384: good.lower(),
        16_385: f" {good}",
        32_768: "é" * 18,
        39_999: good[:-1] + "A",
    }
    for place, text in odd.items():
        texts[place] = text
    found = made.column(texts)
    assert {place: found[place] for place in odd} == {place: made.one(text) for place, text in odd.items()}
    assert found.count(good) == len(texts) - 4


def test_more_different_dates_than_are_remembered() -> None:
    made = normaliser(Field("field", FieldType.DATE), TODAY)
    texts = [f"{number:08}" for number in range(19_000_000, 19_070_000)] * 2
    assert made.column(texts) == one_by_one(made, texts)


@given(
    st.dates(date(1850, 1, 1), date(2026, 12, 31)),
    st.integers(100_000, 999_999),
    st.integers(0, 999),
    st.sampled_from("0123456789X"),
)
def test_exactly_one_check_character_is_right(born: date, region: int, serial: int, other: str) -> None:
    made = normaliser(Field("field", FieldType.RESIDENT_ID), TODAY)
    body = f"{region}{born:%Y%m%d}{serial:03}"
    accepted = [made.one(body + check) for check in "0123456789X"]
    assert sum(isinstance(found, str) for found in accepted) == 1
    assert made.column([body + other]) == [made.one(body + other)]
