"""The schema's revisions: what the database has, what this release wants, and the way there."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

import comparator.migrations
from comparator import texts
from comparator.store.database import Database, failures_told
from comparator.texts import unusable


def head() -> str:
    """The revision that this release wants."""
    return _revisions()[0]


def current(database: Database) -> str | None:
    """The database's revision; None if it is empty. `CONFIGURATION_INVALID` if it cannot be opened."""
    try:
        with failures_told(), database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError:
        # The driver's message may hold a piece of a password that is not well quoted in the URL.
        if database.engine.dialect.name == "sqlite":
            raise unusable(texts.DATABASE_UNREACHABLE, texts.DATABASE_UNREACHABLE_FIX) from None
        raise unusable(texts.SERVER_UNREACHABLE, texts.SERVER_UNREACHABLE_FIX) from None


def upgrade(database: Database) -> str:
    """Brings the database to this release's revision, all of it or nothing, and returns the revision."""
    _refuse_newer(current(database))
    config = _config()
    with database.connected() as connection:
        if connection.dialect.name == "postgresql":
            _require_utf8(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return head()


def require_current(database: Database) -> Database:
    """The database, if it has this release's revision; else `CONFIGURATION_INVALID`."""
    revision = current(database)
    if revision != head():
        _refuse_newer(revision)
        raise unusable(texts.SCHEMA_BEHIND, texts.SCHEMA_BEHIND_FIX)
    return database


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in _revisions():
        raise unusable(texts.SCHEMA_AHEAD, texts.SCHEMA_AHEAD_FIX)


@cache
def _revisions() -> tuple[str, ...]:
    """All that this release knows, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _require_utf8(connection: Connection) -> None:
    if connection.scalar(text("SHOW server_encoding")) != "UTF8":
        raise unusable(texts.DATABASE_ENCODING, texts.DATABASE_ENCODING_FIX)


def _config() -> Config:
    config = Config()
    location = Path(comparator.migrations.__file__).parent
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    return config
