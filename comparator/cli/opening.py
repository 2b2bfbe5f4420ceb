"""How a command opens the store: only with the schema that this release knows."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from comparator.config import Config
from comparator.store.database import Database
from comparator.store.schema import require_current


@contextmanager
def opened(config: Config) -> Iterator[Database]:
    """The store of that configuration, closed again at the end of the block."""
    with closing(Database(config.database_url)) as database:
        yield require_current(database)
