"""The statements that are sent to a database: all of them read, and name what they read exactly."""

import re
from collections.abc import Iterable
from typing import Final

from provider_node.config import DatabaseSourceConfig, SqliteSourceConfig
from provider_node.sources.faults import invalid

_READING: Final = re.compile(r"(?:SELECT|WITH)\b", re.IGNORECASE)


def quoted(name: str, quote: str) -> str:
    """A name that stands for itself, whatever it holds."""
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


def relation_of(config: DatabaseSourceConfig | SqliteSourceConfig, quote: str) -> str:
    """What to put after FROM. Raises `SOURCE_INVALID` if the query is not one reading statement.

    No `;` is taken, not even in a text: what one database reads as a text is another one's end of statement.
    """
    if config.table is not None:
        return ".".join(quoted(part, quote) for part in config.table.split("."))
    query = (config.query or "").strip().removesuffix(";").rstrip()
    if not _READING.match(query):
        raise invalid(
            "must begin with SELECT or WITH",
            "write one statement that reads, no comment before it",
            "source.query",
        )
    if ";" in query or "\0" in query:
        raise invalid(
            "must be one statement, with a ';' nowhere but at its end",
            "make a view of what needs more, and read that",
            "source.query",
        )
    # A comment in the last line must not take the bracket with it.
    return f"({query}\n) source"


def selecting(expressions: Iterable[str], relation: str) -> str:
    """All rows of a relation."""
    return f"SELECT {', '.join(expressions)} FROM {relation}"  # noqa: S608 (names are quoted, a query is inner)


def looking_at(relation: str) -> str:
    """No row of it: only its columns."""
    return f"{selecting(['*'], relation)} WHERE 1 = 0"
