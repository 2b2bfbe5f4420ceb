"""What is made of a table's name and of a query."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.sources.databases.statements import looking_at, quoted, relation_of, selecting
from stayput.errors import StayputError
from tests.provider_node.sources.databases.reading import sqlite_config

FILE = Path("/register.db")
WORDS = st.sampled_from(
    ["SELECT", "with", " ", "\n", ";", "'", '"', "--", "/*", "*/", "(", ")", "a", "\0", "；"]
)


@pytest.mark.parametrize(
    ("table", "quote", "relation"),
    [
        ("register", '"', '"register"'),
        ("gat.Register", '"', '"gat"."Register"'),
        ("库.交警.登记$1", "`", "`库`.`交警`.`登记$1`"),
    ],
)
def test_each_part_of_a_name_is_quoted(table: str, quote: str, relation: str) -> None:
    config = sqlite_config(FILE, table=table)
    assert relation_of(config, quote) == relation
    assert looking_at(relation) == f"SELECT * FROM {relation} WHERE 1 = 0"  # noqa: S608 (expected)


@given(st.text(max_size=20), st.sampled_from('"`'))
def test_a_quoted_name_ends_where_it_should(name: str, quote: str) -> None:
    text = quoted(name, quote)
    assert text[0] == text[-1] == quote
    assert text[1:-1].replace(quote * 2, "").count(quote) == 0


def test_only_the_wanted_columns_are_selected() -> None:
    assert selecting(['"a"', '"b"'], '"register"') == 'SELECT "a", "b" FROM "register"'


@given(st.lists(WORDS, min_size=1, max_size=12).map("".join) | st.text(min_size=1, max_size=30))
def test_a_query_is_taken_whole_or_refused(query: str) -> None:
    inner = query.strip().removesuffix(";").rstrip()
    config = sqlite_config(FILE, query=query)
    reads = re.match(r"(select|with)(?!\w)", inner.lower()) is not None
    if reads and not {";", "\0"}.intersection(inner):
        assert relation_of(config, '"') == f"({inner}\n) source"
    else:
        with pytest.raises(StayputError, match=r"source\.query: must b"):
            relation_of(config, '"')
