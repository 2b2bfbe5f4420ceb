"""What is read as a condition, what is not, and the one text in which it is written again."""

import pytest

from provider_node.config.conditions import (
    DEEPEST,
    LONGEST,
    Comparison,
    ConditionError,
    Disjunction,
    Literal,
    LiteralKind,
    Membership,
    Name,
    Negation,
    Nullness,
    Operator,
    canonical,
    fields_named,
    parse,
)

PRICE = Name("price")


def number(value: str) -> Literal:
    return Literal(LiteralKind.NUMBER, value)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("price >= 100000", Comparison(PRICE, Operator.AT_LEAST, number("100000"))),
        ("price<>-0.50", Comparison(PRICE, Operator.UNEQUAL, number("-0.5"))),
        ("price > cost", Comparison(PRICE, Operator.GREATER, Name("cost"))),
        ("price IS NOT NULL", Nullness(PRICE, negated=True)),
        ("price in (100, 200,3000,40)", Membership(PRICE, tuple(map(number, ("100", "200", "3000", "40"))))),
        ("price in (1,2)", Membership(PRICE, (number("1"), number("2")))),
        ("price not in (1)", Membership(PRICE, (number("1"),), negated=True)),
        ("not price in (1)", Negation(Membership(PRICE, (number("1"),)))),
        ("a = 'it''s'", Comparison(Name("a"), Operator.EQUAL, Literal(LiteralKind.TEXT, "it's"))),
        ("a = True", Comparison(Name("a"), Operator.EQUAL, Literal(LiteralKind.BOOLEAN, "true"))),
        (
            "date < DATE'2026-01-31'",
            Comparison(Name("date"), Operator.LESS, Literal(LiteralKind.DATE, "2026-01-31")),
        ),
        ("date = date", Comparison(Name("date"), Operator.EQUAL, Name("date"))),
        ("价格 is null", Nullness(Name("价格"))),
        (
            "a is null or (b is null or c is null)",
            Disjunction((Nullness(Name("a")), Nullness(Name("b")), Nullness(Name("c")))),
        ),
    ],
)
def test_texts_are_read(text: str, read: object) -> None:
    assert parse(text) == read


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("  price>=100000.00 ", "price >= 100000"),
        ("price<>007", "price != 7"),
        ("price = -0.0", "price = 0"),
        ("((price > 5))", "price > 5"),
        ("price > 5 AND\n\t(date = date)", "price > 5 and date = date"),
        ("(a is null and b is null) or c is null", "a is null and b is null or c is null"),
        ("a is null and (b is null or c is null)", "a is null and (b is null or c is null)"),
        ("(not (a is null)) and b is null", "not a is null and b is null"),
        ("not (a is null and b is null)", "not (a is null and b is null)"),
        ("not(not a IN('x',  'y'))", "not not a in ('x', 'y')"),
        ("a Not In ('it''s')", "a not in ('it''s')"),
        ("a = dAtE  '2026-01-31'", "a = date '2026-01-31'"),
        ("a = FALSE", "a = false"),
        ("a = '  and  OR'", "a = '  and  OR'"),
    ],
)
def test_one_text_is_written_for_all_that_say_the_same(text: str, written: str) -> None:
    assert canonical(parse(text)) == written
    assert canonical(parse(written)) == written


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "column 1: expected the name of a field, 'not' or '(' but the condition ends"),
        ("   ", "column 4: expected the name of a field, 'not' or '(' but the condition ends"),
        ("price", "column 6: expected one of = != < <= > >= in is but the condition ends"),
        ("price 5", "column 7: expected one of = != < <= > >= in is"),
        ("price >", "column 8: expected a number, a text in single quotes, date '2026-01-31', true or false"),
        ("price == 5", "column 8: expected a number"),
        ("price = null", "column 9: expected a number"),
        ("5 < price", "column 1: expected the name of a field"),
        ("price > 5 price", "column 11: expected 'and', 'or' or the end"),
        ("price > 100,000", "column 12: can be read in two ways: write the number without commas"),
        ("price in (1,500, 2)", "column 12: can be read in two ways"),
        ("price > 5)", "column 10: expected 'and', 'or' or the end"),
        ("(price > 5", "column 11: expected ')' but the condition ends"),
        ("price is 5", "column 10: expected 'null' or 'not null'"),
        ("price is not 5", "column 14: expected 'null'"),
        ("price not 5", "column 11: expected 'in'"),
        ("price in 5", "column 10: expected '('"),
        ("price in ()", "column 11: expected a number"),
        ("price in (cost)", "column 11: expected a number"),
        ("price in (1,)", "column 13: expected a number"),
        ("price in (1 2)", "column 13: expected ',' or ')'"),
        ("and = 5", "column 1: expected the name of a field, 'not' or '(': 'and' is a word of the grammar"),
        ("price > 5 and or a = 1", "column 15: expected the name of a field"),
        ("price > 1e5", "column 9: not a number as they are written here"),
        ("price > .5", "column 9: not a number"),
        ("price > 5.", "column 9: not a number"),
        ("price > - 5", "column 9: not a number"),
        ("price > ５", "column 9: a full-width character; write 5 on the English keyboard"),
        ("price ＞ 5", "column 7: a full-width character; write > on the English keyboard"),
        ("（price > 5）", "column 1: a full-width character; write ( on the English keyboard"),
        ("plate = ‘A’", "column 9: texts are written in straight single quotes"),
        ('plate = "A"', "column 9: texts are written in straight single quotes"),
        ("plate = 'A''", "column 9: a text without its closing quote"),
        ("price > 5; drop", "column 10: a character that has no meaning in a condition"),
        ("price > 5 -- all", "column 11: not a number"),
        ("a = date '2026-02-30'", "column 10: not a day as it is written here, like '2026-01-31'"),
        ("a = date '20260131'", "column 10: not a day"),
        ("a = date '2026-01-31 '", "column 10: not a day"),
        ("a is null\nand b = ?", "line 2, column 9: a character that has no meaning"),
    ],
)
def test_what_is_no_condition_is_told_with_its_place_and_what_was_expected(text: str, problem: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert caught.value.told(text).startswith(problem)


def test_length_and_depth_are_bounded() -> None:
    at_the_bound = "a is null or " * (LONGEST // 13)
    assert parse(at_the_bound.removesuffix(" or ").ljust(LONGEST))
    with pytest.raises(ConditionError, match=r"longer than 2,000 characters"):
        parse("a is null".ljust(LONGEST + 1))
    deep = "(" * DEEPEST + "a is null" + ")" * DEEPEST
    assert parse(deep) == parse("a is null")
    for too_deep in (f"({deep})", f"not {deep}", "not " * 400 + "a is null", "(" * LONGEST):
        with pytest.raises(ConditionError, match="more than 32 parentheses or 'not' inside one another"):
            parse(too_deep)


def test_depth_counts_what_is_inside_and_not_what_is_beside() -> None:
    beside = " and ".join(["(not a is null)"] * (DEEPEST * 3))
    assert len(fields_named(parse(beside))) == 1


def test_all_fields_are_named() -> None:
    assert fields_named(parse("not (a > b or c in (1)) and d is null")) == {"a", "b", "c", "d"}
