"""What can be wrong with a database, told without a word of the driver's, which may quote data."""

from enum import Enum

from provider_node.sources.faults import invalid
from stayput.errors import StayputError


class Fault(Enum):
    """Place in the configuration, problem and remedy. `{read}` is `table` or `query`, whichever is set."""

    UNREACHABLE = (
        "source.host",
        "the database cannot be reached, or did not let the node in",
        "check host, port, database, user, password and tls_ca, and that the server accepts this machine",
    )
    REFUSED = (
        "source.user",
        "the server does not let this user into the database, or not with this password",
        "check user, password and database, and that the server accepts this user from this machine",
    )
    DATABASE = (
        "source.database",
        "the server has no database of this name, or not for this user",
        "correct the name as the server spells it",
    )
    FILE = (
        "source.path",
        "the file cannot be read as an SQLite database",
        "name an SQLite file that the node may read; for one in WAL mode it needs the directory too",
    )
    RELATION = (
        "source.{read}",
        "the database has no table, view or column of a name in it",
        "spell schema, table and columns as the database does; capitals count",
    )
    RIGHTS = (
        "source.{read}",
        "the user may not read it",
        "grant the user SELECT on just what the register needs",
    )
    SYNTAX = (
        "source.{read}",
        "it is not one statement that reads, or names what the database does not have",
        "try the query with the database's own command, as an inner query: SELECT * FROM (…)",
    )
    WRITING = (
        "source.{read}",
        "it tries to change something, and the connection can only read",
        "take out of the query, and of the functions it calls, whatever writes or locks",
    )
    CONTENT = (
        "source.{read}",
        "a row cannot be delivered: it is damaged, too long, in another encoding, or the query fails on it",
        "repair the rows, or read through a view that leaves them out",
    )
    STOPPED = (
        "source.{read}",
        "the database gave up reading",
        "see the database's log; a limit of time or room for this user may be too low",
    )
    LOST = (
        "source.host",
        "the connection broke while rows were read",
        "see the database's log, then build again; what was serving goes on",
    )


def told(fault: Fault, read: str, code: str = "") -> StayputError:
    """The error for a fault. `code` is the driver's name or number of it."""
    place, problem, remedy = fault.value
    return invalid(f"{problem} ({code})" if code else problem, remedy, place.format(read=read))
