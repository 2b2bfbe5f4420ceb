import csv
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from random import Random

import pytest
from stdnum import numdb
from stdnum.cn import ric

from examples import generate
from examples.applicants import MISTAKES, Applicants, Expected
from examples.people import PEOPLE, PLATES, Population, check_character
from examples.registers import Deaths, Vehicles
from provider_node.config import CsvSourceConfig, load_resources
from stayput.delimited import Dialect, detect_encoding, read_batches, read_header
from stayput.normalise import Field, FieldType, Reject, normaliser

EXAMPLES = Path(generate.__file__).parent
FILES = ("applicants.csv", "vehicles.csv", "deaths.csv", "expected.json")
TODAY = date(2026, 1, 5)
Values = dict[str, str | Reject]

_ID = normaliser(Field("id", FieldType.RESIDENT_ID), TODAY).one
_NAME = normaliser(Field("name", FieldType.PERSON_NAME), TODAY).one
_PLATE = normaliser(
    Field("plate", FieldType.CODE, (("case", "upper"), ("drop", "space,hyphen,dot"))), TODAY
).one
LIST_COLUMNS = {"id": ("身份证号", _ID), "name": ("姓名", _NAME), "plate": ("号牌号码", _PLATE)}
VEHICLE_COLUMNS = {"id": ("身份证号", _ID), "name": ("所有人姓名", _NAME), "plate": ("号牌号码", _PLATE)}
DEATH_COLUMNS = {"id": ("身份证号", _ID), "name": ("姓名", _NAME)}
Columns = Mapping[str, tuple[str, Callable[[str], str | Reject]]]


def people() -> Population:
    return Population(Random(1))


def listed(path: Path) -> Iterator[Values | None]:
    """Records of a list, None for one that cannot be read."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    for row in rows:
        yield values(header, row, LIST_COLUMNS) if len(row) == len(header) else None


def registered(path: Path, encoding: str, columns: Columns) -> tuple[dict[str, list[Values]], Counter[str]]:
    """Usable rows by identity number, and how many cannot be used. No record here has several lines."""
    header, *lines = path.read_bytes().removeprefix("\ufeff".encode()).splitlines()
    names = header.decode(encoding).split(",")
    rows, unusable = defaultdict(list), Counter[str]()
    for line in lines:
        try:
            (row,) = csv.reader([line.decode(encoding)], strict=True)
        except (csv.Error, UnicodeDecodeError):
            unusable["unreadable"] += 1
            continue
        if len(row) != len(names):
            unusable["unreadable"] += 1
            continue
        found = values(names, row, columns)
        if isinstance(found["id"], Reject):
            unusable["rejected"] += 1
        else:
            rows[found["id"]].append(found)
    return rows, unusable


def values(header: list[str], row: list[str], columns: Columns) -> Values:
    return {name: one(row[header.index(column)]) for name, (column, one) in columns.items()}


def compared(records: list[Values | None], register: dict[str, list[Values]], checks: list[str]) -> object:
    key, outcomes = Counter[str](), {check: Counter[str]() for check in checks}
    for record in records:
        if record is None or isinstance(record["id"], Reject):
            key["INVALID"] += 1
            for counts in outcomes.values():
                counts["INVALID"] += 1
            continue
        rows = register.get(record["id"])
        key["MATCH" if rows else "NOT_FOUND"] += 1
        for check, counts in outcomes.items():
            counts[checked(record[check], rows, check)] += 1
    return {"key": {"resident_id": key}, "checks": outcomes}


def checked(value: str | Reject, rows: list[Values] | None, check: str) -> str:
    if isinstance(value, Reject) and value is not Reject.MISSING:
        return "INVALID"
    if not rows:
        return "NOT_FOUND"
    known = [row[check] for row in rows if isinstance(row[check], str)]
    if value is Reject.MISSING or not known:
        return "UNVERIFIABLE"
    return "MATCH" if value in known else "MISMATCH"


def without_zeros(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {name: {outcome: n for outcome, n in some.items() if n} for name, some in counts.items()}


def test_the_samples_are_what_the_program_makes(tmp_path: Path) -> None:
    generate.samples(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == {
        name: (EXAMPLES / name).read_bytes() for name in FILES
    }


def test_another_seed_makes_other_people(tmp_path: Path) -> None:
    generate.samples(tmp_path, seed=1)
    for name in FILES[:3]:
        assert (tmp_path / name).read_bytes() != (EXAMPLES / name).read_bytes()


def test_the_samples_are_encoded_as_said() -> None:
    data = {name: (EXAMPLES / name).read_bytes() for name in FILES}
    data["applicants.csv"].decode("utf-8")
    assert b"\r" not in data["applicants.csv"]
    assert data["deaths.csv"].startswith(b"\xef\xbb\xbf")
    data["deaths.csv"].decode("utf-8-sig")
    lines = data["vehicles.csv"].split(b"\r\n")
    assert lines.pop() == b""
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    undecodable = [line for line in lines if b"\xff" in line]
    assert len(undecodable) == 2
    for line in lines:
        if line not in undecodable:
            line.decode("gb18030")
    assert detect_encoding(EXAMPLES / "vehicles.csv") == "gb18030"
    assert detect_encoding(EXAMPLES / "applicants.csv") == "utf-8"


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_naive_comparison_gives_the_expected_outcomes(tmp_path: Path, seed: int | None) -> None:
    directory = EXAMPLES
    if seed is not None:
        directory = tmp_path
        generate.samples(tmp_path, seed)
    expected = json.loads((directory / "expected.json").read_text(encoding="utf-8"))
    records = list(listed(directory / "applicants.csv"))
    assert len(records) == expected["records"]
    for code, file, encoding, columns in (
        ("vehicle-owners", "vehicles.csv", "gb18030", VEHICLE_COLUMNS),
        ("deaths", "deaths.csv", "utf-8", DEATH_COLUMNS),
    ):
        planted = expected["resources"][code]
        register, unusable = registered(directory / file, encoding, columns)
        found = compared(records, register, list(planted["checks"]))
        assert found == {group: without_zeros(planted[group]) for group in ("key", "checks")}
        rows = sum(map(len, register.values())) + unusable.total()
        assert rows == planted["register"]["rows"]
        for what in ("unreadable", "rejected"):
            assert sum(planted["register"][what].values()) == unusable[what]


def test_every_outcome_occurs() -> None:
    resources = json.loads((EXAMPLES / "expected.json").read_text(encoding="utf-8"))["resources"]
    for resource in resources.values():
        assert all(resource["key"]["resident_id"].values())
        assert all(all(counts.values()) for counts in resource["checks"].values())
    assert resources["deaths"]["key"]["resident_id"]["MATCH"] < 15


def test_the_reader_faults_the_damaged_rows_and_no_other() -> None:
    damaged = json.loads((EXAMPLES / "expected.json").read_text(encoding="utf-8"))["resources"][
        "vehicle-owners"
    ]
    dialect = Dialect(encoding="gb18030")
    (batch,) = read_batches(EXAMPLES / "vehicles.csv", dialect)
    assert Counter(fault.name for _, fault in batch.faults) == damaged["register"]["unreadable"]
    assert len(batch) == damaged["register"]["rows"]
    (batch,) = read_batches(EXAMPLES / "applicants.csv", Dialect())
    assert len(batch) == generate.SAMPLE_APPLICANTS
    assert len(batch.faults) == 1
    assert read_header(EXAMPLES / "deaths.csv", Dialect()) == ["姓名", "身份证号", "死亡日期"]


def test_the_resource_files_fit_the_registers() -> None:
    resources = load_resources(EXAMPLES / "resources")
    assert set(resources) == {"vehicle-owners", "deaths"}
    for resource in resources.values():
        assert isinstance(resource.source, CsvSourceConfig)
        assert resource.source.path.resolve().parent == EXAMPLES
        header = read_header(resource.source.path, resource.source.dialect)
        assert {field.column for field in resource.fields.values()} <= set(header)


def test_some_owners_have_several_vehicles_far_apart() -> None:
    rows, _ = registered(EXAMPLES / "vehicles.csv", "gb18030", VEHICLE_COLUMNS)
    assert Counter(map(len, rows.values())).keys() == {1, 2, 3}
    (first, *_, last) = (
        at
        for at, line in enumerate(Vehicles(people(), 1_000).lines(Random(1)))
        if people().resident_id(30) in line
    )
    assert last - first > 50


def test_identity_numbers_are_right_and_different() -> None:
    population = people()
    numbers = [population.resident_id(person) for person in range(20_000)]
    assert len(set(numbers)) == len(numbers)
    places = numdb.get("cn/loc")
    for number in numbers:
        assert number[-1] == ric.calc_check_digit(number) == check_character(number[:17])
        assert date(1935, 1, 1) <= ric.get_birth_date(number) <= date(1999, 12, 31)
        # The oracle does not know the residence permits for Hong Kong, Macao and Taiwan residents.
        assert number[:2] in ("81", "82", "83") or "county" in places.info(number[:6])[1][1]
    assert population.resident_id(PEOPLE) == numbers[0]


def test_plates_are_different() -> None:
    population = people()
    assert len({population.plate(vehicle) for vehicle in range(50_000)}) == 50_000
    assert population.plate(PLATES) == population.plate(0)


def test_names_of_two_parts_have_a_middle_dot() -> None:
    names = [people().name(person) for person in range(1_000)]
    assert 10 < sum("·" in name for name in names) < 60
    assert all(isinstance(_NAME(name), str) and _NAME(name) == name for name in names)


def test_rows_are_as_many_as_asked_for_and_come_one_by_one() -> None:
    for rows in (0, 1, 6, 7, 8, 100):
        assert len(list(Vehicles(people(), rows, damage_every=10).lines(Random(1)))) == rows
        assert len(list(Deaths(people(), rows).lines(Random(1)))) == rows
    assert "," in next(Vehicles(people(), 50_000_000).lines(Random(1)))


def test_a_list_has_every_mistake_in_turn() -> None:
    vehicles = Vehicles(people(), 1_000)
    claims = list(Applicants(people(), vehicles, len(MISTAKES), mistakes_every=1).claims(Random(1)))
    assert sum(not claim.usable for claim in claims) == 6
    assert len({claim.person for claim in claims}) == len(MISTAKES)


def test_a_list_has_the_share_of_owners_asked_for() -> None:
    vehicles = Vehicles(people(), 10_000)
    expected = Expected(vehicles)
    for claim in Applicants(people(), vehicles, 5_000, found=0.2).claims(Random(1)):
        expected.add(claim)
    assert 0.17 < expected.key()["MATCH"] / 5_000 < 0.23


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("deaths x.csv --rows 40000000", "rows: at most"),
        ("applicants x.csv --rows 9 --vehicles 0 --deaths 0", "at least one row"),
        ("applicants x.csv --rows 99 --vehicles 1 --deaths 0 --mistakes-every 1", "too few owners"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, arguments: str, message: str) -> None:
    command = [sys.executable, "-m", "examples.generate", *arguments.split()]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert message in run.stderr


def test_files_made_one_by_one_belong_together(tmp_path: Path) -> None:
    """What the list's command prints is what comparing the files gives."""
    damage = ("--damage-every", "100")
    sizes = ("--vehicles", "2000", "--deaths", "300")
    commands = {
        "vehicles": ("--rows", "2000", *damage),
        "deaths": ("--rows", "300"),
        "applicants": ("--rows", "300", *sizes, *damage, "--mistakes-every", "10"),
    }
    printed = ""
    for command, options in commands.items():
        printed = subprocess.run(
            [sys.executable, EXAMPLES / "generate.py", command, f"{command}.csv", "--seed", "5", *options],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    expected = json.loads(printed)["resources"]
    records = list(listed(tmp_path / "applicants.csv"))
    vehicles, _ = registered(tmp_path / "vehicles.csv", "gb18030", VEHICLE_COLUMNS)
    deaths, _ = registered(tmp_path / "deaths.csv", "utf-8", DEATH_COLUMNS)
    for code, register in (("vehicle-owners", vehicles), ("deaths", deaths)):
        planted = {group: without_zeros(expected[code][group]) for group in ("key", "checks")}
        assert compared(records, register, list(planted["checks"])) == planted
