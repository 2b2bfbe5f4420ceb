"""A register of made-up people with the faults that registers have, and what is to be found in it."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

RESOURCE = """\
code = "vehicle-owners"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
[source]
kind = "csv"
path = "../vehicles.csv"
[fields.owner_id]
column = "身份证号码"
type = "resident_id"
[fields.name]
column = "姓名"
type = "person_name"
[fields.plate]
column = "号牌号码"
type = "code"
[fields.value]
column = "评估价值"
type = "number"
[fields.pledged]
column = "抵押"
type = "boolean"
[keys.owner]
fields = ["owner_id"]
[keys.name_and_plate]
fields = ["name", "plate"]
[checks.plate]
fields = ["plate"]
[checks.pledged]
fields = ["pledged"]
[checks.all]
fields = ["name", "pledged"]
[checks.dear]
condition = "value >= 100000"
"""
NODE = '[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\ndata = "data"\nresources = "resources"\n'
HEADER = ("身份证号码", "姓名", "号牌号码", "评估价值", "抵押")
PEOPLE = 600
FAULTS = {
    "wrong_id": 12,
    "damaged_id": 11,
    "no_id": 15,
    "no_plate": 120,
    "no_value": 60,
    "broken_lines": 3,
}
"""How many rows have each fault; the vehicles of the first forty people are two each."""
SECOND_VEHICLES = 40


def resident_id(number: int) -> str:
    """A valid number, a different one for each of 0 to 999,999 (GB 11643-1999, MOD 11-2)."""
    year, month, day = 1950 + number // 28_000, 1 + number // 2_800 % 10, 1 + number // 100 % 28
    body = f"110105{year:04}{month:02}{day:02}{number % 100:03}"
    total = sum(int(digit) << (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def name(number: int) -> str:
    """A name that nobody else has."""
    return "欧阳" + chr(0x4E00 + number) + chr(0x7000 + number % 97)


def rows() -> Iterator[tuple[str, ...]]:
    """The rows: people, then the second vehicles of some."""
    faults, wrong = iter(range(PEOPLE)), {kind: set[int]() for kind in FAULTS}
    for kind in ("wrong_id", "damaged_id", "no_id"):
        wrong[kind] = {50 + next(faults) for _ in range(FAULTS[kind])}
    for number in range(PEOPLE):
        owner = resident_id(number)
        if number in wrong["wrong_id"]:
            owner = owner[:-1] + ("0" if owner[-1] != "0" else "1")
        if number in wrong["damaged_id"]:
            owner = f"1.1010519{number:04}E+17"
        if number in wrong["no_id"]:
            owner = "　"
        plate = "" if number % 5 == 0 else f"京A·{70_000 + number}"
        value = "" if number % 10 == 0 else f"{80_000 + 100 * number}"
        yield owner, name(number), plate, value, "是" if number % 3 else "否"
    for number in range(SECOND_VEHICLES):
        yield resident_id(number), name(number), f"沪B·{40_000 + number}", "312345", "否"


def lines(more: Sequence[str] = ()) -> list[str]:
    """The file's lines, with those that are no rows."""
    broken = [f"坏行{number}," * 9 for number in range(FAULTS["broken_lines"])]
    return [",".join(HEADER), *broken, *map(",".join, rows()), *more]


def write(directory: Path, resource: str = RESOURCE, more: Sequence[str] = ()) -> Path:
    """Writes node.toml, the resource and its register; there are no keys. Returns the resource's file."""
    (directory / "resources").mkdir(parents=True, exist_ok=True)
    (directory / "node.toml").write_text(NODE, "utf-8")
    (directory / "vehicles.csv").write_text("\n".join(lines(more)) + "\n", "utf-8")
    path = directory / "resources" / "vehicles.toml"
    path.write_text(resource, "utf-8")
    return path


def cells() -> set[str]:
    """Every value of the register that says something of somebody, whole and in parts that do."""
    with_words = {cell for row in csv.reader(lines()[1:]) for cell in row if cell.strip()}
    return with_words - {"是", "否"}
