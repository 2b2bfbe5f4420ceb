"""The store by itself, over SQLite and over PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from sqlalchemy import URL

from comparator.store import schema
from comparator.store.database import Database


@pytest.fixture
def empty(new_store: Callable[[], URL]) -> Iterator[Database]:
    with closing(Database(new_store())) as database:
        yield database


@pytest.fixture
def database(empty: Database) -> Database:
    """One with this release's tables."""
    schema.upgrade(empty)
    return empty
