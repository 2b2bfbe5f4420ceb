"""Conditions in resource files."""

import pickle
from pathlib import Path

import pytest

from provider_node.config import ResourceConfig, contract_of, load_resource
from provider_node.config.conditions import LONGEST, conditions_of
from stayput.errors import StayputError
from stayput.v1.contract_pb2 import Check
from stayput.v1.errors_pb2 import ErrorReason

TEXT = """\
code = "vehicle-owners"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
source = { kind = "csv", path = "vehicles.csv" }

[fields]
owner_id = { column = "身份证号码", type = "resident_id" }
plate = { column = "号牌号码", type = "code", options = { case = "upper" } }
price = { column = "价格", type = "number", options = { scale = 2 } }
first_seen = { column = "初次登记日期", type = "date" }
colour = { column = "颜色", type = "text" }

[keys.owner]
fields = ["owner_id"]

[checks.plate]
fields = ["plate"]

[checks.costly]
condition = "price >= 100000"
title = "车价十万元以上"
title_en = "Costs 100,000 yuan or more"

[checks.local]
condition = '''
plate IN ('京a1', '京a2')
  AND (first_seen<date '2026-01-31' OR price IS NULL)'''
"""


def loaded(directory: Path, text: str = TEXT) -> ResourceConfig:
    path = directory / "vehicles.toml"
    path.write_text(text, "utf-8")
    return load_resource(path)


def test_the_contract_has_conditions_in_canonical_form(tmp_path: Path) -> None:
    contract = contract_of(loaded(tmp_path), bytes(16))
    assert list(contract.checks) == [
        Check(name="plate", fields=["plate"]),
        Check(
            name="costly",
            condition="price >= 100000",
            title="车价十万元以上",
            title_en="Costs 100,000 yuan or more",
        ),
        Check(
            name="local",
            condition="plate in ('京A1', '京A2') and (first_seen < date '2026-01-31' or price is null)",
        ),
    ]
    # A field that is in a key or a check as well is published; so is one that nothing names.
    assert [field.name for field in contract.fields] == ["owner_id", "plate", "colour"]


def test_conditions_come_with_the_fields_that_they_name(tmp_path: Path) -> None:
    conditions = conditions_of(loaded(tmp_path))
    assert list(conditions.checks) == ["costly", "local"]
    assert set(conditions.fields) == {"price", "plate", "first_seen"}
    assert conditions.fields["price"].options == (("scale", "2"),)
    # Workers get them so.
    assert pickle.loads(pickle.dumps(conditions)) == conditions  # noqa: S301 (pickled here)
    without = TEXT[: TEXT.index("[checks.costly]")]
    assert not conditions_of(loaded(tmp_path, without)).fields


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "price >= 100000",
            "prize >= 100000",
            "condition: column 1: names the field 'prize', which is not declared; did you mean 'price'?",
        ),
        (
            "price >= 100000",
            "price >= 十万",
            ":22: checks.costly.condition: column 10: names the field '十万', which is not declared",
        ),
        (
            "price >= 100000",
            "price >= 0.125",
            ":22: checks.costly.condition: column 10: the literal compared",
        ),
        ("price >= 100000", "price", ":22: checks.costly.condition: column 6: expected one of ="),
        ("OR price", "OR", ":27: checks.local.condition: line 2, column 40: expected the name of a field"),
        (
            'type = "date"',
            'type = "text"',
            "checks.local.condition: line 2, column 8: the field 'first_seen' is",
        ),
        ("{ scale = 2 }", "{ scale = 20 }", ":11: fields.price: option scale takes one digit, 0 to 9"),
        (
            'condition = "price >= 100000"',
            'condition = ""',
            ":22: checks.costly.condition: string should have",
        ),
        (
            'condition = "price >= 100000"',
            'condition = "price >= 1"\nfields = ["plate"]',
            ":21: checks.costly: must have either `fields` or `condition`",
        ),
        ('condition = "price >= 100000"', "", ":21: checks.costly: must have either `fields` or `condition`"),
    ],
)
def test_a_fault_is_told_by_line_and_key_and_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in TEXT
    with pytest.raises(StayputError) as caught:
        loaded(tmp_path, TEXT.replace(old, new))
    assert caught.value.reason == ErrorReason.ERROR_REASON_CONFIGURATION_INVALID
    assert problem in caught.value.message
    assert caught.value.remedy


def test_all_conditions_with_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(StayputError) as caught:
        loaded(tmp_path, TEXT.replace("price", "prize").replace("prize =", "price ="))
    lines = caught.value.message.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["checks.costly.condition", "checks.local.condition"]


def test_a_condition_that_is_too_long_when_written_in_full_is_refused(tmp_path: Path) -> None:
    crowded = "price>1" + " or price>1" * ((LONGEST - 7) // 11)
    assert len(crowded) <= LONGEST
    with pytest.raises(StayputError, match="longer than 2,000 characters in its canonical form"):
        loaded(tmp_path, TEXT.replace("price >= 100000", crowded))


def test_a_definition_that_was_not_loaded_is_checked_too(tmp_path: Path) -> None:
    resource = loaded(tmp_path)
    check = resource.checks["costly"].model_copy(update={"condition": "price > cost"})
    changed = resource.model_copy(update={"checks": {**resource.checks, "costly": check}})
    with pytest.raises(StayputError) as caught:
        contract_of(changed, bytes(16))
    assert (caught.value.reason, caught.value.field) == (
        ErrorReason.ERROR_REASON_FIELD_INVALID,
        "checks.costly.condition",
    )
