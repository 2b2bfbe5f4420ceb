"""A small register of made-up people and their vehicles, as a CSV file with its resource."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from provider_node.config import load_resource
from provider_node.domain.build import Builder
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.store.manifest import Manifest
from stayput.outcomes import MATCH, MISMATCH, NO_VALUE, NOT_ASKED, NOT_FOUND

CODE = "vehicle-owners"
KEY = "owner"
CHECKS = ("name", "plate")
PEOPLE = 300
BUILT_AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
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
[keys.owner]
fields = ["owner_id"]
[checks.name]
fields = ["name"]
[checks.plate]
fields = ["plate"]
"""


@dataclass(frozen=True)
class Person:
    """One line of a list or of the register; a field may be empty."""

    owner_id: str
    name: str
    plate: str


def person(number: int) -> Person:
    """A person of the register (below `PEOPLE`) or a stranger; every fifth has no plate."""
    plate = "" if number % 5 == 0 else f"京A{number:05}"
    return Person(resident_id(number), "王" + chr(0x4E00 + number), plate)


def resident_id(number: int) -> str:
    """A valid number, a different one for each of 0 to 999,999 (GB 11643-1999, MOD 11-2)."""
    year, month, day = 1950 + number // 28_000, 1 + number // 2_800 % 10, 1 + number // 100 % 28
    body = f"110105{year:04}{month:02}{day:02}{number % 100:03}"
    total = sum(int(digit) << (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def asked(number: int) -> tuple[Person, tuple[int, int, int]]:
    """A record of a list, of a kind that changes with the number, and the outcomes it must have."""
    right = person(number)
    name = MATCH
    match number % 4:
        case 1:
            right = Person(right.owner_id, "李" + right.name[1:], right.plate)
            name = MISMATCH
        case 2:
            right = Person(right.owner_id, right.name, "")
        case 3:
            return person(number + PEOPLE), (NOT_FOUND, NOT_FOUND, NOT_FOUND)
    if not right.plate:
        return right, (MATCH, name, NOT_ASKED)
    return right, (MATCH, name, MATCH)


def without_plate_here() -> tuple[Person, tuple[int, int, int]]:
    """A record with a plate for somebody whose plate the register does not have."""
    known = person(5)
    return Person(known.owner_id, known.name, "京A99999"), (MATCH, MATCH, NO_VALUE)


def write_source(path: Path, people: int = PEOPLE) -> None:
    """The register as CSV."""
    rows = (person(number) for number in range(people))
    lines = (f"{one.owner_id},{one.name},{one.plate}\n" for one in rows)
    path.write_text("身份证号码,姓名,号牌号码\n" + "".join(lines), "utf-8")


def write_files(directory: Path, people: int = PEOPLE, resource: str = RESOURCE) -> None:
    """The register and its resource, as a node's directory holds them."""
    (directory / "resources").mkdir(parents=True, exist_ok=True)
    (directory / "resources" / "vehicles.toml").write_text(resource, "utf-8")
    write_source(directory / "vehicles.csv", people)


def build(
    directory: Path, index_key: IndexKey, oprf_keys: OprfKeys, data: Path, now: datetime = BUILT_AT
) -> Manifest:
    """Builds the register in `directory` into the data directory of a node."""
    resource = load_resource(directory / "resources" / "vehicles.toml")
    builder = Builder(data, index_key, oprf_keys, "0.0-test", lambda length: bytes(range(length)))
    return builder.build(resource, now, lambda _: None)
