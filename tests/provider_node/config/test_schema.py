"""The JSON Schemas: as checked in, of drafts that editors know, and of one opinion with the models."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from string import Template

import pytest
from jsonschema import Draft4Validator, Draft7Validator

from provider_node.config import load_resource
from provider_node.config.descriptions import DESCRIPTIONS
from provider_node.config.schema import node_schema, resource_schema
from stayput.errors import StayputError
from tests.provider_node.serving import register

ROOT = Path(__file__).parents[3]
SCHEMAS = {"resource": resource_schema, "node": node_schema}
TOML = register.RESOURCE


def problems(text: str) -> list[str]:
    return [one.message for one in Draft7Validator(resource_schema()).iter_errors(tomllib.loads(text))]


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_checked_in_is_what_the_command_prints(name: str) -> None:
    checked_in = (ROOT / "docs" / "schema" / f"{name}.schema.json").read_text("utf-8")
    assert checked_in == json.dumps(SCHEMAS[name](), ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("draft", [Draft4Validator, Draft7Validator])
def test_it_is_a_schema(name: str, draft: type[Draft4Validator]) -> None:
    draft.check_schema(SCHEMAS[name]())


def test_what_is_in_use_has_no_problems() -> None:
    for path in (ROOT / "examples" / "resources").glob("*.toml"):
        assert problems(path.read_text("utf-8")) == []
    sample = Template(files("provider_node").joinpath("sample-node.toml").read_text("utf-8"))
    text = sample.substitute(id='"vehicles-1"', department='"traffic-police"', listen='"0.0.0.0:7443"')
    assert list(Draft7Validator(node_schema()).iter_errors(tomllib.loads(text))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("[source]", "[limits]\nmiss_ratio = 'off'\nsequence_run = 'off'\ncount_minimum = 20\n[source]"),
        ("[source]", "[limits]\nmiss_ratio = 0\nattempts_per_subject = 0\nnoise_epsilon = 0.5\n[source]"),
        ("[source]", "[limits]\nmiss_ratio = 1.0\n[source]"),
        ("[source]", "[limits]\ncount_minimum = 'off'\n[source]"),
        ("[source]", "[limits]\nsequence_run = 4\n[source]"),
        ("[source]", "[limits]\nrecords_per_day = 1.5\n[source]"),
        ("[source]", "[limits]\nrecords_per_days = 1\n[source]"),
        ("[source]", "[generations]\nkeep = 0\n[source]"),
        ("[source]", "[schedule]\nevery = 6\n[source]"),
        ("[source]", "modes = ['keyed', 'blind']\n[source]"),
        ("[source]", "conditions = 1\n[source]"),
        ('kind = "csv"', 'kind = "fax"'),
        ('kind = "csv"', 'kind = "csv"\nencoding = "latin-1"'),
        ('kind = "csv"', 'kind = "csv"\nsheet = "1"'),
        ('kind = "csv"', 'kind = "excel"\nsheet = "1"'),
        ('path = "../vehicles.csv"', ""),
        ('title = "机动车登记"', ""),
        ('title = "机动车登记"', 'title = ""'),
        ('"daily"', '"sometimes"'),
        ('type = "code"', 'type = "number"\noptions = { scale = 2 }'),
        ('type = "code"', 'type = "number"\noptions = { scale = "2" }'),
        ('type = "code"', "type = 1"),
        ('column = "姓名"', 'colum = "姓名"'),
        ('fields = ["plate"]', "fields = []"),
        ('fields = ["plate"]', "condition = 'plate is null'"),
    ],
)
def test_it_is_of_one_opinion_with_loading(old: str, new: str) -> None:
    text = TOML.replace(old, new)
    wrong = False
    try:
        load_resource(Path("a.toml"), text.encode(), Path("/"))
    except StayputError:
        wrong = True
    assert bool(problems(text)) == wrong


def test_every_key_is_described_in_both_languages() -> None:
    described = set()
    for name, root in (("ResourceConfig", resource_schema()), ("NodeConfig", node_schema())):
        for model, schema in ((name, root), *root["definitions"].items()):
            for key, one in schema.get("properties", {}).items():
                described.add((model, key))
                assert one["description"] == DESCRIPTIONS[model, key]
    assert described == set(DESCRIPTIONS)
    for text in DESCRIPTIONS.values():
        assert text[0].isascii()
        assert any("\u4e00" <= character <= "\u9fff" for character in text)
