import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from examples import normalisation
from examples.normalisation import samples
from stayput.normalise import Field, FieldType, Reject, normaliser
from tests.provider_node.sources.reading import opened

EXAMPLES = Path(normalisation.__file__).parent
ANSWERS: Mapping[str, Any] = json.loads((EXAMPLES / "normalisation.json").read_text("utf-8"))
SOURCES = {
    "normalisation.csv": {"kind": "csv", "encoding": "gb18030"},
    "normalisation.xlsx": {"kind": "excel"},
    "spreadsheet-damage.xlsx": {"kind": "excel", "sheet": "登记"},
}


def outcomes(column: Mapping[str, Any], texts: Sequence[str]) -> list[str]:
    """What the profile makes of a column of a register."""
    field = Field(column["field"], FieldType(column["type"]), tuple(sorted(column["options"].items())))
    found = normaliser(field, date.fromisoformat(ANSWERS["today"])).column(texts)
    return [one.value if isinstance(one, Reject) else one for one in found]


@pytest.mark.parametrize("name", SOURCES)
def test_every_cell_of_the_samples_comes_to_what_is_right(name: str) -> None:
    columns = {column["field"]: column["column"] for column in ANSWERS[name]}
    (batch,) = opened(EXAMPLES, columns, path=name, **SOURCES[name]).batches()
    assert batch.faults == []
    for column in ANSWERS[name]:
        right = {cell["line"]: cell.get("canonical") or cell["reason"] for cell in column["cells"]}
        found = outcomes(column, batch.columns[column["field"]])
        assert found == [right.get(line, "MISSING") for line in batch.lines], column["field"]
        assert set(right) <= set(batch.lines)


def test_the_samples_have_every_type_and_every_reason_of_the_table() -> None:
    columns = ANSWERS["normalisation.csv"]
    assert {column["type"] for column in columns} == {kind.value for kind in FieldType}
    reasons = {cell.get("reason") for column in columns for cell in column["cells"]} - {None}
    assert reasons == normalisation.REASONS


@pytest.mark.parametrize("name", [*SOURCES, "normalisation.json"])
def test_the_samples_are_what_the_program_makes(name: str) -> None:
    assert (EXAMPLES / name).read_bytes() == samples()[name]
