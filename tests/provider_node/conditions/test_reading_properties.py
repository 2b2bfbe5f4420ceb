import re

from hypothesis import example, given
from hypothesis import strategies as st

from provider_node.config.conditions import Condition, ConditionError, bind, canonical, parse
from provider_node.config.conditions.tokens import LONGEST
from tests.provider_node.conditions.strategies import CONDITIONS, FIELDS

PIECES = st.sampled_from(
    [
        *(
            "price",
            "date",
            "plate",
            "and",
            "or",
            "not",
            "in",
            "is",
            "null",
            "true",
            "date '2026-01-31'",
            "'A'",
        ),
        *(
            "(",
            ")",
            ",",
            "=",
            "!=",
            "<>",
            "<",
            "<=",
            ">",
            ">=",
            "-5",
            "0.25",
            "007",
            "'",
            "''",
            "?",
            "价",
            " ",
        ),
    ]
)


def parsed(text: str) -> Condition | None:
    """The condition, or None if the text is refused as it should be."""
    try:
        return parse(text)
    except ConditionError as error:
        refusal = error
    assert 0 <= refusal.position <= len(text)
    assert re.match(r"(line \d+, )?column \d+: \S", refusal.told(text))
    return None


def requoted(text: str, spaces: list[str]) -> str:
    """The same with other spaces between, and words of the grammar in capitals."""
    pieces = re.findall(r"'(?:[^']|'')*'|[\w.-]+|[<>=!]+|[(),]", text)
    words = {"and", "or", "not", "in", "is", "null", "true", "false"}
    return "".join(
        f"{piece.upper() if piece in words else piece}{spaces[at % len(spaces)]}"
        for at, piece in enumerate(pieces)
    )


@given(CONDITIONS)
def test_what_is_written_reads_as_what_was_written(condition: Condition) -> None:
    text = canonical(condition)
    assert parse(text) == condition == bind(condition, FIELDS)
    assert canonical(parse(text)) == text


@given(CONDITIONS, st.lists(st.sampled_from([" ", "  ", "\n", "\t", " \r\n "]), min_size=1, max_size=5))
def test_spaces_and_capitals_make_no_difference(condition: Condition, spaces: list[str]) -> None:
    text = canonical(condition)
    other = requoted(text, spaces)
    assert len(other) > LONGEST or canonical(parse(other)) == text


@given(st.text(max_size=100) | st.lists(PIECES, max_size=30).map(" ".join))
@example("'" * 2_000)
@example("not " * 500)
@example("(" * 2_000)
@example("a=1 or " * 285)
@example("a in (" + "1,000, " * 200)
@example("-" * 2_000)
@example("9" * 2_000)
@example("a in (" + "1," * 990)
@example("\ud800")
@example("İ = 1")
def test_no_text_is_more_than_refused(text: str) -> None:
    condition = parsed(text)
    if condition is not None and len(canonical(condition)) <= LONGEST:
        assert parse(canonical(condition)) == condition


@given(CONDITIONS, st.data())
def test_no_change_of_a_condition_is_more_than_refused(condition: Condition, data: st.DataObject) -> None:
    text = canonical(condition)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 5)))
    changed = text[:start] + data.draw(PIECES | st.text(max_size=3)) + text[end:]
    found = parsed(changed)
    if found is not None:
        assert parse(canonical(found)) == found
