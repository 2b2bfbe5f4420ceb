"""Builds whose source is a database: what comes of them, and of one whose connection breaks."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import sql

from provider_node.config import ResourceConfig, load_resource
from provider_node.domain.build import Builder, Progress
from provider_node.domain.oprf_keys import OprfKeys
from provider_node.domain.tokens import IndexKey
from provider_node.store.generations import Generations
from stayput.errors import StayputError
from tests.comparator.postgresql import OWNER, Server

KEY = IndexKey(bytes(range(32)))
NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
RESOURCE = """\
code = "vehicle-owners"
title = "机动车登记"
category = "base"
sharing = "conditional"
update_frequency = "daily"
fields.owner_id = {{ column = "id", type = "resident_id" }}
fields.name = {{ column = "name", type = "person_name" }}
keys.owner.fields = ["owner_id"]
checks.name.fields = ["name"]
[source]
{source}
"""
Make = Callable[..., Path]


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(
        tmp_path / "data", KEY, OprfKeys(bytes(range(32, 64))), "0.0-test", lambda n: bytes(range(n))
    )


@pytest.fixture
def resource(tmp_path: Path) -> Callable[..., ResourceConfig]:
    """The resource with that `[source]`."""

    def write(**source: str) -> ResourceConfig:
        lines = [f'{key} = """{value}"""' for key, value in source.items()]
        path = tmp_path / "vehicles.toml"
        path.write_text(RESOURCE.format(source="\n".join(lines)), "utf-8")
        return load_resource(path)

    return write


def built(builder: Builder, resource: ResourceConfig) -> str:
    return builder.build(resource, NOW, lambda _: None).generation


def test_a_build_from_a_database_is_of_the_time_it_was_made(
    builder: Builder, resource: Callable[..., ResourceConfig], sqlite_file: Make
) -> None:
    sqlite_file(
        "CREATE TABLE register (id, name)",
        "INSERT INTO register VALUES ('11010519491231002X', '张三'), (x'31', '李四'), (1.10105e17, '王五')",
    )
    progress: list[Progress] = []
    config = resource(kind="sqlite", path="register-1.db", table="register")
    manifest = builder.build(config, NOW, progress.append)
    assert (manifest.rows, manifest.rows_left_out, manifest.subjects) == (1, 2, 1)
    assert {(one.field, one.reason) for one in manifest.rejects} == {
        ("owner_id", "ENCODING"),
        ("owner_id", "SPREADSHEET_DAMAGE"),
    }
    assert manifest.as_of == NOW
    assert {one.bytes_total for one in progress} == {0}


def test_a_broken_connection_leaves_what_serves(
    builder: Builder,
    resource: Callable[..., ResourceConfig],
    sqlite_file: Make,
    server: Server,
    database: str,
    tmp_path: Path,
) -> None:
    sqlite_file(
        "CREATE TABLE register (id, name)", "INSERT INTO register VALUES ('11010519491231002X', '张三')"
    )
    serving = built(builder, resource(kind="sqlite", path="register-1.db", table="register"))
    directory = tmp_path / "data" / "resources" / "vehicle-owners"
    before = sorted(path.name for path in (directory / "generations").iterdir())

    def end_connections(progress: Progress) -> None:
        if progress.rows:
            end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
            server.execute(end.format(database))

    where = {"host": str(server.directory), "database": database, "user": OWNER}
    query = "SELECT n AS id, 'hidden' AS name FROM generate_series(1, 1000000) n"
    config = resource(kind="postgresql", query=query, **where)
    with pytest.raises(StayputError) as caught:
        builder.build(config, NOW, end_connections)
    assert caught.value.reason_name == "SOURCE_INVALID"
    assert "the connection broke" in caught.value.message
    assert "hidden" not in caught.value.message
    current = Generations(tmp_path / "data", KEY.id).current("vehicle-owners")
    assert current is not None
    assert current.manifest.generation == serving
    assert sorted(path.name for path in (directory / "generations").iterdir()) == before
