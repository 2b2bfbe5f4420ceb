import re

import pytest

from stayput.normalise import OPTIONS, Field, FieldError, FieldType, Reject

T = FieldType


@pytest.mark.parametrize("name", ["a", "resident_id", "x9", "a" * 64])
def test_names_that_are_taken(name: str) -> None:
    assert Field(name, T.TEXT).name == name


@pytest.mark.parametrize("name", ["", "A", "9a", "_a", "a-b", "a b", "姓名", "a" * 65, "a\n", "é"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(FieldError, match="small letter"):
        Field(name, T.TEXT)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (T.PERSON_NAME, {"separator_space": "dot"}),
        (T.DATE, {"format": "dmy"}),
        (T.DATE, {"format": "mdy"}),
        (T.DATE, {"format": "excel-serial"}),
        (T.NUMBER, {"scale": "0"}),
        (T.NUMBER, {"scale": "9"}),
        (T.BOOLEAN, {"false": "否|无", "true": "是|有|1"}),
        (T.BOOLEAN, {"false": "n"}),
        (T.BOOLEAN, {"true": "true|真"}),
        (T.TEXT, {"case": "upper"}),
        (T.CODE, {"case": "lower", "drop": "space,hyphen,dot"}),
        (T.CODE, {"drop": "dot"}),
    ],
)
def test_options_that_are_taken(kind: FieldType, options: dict[str, str]) -> None:
    assert dict(Field("f", kind, tuple(sorted(options.items()))).options) == options


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        (T.PERSON_NAME, "separator_space", "reject"),
        (T.DATE, "format", "iso"),
        (T.DATE, "format", "DMY"),
        (T.NUMBER, "scale", "10"),
        (T.NUMBER, "scale", "-1"),
        (T.NUMBER, "scale", ""),
        (T.NUMBER, "scale", "٢"),
        (T.NUMBER, "scale", "2\n"),
        (T.BOOLEAN, "true", ""),
        (T.BOOLEAN, "true", "是||有"),
        (T.BOOLEAN, "true", "是|是"),
        (T.BOOLEAN, "true", "Yes"),
        (T.BOOLEAN, "false", " 否"),
        (T.BOOLEAN, "false", "Ｎ"),
        (T.TEXT, "case", "title"),
        (T.CODE, "drop", ""),
        (T.CODE, "drop", "slash"),
        (T.CODE, "drop", "dot,dot"),
        (T.CODE, "drop", "dot, space"),
    ],
)
def test_an_option_with_a_wrong_value_is_refused_and_told_what_it_takes(
    kind: FieldType, option: str, value: str
) -> None:
    with pytest.raises(FieldError, match=f"field f: option {option} takes "):
        Field("f", kind, ((option, value),))


@pytest.mark.parametrize(
    ("kind", "option", "allowed"),
    [
        (T.RESIDENT_ID, "case", "none"),
        (T.TEXT, "drop", "case"),
        (T.CODE, "format", "case, drop"),
        (T.PERSON_NAME, "variants", "separator_space"),
    ],
)
def test_an_option_of_another_type_is_refused(kind: FieldType, option: str, allowed: str) -> None:
    with pytest.raises(FieldError, match=f"field f: type {kind} has no option '{option}'; .*: {allowed}$"):
        Field("f", kind, ((option, "upper"),))


@pytest.mark.parametrize(
    "options",
    [(("drop", "dot"), ("case", "upper")), (("case", "upper"), ("case", "upper"))],
)
def test_options_out_of_order_or_repeated_are_refused(options: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(FieldError, match="sorted by name, each at most once"):
        Field("f", T.CODE, options)


@pytest.mark.parametrize(
    "options",
    [
        (("false", "0|x"), ("true", "1|x")),
        (("true", "否"),),
        (("false", "1"),),
        (("false", "true"), ("true", "1")),
        (("true", "false"),),
    ],
)
def test_a_word_that_means_true_and_false_is_refused(options: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(FieldError, match="no word in common"):
        Field("f", T.BOOLEAN, options)


def test_a_type_that_is_only_a_string_is_refused() -> None:
    with pytest.raises(FieldError, match=re.escape("resident_id, uscc, mobile")):
        Field("f", "text")  # type: ignore[arg-type]


def test_every_option_is_documented_in_one_line() -> None:
    assert set(OPTIONS) == set(FieldType)
    for options in OPTIONS.values():
        for line in options.values():
            assert line
            assert "\n" not in line


def test_a_reason_is_no_text_and_a_field_is_hashable() -> None:
    assert not any(isinstance(reason, str) for reason in Reject)
    assert all(reason.value == reason.name for reason in Reject)
    assert len({Field("f", T.TEXT), Field("f", T.TEXT)}) == 1
