"""Transactions: `reading` and `writing` give the store's verbs; nothing else opens a session."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from comparator import texts
from comparator.store.applications import Applications
from comparator.store.callers import Callers
from comparator.store.catalogue import Catalogue
from comparator.store.engines import WRITES, engine_of
from comparator.store.entries import SALT_BYTES
from comparator.store.events import Events
from comparator.store.grants import Grants
from comparator.store.keeping import Keeping
from comparator.store.leaves import Leaves
from comparator.store.log import Log
from comparator.store.parties import Parties
from comparator.store.search import Search
from comparator.store.tickets import Tickets
from comparator.texts import OperatorError
from stayput.identity import Party
from stayput.v1.errors_pb2 import ErrorReason

# By SQLite's name and PostgreSQL's SQLSTATE.
_FULL = (ErrorReason.ERROR_REASON_STORAGE_FULL, texts.DATABASE_FULL, texts.DATABASE_FULL_FIX)
_FORBIDDEN = (
    ErrorReason.ERROR_REASON_CONFIGURATION_INVALID,
    texts.DATABASE_FORBIDDEN,
    texts.DATABASE_FORBIDDEN_FIX,
)
_TOLD = {"SQLITE_FULL": _FULL, "53100": _FULL, "42501": _FORBIDDEN}


@dataclass(frozen=True, slots=True)
class Store:
    """The store's verbs within one transaction."""

    parties: Parties
    catalogue: Catalogue
    applications: Applications
    grants: Grants
    tickets: Tickets
    leaves: Leaves
    log: Log
    events: Events
    search: Search
    keeping: Keeping


class Database:
    """The store at a URL. Thread-safe; a transaction belongs to one thread."""

    def __init__(self, url: URL) -> None:
        self.engine = engine_of(url)
        self._writer = self.engine.execution_options(**{WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """A consistent view; what is written in it is not kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield _verbs(session)

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """A transaction, alone among writers: durable when the block ends, undone when it raises.

        Raises `STORAGE_FULL`, or `CONFIGURATION_INVALID` if the database's role lacks a right.
        """
        with self._writing() as session:
            yield _verbs(session)

    @contextmanager
    def writing_for(self, callers: Collection[Party]) -> Iterator[Store]:
        """The same for many calls at once that change no party: those who call are read together."""
        with self._writing() as session:
            yield replace(_verbs(session), parties=Callers(session, callers))

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A bare connection in a writing transaction, for migrations."""
        with failures_told(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with failures_told(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


def _verbs(session: Session) -> Store:
    leaves = Leaves(session, new_salt)
    return Store(
        parties=Parties(session),
        catalogue=Catalogue(session),
        applications=Applications(session),
        grants=Grants(session),
        tickets=Tickets(session),
        leaves=leaves,
        log=Log(session, leaves),
        events=Events(session, leaves),
        search=Search(session),
        keeping=Keeping(session),
    )


def new_salt() -> bytes:
    """A salt for a commitment of the log."""
    return secrets.token_bytes(SALT_BYTES)


@contextmanager
def failures_told() -> Iterator[None]:
    """Turns the databases' own errors for a full disk or a missing right into ones that say what to do."""
    try:
        yield
    except DBAPIError as error:
        for code in (getattr(error.orig, name, None) for name in ("sqlite_errorname", "sqlstate")):
            if code in _TOLD:
                raise OperatorError(*_TOLD[code]) from None
        raise
