"""Limits as files write them: ranges, "off", shares; and whose word counts for a new grant."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_node.config import (
    decimal_of,
    limit_of,
    limits_of,
    load_node,
    load_resource,
    permille_of,
    share_of,
)
from stayput.errors import StayputError
from stayput.limits import DEFAULTS, RANGES
from stayput.v1.access_pb2 import Limits
from stayput.v1.errors_pb2 import ErrorReason

EXAMPLES = Path("examples/resources")
NODE = '[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\n'
RESOURCE = """\
code = "vehicle-owners"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
source = { kind = "csv", path = "vehicles.csv" }
fields.owner_id = { column = "身份证号码", type = "resident_id" }
keys.owner = { fields = ["owner_id"] }
"""
# The ranges as the files' reader is told them; access.proto has the same figures.
WHOLE_NUMBERS = {
    "records_per_session": (1, 100_000_000, False),
    "records_per_day": (1, 1_000_000_000, False),
    "sessions_per_minute": (1, 1_000_000, False),
    "attempts_per_subject": (1, 1_000, True),
    "miss_sample": (20, 100_000, False),
    "sequence_run": (5, 10_000, True),
    "count_minimum": (2, 1_000_000, False),
}
# Each with the name in `Limits`, which has thousandths.
DECIMALS = {
    "miss_ratio": ("miss_permille", "0.001 to 0.999"),
    "noise_epsilon": ("noise_epsilon_milli", "0.001 to 10"),
    "noise_budget": ("noise_budget_milli", "0.001 to 1,000"),
}


def limits(directory: Path, node: str = "", resource: str = "") -> Limits:
    """What a new grant gets under these `[limits]`."""
    (directory / "node.toml").write_text(f"{NODE}[limits]\n{node}\n", "utf-8")
    (directory / "vehicles.toml").write_text(f"{RESOURCE}[limits]\n{resource}\n", "utf-8")
    return limits_of(load_node(directory / "node.toml"), load_resource(directory / "vehicles.toml"))


def fault(directory: Path, line: str) -> list[str]:
    """What both files' loaders say of a line, from the line's number on; they say the same."""
    found = []
    for number, file, arguments in ((5, "node.toml", (line,)), (10, "vehicles.toml", ("", line))):
        with pytest.raises(StayputError) as caught:
            limits(directory, *arguments)
        assert caught.value.reason == ErrorReason.ERROR_REASON_CONFIGURATION_INVALID
        prefix = f"{directory / file}:{number}: "
        assert caught.value.message.startswith(prefix)
        found.append(caught.value.message.removeprefix(prefix))
    return found


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_a_limit_out_of_range_is_told_with_file_line_key_and_range(tmp_path: Path, name: str) -> None:
    least, most, may_be_off = WHOLE_NUMBERS[name]
    permitted = f"{least:,} to {most:,}" + (', or "off"' if may_be_off else "")
    told = f"limits.{name}: must be a whole number, {permitted}"
    wrong = {str(least - 1), str(most + 1), "-1", f"{least}.0", f'"{least}"', "true", "nan", "[]", '"OFF"'}
    off = {"0", '"off"'}
    for value in wrong - off if may_be_off else wrong | off:
        assert fault(tmp_path, f"{name} = {value}") == [told, told], value


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_the_ends_of_a_range_belong_to_it(tmp_path: Path, name: str) -> None:
    least, most, may_be_off = WHOLE_NUMBERS[name]
    for value in (least, most):
        assert getattr(limits(tmp_path, resource=f"{name} = {value}"), name) == value
    if may_be_off:
        for said in ("0", '"off"'):
            found = limits(tmp_path, resource=f"{name} = {said}")
            assert getattr(found, name) == 0
            assert found.HasField(name)  # type: ignore[arg-type]  # a name from the table above


@pytest.mark.parametrize("name", DECIMALS)
@pytest.mark.parametrize(
    "value",
    ["-0.1", "0.0001", "0.1234", "0.9999", "1e-9", "nan", "inf", "-inf", '"0.5"', "true", "1001", "1000.001"],
)
def test_what_is_out_of_range_is_told_with_file_line_key_and_range(
    tmp_path: Path, name: str, value: str
) -> None:
    told = f'limits.{name}: must be {DECIMALS[name][1]} with at most 3 decimals, or "off"'
    assert fault(tmp_path, f"{name} = {value}") == [told, told]


@pytest.mark.parametrize("value", ["1.0", "1", "50"])
def test_a_share_is_below_one(tmp_path: Path, value: str) -> None:
    told = 'limits.miss_ratio: must be 0.001 to 0.999 with at most 3 decimals, or "off"'
    assert fault(tmp_path, f"miss_ratio = {value}") == [told, told]


@pytest.mark.parametrize(
    ("name", "said", "thousandths"),
    [
        *(
            (name, said, thousandths)
            for name in DECIMALS
            for said, thousandths in (("0.001", 1), ("0.57", 570), ('"off"', 0), ("0", 0), ("0.0", 0))
        ),
        ("miss_ratio", "0.999", 999),
        ("noise_epsilon", "10", 10_000),
        ("noise_epsilon", "1.234", 1_234),
        ("noise_budget", "1000", 1_000_000),
        ("noise_budget", "999.999", 999_999),
    ],
)
def test_decimals_are_told_in_thousandths_to_others(
    tmp_path: Path, name: str, said: str, thousandths: int
) -> None:
    found, field = limits(tmp_path, resource=f"{name} = {said}"), DECIMALS[name][0]
    assert getattr(found, field) == thousandths
    assert found.HasField(field)  # type: ignore[arg-type]  # a name from the table above


@given(st.sampled_from(sorted(DECIMALS)), st.integers(1, 1_000_000))
def test_every_thousandth_can_be_written(name: str, thousandths: int) -> None:
    field = DECIMALS[name][0]
    thousandths = min(thousandths, RANGES[field].most)
    assert permille_of(decimal_of(field, float(f"{thousandths / 1000:.3f}"))) == thousandths


@given(st.floats() | st.integers() | st.text() | st.booleans() | st.none())
def test_whatever_is_a_share_is_in_range(value: object) -> None:
    try:
        permille = permille_of(share_of(value))
    except ValueError:
        return
    assert RANGES["miss_permille"].permits(permille)
    assert value == "off" or (isinstance(value, float | int) and permille == value * 1000)


@given(st.sampled_from(sorted(WHOLE_NUMBERS)), st.integers() | st.text() | st.floats() | st.booleans())
def test_whatever_is_a_limit_is_in_range(name: str, value: object) -> None:
    try:
        found = limit_of(name, value)
    except ValueError:
        return
    assert RANGES[name].permits(found)
    assert value == "off" or (type(value) is int and value == found)


def test_the_resource_counts_before_the_node_and_the_node_before_the_default(tmp_path: Path) -> None:
    found = limits(
        tmp_path,
        node='records_per_day = 10\nmiss_ratio = "off"\nsequence_run = "off"',
        resource="records_per_day = 20\nsequence_run = 9",
    )
    expected = Limits()
    expected.CopyFrom(DEFAULTS)
    expected.MergeFrom(Limits(records_per_day=20, miss_permille=0, sequence_run=9))
    assert found == expected


def test_a_resource_can_turn_off_what_the_node_sets(tmp_path: Path) -> None:
    found = limits(tmp_path, node="miss_ratio = 0.1\nattempts_per_subject = 3", resource="miss_ratio = 0")
    assert (found.miss_permille, found.attempts_per_subject) == (0, 3)


def test_without_a_word_the_defaults_hold(tmp_path: Path) -> None:
    assert limits(tmp_path) == DEFAULTS


@pytest.mark.parametrize(("file", "attempts"), [("deaths.toml", 5), ("vehicles.toml", 20)])
def test_the_examples_do_without_the_breaker(tmp_path: Path, file: str, attempts: int) -> None:
    (tmp_path / "node.toml").write_text(NODE, "utf-8")
    found = limits_of(load_node(tmp_path / "node.toml"), load_resource(EXAMPLES / file))
    expected = Limits()
    expected.CopyFrom(DEFAULTS)
    expected.MergeFrom(Limits(miss_permille=0, attempts_per_subject=attempts))
    assert found == expected
