"""Fixtures of the comparator's tests. What uses the store runs over SQLite and over PostgreSQL."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL

from comparator.config import Config, load
from comparator.store import schema
from comparator.store.database import Database
from comparator.store.models import Base, Role
from tests.comparator.platform import Clock, Member, Platform, installed, running_platform, use_database
from tests.comparator.postgresql import GUARDED, Server, running_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server for the whole run (of each worker)."""
    with running_server() as server:
        yield server


@pytest.fixture
def new_sqlite(tmp_path: Path) -> Callable[[], URL]:
    """Gives places for new databases."""
    numbers = count(1)
    return lambda: URL.create("sqlite", database=str(tmp_path / f"store-{next(numbers)}.db"))


@pytest.fixture
def new_postgresql(postgresql: Server) -> Iterator[Callable[[], URL]]:
    """Gives new databases."""
    created: list[URL] = []

    def create() -> URL:
        created.append(postgresql.create())
        return created[-1]

    yield create
    for url in created:
        postgresql.drop(url)


@pytest.fixture
def guarded_postgresql(postgresql: Server) -> Iterator[URL]:
    """A new database that its role can enter by password only; the URL holds none."""
    url = postgresql.create(GUARDED)
    yield url
    postgresql.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest) -> Callable[[], URL]:
    """Gives new empty databases, of the kind that the test now runs over."""
    found: Callable[[], URL] = request.getfixturevalue(f"new_{request.param}")
    return found


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: Server) -> URL:
    """A database with this release's tables, for one test after the other: new ones take longer."""
    url = postgresql.create()
    with closing(Database(url)) as database:
        schema.upgrade(database)
    return url


@pytest.fixture
def emptied_postgresql(migrated_postgresql: URL) -> URL:
    """The same without rows, and with all numbers beginning anew."""
    # Row by row: for tables as small as these TRUNCATE takes three times as long.
    deletions = [str(table.delete()) for table in reversed(Base.metadata.sorted_tables)]
    with closing(Database(migrated_postgresql)) as database, database.connected() as connection:
        # In one go, since most of the time is that of the way there and back.
        connection.exec_driver_sql(
            "; ".join([*deletions, "SELECT setval(seqrelid, 1, false) FROM pg_sequence"])
        )
    return migrated_postgresql


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an installation as `init` leaves it: each test has a copy."""
    directory = tmp_path_factory.mktemp("installation")
    installed(directory)
    return directory


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path, installation: Path) -> Config:
    """A new installation over either kind of store: one of its own, or one with its tables already."""
    shutil.copytree(installation, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "comparator.toml"
    if request.param == "postgresql":
        use_database(path, request.getfixturevalue("emptied_postgresql"))
    return load(path)


@pytest.fixture
async def platform(config: Config, clock: Clock) -> AsyncIterator[Platform]:
    async with running_platform(config, clock) as running:
        yield running


@pytest.fixture
async def node(platform: Platform) -> Member:
    """A node that has published nothing."""
    return await platform.node("vehicles-1", "traffic-police")


@pytest.fixture
async def consumer(platform: Platform) -> Member:
    return await platform.department("civil-affairs")


@pytest.fixture
async def auditor(platform: Platform) -> Member:
    return await platform.department("audit-office", Role.AUDITOR)


@pytest.fixture
async def operator(platform: Platform) -> Member:
    return await platform.department("data-bureau", Role.OPERATOR)
