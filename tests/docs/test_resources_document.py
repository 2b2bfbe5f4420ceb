"""The sample of a resource file says all that there is to say, and can be loaded."""

import re
import tomllib
import typing
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel

from provider_node.config import (
    CheckConfig,
    FieldConfig,
    KeyConfig,
    ResourceConfig,
    SourceConfig,
    load_resource,
)
from provider_node.config.schema import resource_schema
from tests.docs.terminal import document

BLOCKS = re.findall(r"^```toml\n(.*?)^```$", document("resources.md"), re.DOTALL | re.MULTILINE)
SAMPLE = BLOCKS[0]
FRAGMENTS = [block for block in BLOCKS[1:] if not block.startswith("#:schema")]
# Tables by name, each with a model.
NAMED: dict[str, type[BaseModel]] = {"fields": FieldConfig, "keys": KeyConfig, "checks": CheckConfig}


def in_the_sample(fragment: str) -> str:
    """The sample with the fragment in place of its table of that name."""
    header = fragment.partition("\n")[0]
    tables = re.split(r"^(?=\[)", SAMPLE, flags=re.MULTILINE)
    assert sum(table.startswith(header) for table in tables) == 1
    return "".join(fragment if table.startswith(header) else table for table in tables)


def members(annotation: object) -> Iterator[type[BaseModel]]:
    """Models of a table, of which there may be several or none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from members(inner)


def said() -> dict[type[BaseModel], set[str]]:
    """The keys of each model that the document has."""
    found: dict[type[BaseModel], set[str]] = defaultdict(set)
    for text in (SAMPLE, *map(in_the_sample, FRAGMENTS)):
        tables = tomllib.loads(text)
        resource = load_resource(Path("sample.toml"), text.encode(), Path("/"))
        found[ResourceConfig] |= set(tables)
        for name, model in NAMED.items():
            for each in tables[name].values():
                found[model] |= set(each)
        for name, value in tables.items():
            if name not in NAMED and isinstance(value, dict):
                table = getattr(resource, name)
                assert isinstance(table, BaseModel)
                found[type(table)] |= set(value)
    return found


def test_every_key_of_every_table_is_in_the_sample() -> None:
    annotations = (SourceConfig, *(field.annotation for field in ResourceConfig.model_fields.values()))
    models: set[type[BaseModel]] = {ResourceConfig}
    for annotation in annotations:
        models.update(members(annotation))
    found = said()
    assert {model: set(model.model_fields) for model in models} == {model: found[model] for model in models}


@pytest.mark.parametrize("text", [SAMPLE, *map(in_the_sample, FRAGMENTS)])
def test_an_editor_finds_nothing_wrong_with_it(text: str) -> None:
    assert [
        error.message for error in Draft7Validator(resource_schema()).iter_errors(tomllib.loads(text))
    ] == []


def test_what_the_sample_calls_a_default_is_one() -> None:
    tables = tomllib.loads(SAMPLE)
    resource = load_resource(Path("sample.toml"), SAMPLE.encode(), Path("/"))
    for name in ("generations", "oblivious", "standing_policy"):
        model = type(getattr(resource, name))
        assert tables[name] == model().model_dump()
