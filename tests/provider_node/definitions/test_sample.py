"""The first rows of a source, and no more of it."""

from datetime import date
from pathlib import Path

import pytest

from provider_node.config import ResourceConfig, load_resource
from provider_node.domain.sample import sample
from tests.provider_node.serving import register
from tests.provider_node.serving.consumer import refused

TODAY = date(2026, 11, 22)


@pytest.fixture
def resource(tmp_path: Path) -> ResourceConfig:
    register.write_files(tmp_path)
    return load_resource(tmp_path / "resources" / "vehicles.toml")


def lines(tmp_path: Path) -> list[str]:
    return (tmp_path / "vehicles.csv").read_text("utf-8").splitlines(keepends=True)


def test_rows_after_the_last_that_is_looked_at_do_not_count(tmp_path: Path, resource: ResourceConfig) -> None:
    header, *rows = lines(tmp_path)
    rows[3:3] = ["too,few\n", ",无号,京A1\n"]
    rows += ["too,few\n"] * 50
    (tmp_path / "vehicles.csv").write_text(header + "".join(rows), "utf-8")
    few = sample(resource, TODAY, 20)
    # A line that is no row lies among the rows that were looked at.
    assert few.rows == 21
    assert few.rejects == {("", "COLUMNS"): 1, ("owner_id", "MISSING"): 1}
    whole = sample(resource, TODAY)
    assert whole.rows == register.PEOPLE + 52
    assert whole.rejects == {("", "COLUMNS"): 51, ("owner_id", "MISSING"): 1}


def test_no_more_is_read_than_is_looked_at(tmp_path: Path, resource: ResourceConfig) -> None:
    source = tmp_path / "vehicles.csv"
    rows = "".join(lines(tmp_path)[1:])
    with source.open("a", encoding="utf-8") as file:
        for _ in range(300):
            file.write(rows)
    found = sample(resource, TODAY, 1_000)
    assert found.rows == 1_000


@pytest.mark.parametrize("rows", ["", "x,y,z\n", "x\n" * 5])
def test_without_a_usable_key_there_is_nothing_to_find(
    tmp_path: Path, resource: ResourceConfig, rows: str
) -> None:
    (tmp_path / "vehicles.csv").write_text(lines(tmp_path)[0] + rows, "utf-8")
    with refused("SOURCE_INVALID", "source"):
        sample(resource, TODAY)


def test_conditions_are_evaluated(tmp_path: Path) -> None:
    text = register.RESOURCE.replace('fields = ["plate"]', "condition = \"plate = '京A00001'\"")
    register.write_files(tmp_path, resource=text)
    assert sample(load_resource(tmp_path / "resources" / "vehicles.toml"), TODAY).rows == register.PEOPLE
