"""What docs/conditions.md shows is what is done."""

import re
from pathlib import Path

import pytest

from provider_node.config import load_resource
from provider_node.config.conditions import DEEPEST, LONGEST, bind, canonical, conditions_of, parse
from provider_node.config.conditions.parser import _RESERVED
from stayput.errors import StayputError
from tests.provider_node.conditions.strategies import FIELDS
from tests.vectors.reading import read

DOCUMENT = Path(__file__).parents[3] / "docs" / "conditions.md"
TEXT = DOCUMENT.read_text("utf-8")
REGISTER = """\
code = "vehicles"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
source = { kind = "csv", path = "vehicles.csv" }
keys.owner.fields = ["owner_id"]
fields.owner_id = { column = "身份证号", type = "resident_id" }
"""


def sample(directory: Path, text: str) -> Path:
    path = directory / "vehicles.toml"
    path.write_text(REGISTER + text, "utf-8")
    return path


def test_the_sample_is_read(tmp_path: Path) -> None:
    [toml] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    resource = load_resource(sample(tmp_path, toml))
    assert set(conditions_of(resource).fields) == {"price", "scrapped"}


def test_the_canonical_forms_are_those_shown() -> None:
    table = TEXT[TEXT.index("| in the file |") :].split("\n\n")[0]
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \|$", table, re.MULTILINE)
    assert len(rows) == table.count("\n") - 1 == 6
    for written, shown in rows:
        assert canonical(bind(parse(written), FIELDS)) == shown


def test_the_mistakes_are_told_as_shown(tmp_path: Path) -> None:
    for wrong in ("prise >= 100000", "price >= '100000'"):
        fields = '[fields.price]\ncolumn = "车价"\ntype = "number"\n' + "\n" * 8
        with pytest.raises(StayputError) as caught:
            load_resource(sample(tmp_path, f'{fields}\n[checks.costly]\ncondition = "{wrong}"\n'))
        assert caught.value.message.removeprefix(f"{tmp_path}/") in TEXT


def test_the_bounds_are_those_told() -> None:
    assert f"at most {LONGEST:,} characters and {DEEPEST} parentheses" in TEXT


def test_the_grammar_names_every_word() -> None:
    [grammar] = re.findall(r"```ebnf\n(.*?)```", TEXT, re.DOTALL)
    assert set(re.findall('"([a-z]+)"', grammar)) == {*_RESERVED, "date"}


def test_the_context_shown_is_that_of_the_vectors() -> None:
    [vector] = [
        one for one in read("elements")["digests"] if (one["key"], one.get("check")) == ("owner", "costly")
    ]
    [shown] = re.findall(r'`(\{"condition".*?\})`', TEXT)
    assert f'"check":{shown},' in vector["context_json"]
