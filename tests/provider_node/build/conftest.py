"""A register in a CSV file, its resource, and a builder whose time and randomness are fixed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provider_node.config import ResourceConfig, load_resource
from provider_node.domain.build import Builder
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.store.generations import Generations
from provider_node.store.manifest import Manifest

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
RESOURCE = """\
code = "vehicle-owners"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
[source]
kind = "csv"
path = "vehicles.csv"
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
HEADER = "身份证号码,姓名,号牌号码\n"


def _resident_id(number: int) -> str:
    """A valid number, a different one for each of 0 to 999,999 (GB 11643-1999, MOD 11-2)."""
    year, month, day = 1950 + number // 28_000, 1 + number // 2_800 % 10, 1 + number // 100 % 28
    body = f"110105{year:04}{month:02}{day:02}{number % 100:03}"
    total = sum(int(digit) << (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


@pytest.fixture
def resident_id() -> Callable[[int], str]:
    return _resident_id


@pytest.fixture
def write_resource(tmp_path: Path) -> Callable[..., ResourceConfig]:
    """Writes a register's rows, and a resource file changed as told; returns the resource."""

    def write(
        rows: Sequence[Sequence[str]],
        *changes: tuple[str, str],
        header: str = HEADER,
        encoding: str = "utf-8",
        directory: Path = tmp_path,
    ) -> ResourceConfig:
        text = RESOURCE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "vehicles.toml").write_text(text, "utf-8")
        content = header + "".join(",".join(row) + "\n" for row in rows)
        (directory / "vehicles.csv").write_bytes(content.encode(encoding, "surrogateescape"))
        return load_resource(directory / "vehicles.toml")

    return write


@pytest.fixture
def index_key() -> IndexKey:
    return IndexKey(bytes(range(32)))


@pytest.fixture
def oprf_keys() -> OprfKeys:
    return OprfKeys(bytes(range(32, 64)))


@pytest.fixture
def builder(tmp_path: Path, index_key: IndexKey, oprf_keys: OprfKeys) -> Builder:
    return Builder(tmp_path / "data", index_key, oprf_keys, "0.0-test", lambda length: bytes(range(length)))


@pytest.fixture
def build(builder: Builder) -> Callable[..., Manifest]:
    """Builds a resource, at a fixed time unless told another."""

    def run(resource: ResourceConfig, now: datetime = NOW) -> Manifest:
        return builder.build(resource, now, lambda _: None)

    return run


@pytest.fixture
def generations(tmp_path: Path, index_key: IndexKey) -> Generations:
    return Generations(tmp_path / "data", index_key.id)
