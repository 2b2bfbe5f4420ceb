"""What a profile tells of a register with known faults."""

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from math import log2
from pathlib import Path

import pytest

from provider_node.config import load_resource
from provider_node.domain.build import Builder
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.profile import (
    KEY_BYTES,
    CheckProfile,
    FieldProfile,
    Finding,
    KeyProfile,
    Kind,
    Level,
    Profile,
    Run,
    Shape,
    Step,
    profile,
)
from provider_node.domain.tokens import IndexKey
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from tests.provider_node.profile import register
from tests.provider_node.profile.conftest import Profiled
from tests.provider_node.profile.register import FAULTS, PEOPLE, SECOND_VEHICLES

ROWS = PEOPLE + SECOND_VEHICLES
NO_KEYS = FAULTS["wrong_id"] + FAULTS["damaged_id"] + FAULTS["no_id"]
VALID_IDS = {register.resident_id(number) for number in range(PEOPLE)}
ONE_KEY = ('[keys.name_and_plate]\nfields = ["name", "plate"]\n', "")
FLEET = [f"{register.resident_id(7)},{register.name(7)},苏C{number},1,是" for number in range(2_000)]


def field(found: Profile, name: str) -> FieldProfile:
    return next(one for one in found.fields if one.name == name)


def key(found: Profile, name: str) -> KeyProfile:
    return next(one for one in found.keys if one.name == name)


def check(found: Profile, name: str) -> CheckProfile:
    return next(one for one in found.checks if one.name == name)


def of_kind(found: Profile, kind: Kind) -> list[Finding]:
    return [one for one in found.findings if one.kind is kind]


def test_rows_and_unreadable_lines(profiled: Profiled) -> None:
    found = profiled()
    assert (found.resource, found.title, found.complete) == ("vehicle-owners", "机动车登记", True)
    assert (found.rows, found.unreadable) == (ROWS, {"COLUMNS": FAULTS["broken_lines"]})


def test_a_field_is_counted(profiled: Profiled) -> None:
    found = field(profiled(), "owner_id")
    assert (found.type, found.column) == ("resident_id", "身份证号码")
    assert found.present == ROWS - NO_KEYS
    assert found.missing == FAULTS["no_id"]
    assert found.rejected == {
        "CHECKSUM": FAULTS["wrong_id"],
        "SPREADSHEET_DAMAGE": FAULTS["damaged_id"],
    }
    assert (found.distinct, found.distinct_exact) == (PEOPLE - NO_KEYS, True)
    assert (found.shortest, found.longest) == (17, 18)
    assert found.top_share == pytest.approx(2 / found.present, abs=1e-6)


def test_shapes_say_how_values_are_written(profiled: Profiled) -> None:
    found = profiled()
    numbers = Counter(row[0][-1:] for row in register.rows() if len(row[0]) == 18)
    shapes = field(found, "owner_id").shapes
    assert shapes[1].shape == "9{17}A"
    assert shapes[1].rows == numbers["X"]
    assert Shape("9.9{11}A+9{2}", FAULTS["damaged_id"], FAULTS["damaged_id"]) in shapes
    assert field(found, "name").shapes == (Shape("?{4}", ROWS, 0),)
    assert field(found, "plate").shapes == (Shape("汉A·9{5}", ROWS - FAULTS["no_plate"], 0),)


def test_repeated_subjects_are_counted_by_key(profiled: Profiled) -> None:
    found = profiled()
    owner = key(found, "owner")
    assert (owner.usable, owner.unusable) == (ROWS - NO_KEYS, NO_KEYS)
    assert (owner.subjects, owner.repeating) == (PEOPLE - NO_KEYS, SECOND_VEHICLES)
    assert (owner.most_rows, owner.exact) == (2, True)
    pair = key(found, "name_and_plate")
    assert (pair.fields, pair.repeating) == (("name", "plate"), 0)
    assert pair.unusable == FAULTS["no_plate"]


def test_a_row_is_without_a_key_if_none_is_usable(profiled: Profiled) -> None:
    both = sum(not row[2] and 50 <= number < 50 + NO_KEYS for number, row in enumerate(register.rows()))
    assert 0 < both < NO_KEYS
    assert profiled().rows_without_key == both


def test_it_agrees_with_the_build(profiled: Profiled, tmp_path: Path) -> None:
    found = profiled(ONE_KEY)
    resource = load_resource(tmp_path / "resources" / "vehicles.toml")
    builder = Builder(tmp_path / "data", IndexKey(bytes(32)), OprfKeys(bytes(32)), "0", bytes)
    manifest = builder.build(resource, datetime.now(UTC), lambda _: None)
    assert manifest.subjects == found.keys[0].subjects
    assert manifest.rows == found.rows - found.rows_without_key
    rejects = {
        (one.name, reason): count
        for one in found.fields
        for reason, count in (("MISSING", one.missing), *one.rejected.items())
        if count and (reason != "MISSING" or one.name == "owner_id")
    }
    rejects |= {("", reason): lines for reason, lines in found.unreadable.items()}
    assert {(one.field, one.reason): one.count for one in manifest.rejects} == rejects


def test_checks_are_told_by_how_easily_they_are_guessed(profiled: Profiled) -> None:
    found = profiled(ONE_KEY)
    plate, pledged = check(found, "plate"), check(found, "pledged")
    assert plate.present == ROWS - FAULTS["no_plate"]
    subjects = sum(bool(row[2]) and row[0] in VALID_IDS for row in register.rows())
    assert plate.guess.distinct == subjects
    assert plate.guess.entropy_bits == pytest.approx(log2(subjects), abs=0.01)
    assert plate.values_per_subject < 1
    assert plate.guess.probability == pytest.approx(5 / subjects, abs=1e-6)
    assert plate.guess.limit == (subjects - 1) // 100
    assert (pledged.guess.distinct, pledged.guess.probability, pledged.guess.limit) == (2, 1.0, 0)
    assert 0.9 < pledged.guess.entropy_bits < 1


def test_the_easiest_key_to_guess_by_counts(profiled: Profiled) -> None:
    one, both = check(profiled(ONE_KEY), "all").guess, check(profiled(), "all").guess
    assert both.probability > one.probability


def test_a_subject_with_several_values_counts_with_each(profiled: Profiled) -> None:
    found = profiled(ONE_KEY, more=FLEET)
    assert check(found, "plate").values_per_subject > 4
    assert check(found, "plate").guess.probability == pytest.approx(5 / found.keys[0].subjects, abs=1e-5)


def test_the_name_of_who_owns_a_fleet_is_as_hard_to_guess_as_any(profiled: Profiled) -> None:
    found = profiled(ONE_KEY, ('["name", "pledged"]', '["name"]'), more=FLEET)
    assert field(found, "name").top_share > 0.7
    assert check(found, "all").guess.probability == pytest.approx(5 / found.keys[0].subjects, abs=1e-6)


def test_a_check_of_two_fields_is_taken_as_a_whole(profiled: Profiled) -> None:
    found = check(profiled(ONE_KEY), "all")
    assert (found.fields, found.present) == (("name", "pledged"), ROWS)
    assert found.guess.distinct == len({row[1::3] for row in register.rows() if row[0] in VALID_IDS})


def test_a_condition_is_said_to_be_told_by_one_question(profiled: Profiled) -> None:
    found = profiled()
    dear = check(found, "dear")
    assert dear.condition == "value >= 100000"
    values = [int(row[3]) for row in register.rows() if row[3]]
    assert (dear.present, dear.met) == (len(values), sum(value >= 100_000 for value in values))
    assert (dear.guess.probability, dear.guess.limit) == (1.0, 0)
    (finding,) = of_kind(found, Kind.CONDITION)
    assert (finding.level, finding.where, finding.rows) == (Level.KNOW, "dear", len(values))


def test_attempts_decide_what_can_be_guessed(profiled: Profiled) -> None:
    def found(kind: Kind, attempts: int) -> set[str]:
        return {one.where for one in of_kind(profiled(ONE_KEY, attempts=attempts), kind)}

    assert found(Kind.CHECK_FEW_VALUES, 1) == {"pledged"}
    assert found(Kind.CHECK_GUESSABLE, 4) == set()
    assert found(Kind.CHECK_GUESSABLE, 5) == {"plate"}
    assert found(Kind.CHECK_GUESSABLE, 6) == found(Kind.CHECK_GUESSABLE, 0) == {"plate", "all"}


def test_findings_begin_with_what_affects_most_rows(profiled: Profiled) -> None:
    found = profiled().findings
    assert [one.level for one in found] == sorted((one.level for one in found), key=list(Level).index)
    for level in Level:
        rows = [one.rows for one in found if one.level is level]
        assert rows == sorted(rows, reverse=True)
    told = {(one.kind, one.where, one.reason, one.rows) for one in found}
    assert {
        (Kind.LINES_UNREADABLE, "", "COLUMNS", FAULTS["broken_lines"]),
        (Kind.VALUES_REJECTED, "owner_id", "CHECKSUM", FAULTS["wrong_id"]),
        (Kind.VALUES_REJECTED, "owner_id", "SPREADSHEET_DAMAGE", FAULTS["damaged_id"]),
        (Kind.KEY_VALUES_MISSING, "owner_id", "", FAULTS["no_id"]),
        (Kind.KEY_VALUES_MISSING, "plate", "", FAULTS["no_plate"]),
        (Kind.SUBJECTS_REPEATED, "owner", "", SECOND_VEHICLES),
    } <= told


def test_missing_values_of_a_check_are_only_to_be_known(profiled: Profiled) -> None:
    (finding,) = of_kind(profiled(ONE_KEY), Kind.CHECK_VALUES_MISSING)
    assert (finding.level, finding.where, finding.rows) == (Level.KNOW, "plate", FAULTS["no_plate"])


@pytest.mark.parametrize(
    ("frequency", "later", "stale"),
    [
        ("daily", timedelta(hours=20), False),
        ("daily", timedelta(days=3), True),
        ("irregular", timedelta(400), False),
    ],
)
def test_data_are_stale_by_the_declared_frequency(
    profiled: Profiled, frequency: str, later: timedelta, *, stale: bool
) -> None:
    found = profiled(('"daily"', f'"{frequency}"'), later=later)
    assert (found.freshness.update_frequency, found.freshness.stale) == (frequency, stale)
    assert found.freshness.modified_at is not None
    assert bool(of_kind(found, Kind.STALE)) is stale


@pytest.mark.parametrize(
    ("most", "rows", "complete"), [(1, 1, False), (639, 639, False), (640, 640, True), (9_999, 640, True)]
)
def test_only_the_first_rows_are_read_if_told_so(
    profiled: Profiled, most: int, rows: int, *, complete: bool
) -> None:
    found = profiled(rows=most)
    assert (found.rows, found.complete) == (rows, complete)
    assert sum(found.fields[0].rejected.values()) + found.fields[0].present + found.fields[0].missing == rows


def test_a_register_without_rows_is_the_first_finding(profiled: Profiled, tmp_path: Path) -> None:
    profiled()
    (tmp_path / "vehicles.csv").write_text(",".join(register.HEADER) + "\n", "utf-8")
    resource = load_resource(tmp_path / "resources" / "vehicles.toml")
    found = profile(resource, Run(5, datetime.now(UTC), bytes(KEY_BYTES), lambda _: None))
    assert found.rows == 0
    assert found.findings[0].kind is Kind.NO_ROWS
    assert [one.guess.probability for one in found.checks] == [0.0, 0.0, 0.0, 1.0]


def test_how_far_it_is_is_told(profiled: Profiled) -> None:
    steps: list[Step] = []
    profiled(steps=steps.append)
    assert steps[-1].rows == ROWS
    assert 0 < steps[-1].bytes_read <= steps[-1].bytes_total


def test_what_progress_raises_ends_the_reading(profiled: Profiled) -> None:
    def stop(_: Step) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        profiled(steps=stop)


def test_a_source_without_the_column_is_refused(profiled: Profiled) -> None:
    with pytest.raises(StayputError) as raised:
        profiled(('column = "姓名"', 'column = "名字"'))
    assert raised.value.reason == ErrorReason.ERROR_REASON_SOURCE_INVALID
    assert raised.value.field == "fields.name.column"


def test_a_database_tells_the_same_but_not_when_it_was_changed(profiled: Profiled, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "register.db")) as database, database:
        names = ", ".join(f'"{column}" text' for column in register.HEADER)
        database.execute(f"create table vehicles ({names})")
        database.executemany("insert into vehicles values (?, ?, ?, ?, ?)", list(register.rows()))
    by_file = profiled()
    by_table = profiled(
        (
            'kind = "csv"\npath = "../vehicles.csv"',
            'kind = "sqlite"\npath = "../register.db"\ntable = "vehicles"',
        )
    )
    assert (by_table.fields, by_table.keys, by_table.checks) == (by_file.fields, by_file.keys, by_file.checks)
    assert (by_table.freshness.modified_at, by_table.freshness.stale) == (None, False)
