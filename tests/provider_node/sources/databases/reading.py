"""Configurations of databases as a resource file has them, and what comes of reading them."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import pytest

from provider_node.config import DatabaseSourceConfig, SqliteSourceConfig
from provider_node.sources import Batch, open_source
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason
from tests.comparator.postgresql import OWNER, Server

ID = {"id": "id"}


def sqlite_config(path: Path, **keys: str) -> SqliteSourceConfig:
    return SqliteSourceConfig.model_validate(
        {"kind": "sqlite", "path": str(path), **keys}, context=path.parent
    )


def server_config(directory: Path, **keys: object) -> DatabaseSourceConfig:
    """Paths are taken relative to the directory."""
    kept = {"kind": "postgresql", "host": "127.0.0.1", "database": "register", "user": "reader"}
    return DatabaseSourceConfig.model_validate({**kept, **keys}, context=directory)


def postgresql_config(server: Server, database: str, **keys: object) -> DatabaseSourceConfig:
    where = {"host": str(server.directory), "database": database, "user": OWNER}
    return server_config(server.directory, **{**where, **keys})


def password_file(directory: Path, password: str) -> str:
    """Writes a password; gives the path."""
    path = directory / "password"
    path.touch(0o600)
    path.write_text(password)
    return str(path)


def batches(
    config: SqliteSourceConfig | DatabaseSourceConfig, columns: Mapping[str, str] = ID
) -> list[Batch]:
    return list(open_source(config, columns).batches())


def read(
    config: SqliteSourceConfig | DatabaseSourceConfig, columns: Mapping[str, str] = ID
) -> dict[str, list[str]]:
    """The texts of each field."""
    found = batches(config, columns)
    return {field: list(chain.from_iterable(batch.columns[field] for batch in found)) for field in columns}


def refused(
    config: SqliteSourceConfig | DatabaseSourceConfig, columns: Mapping[str, str] = ID
) -> StayputError:
    """The error that opening or reading raises."""
    with pytest.raises(StayputError) as caught:
        batches(config, columns)
    error = caught.value
    assert error.reason == ErrorReason.ERROR_REASON_SOURCE_INVALID
    assert error.message.startswith(f"{error.field}: ")
    assert error.remedy
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error
