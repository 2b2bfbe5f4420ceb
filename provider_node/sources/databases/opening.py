"""From a database's configuration to its reader."""

from collections.abc import Mapping

from provider_node.config import DatabaseSourceConfig, SqliteSourceConfig
from provider_node.sources.databases.database import Database
from provider_node.sources.databases.reader import DatabaseSource, Relation
from provider_node.sources.databases.sqlite import Sqlite
from provider_node.sources.databases.statements import relation_of
from provider_node.sources.faults import invalid


def open_database(
    config: SqliteSourceConfig | DatabaseSourceConfig, columns: Mapping[str, str]
) -> DatabaseSource:
    """The reader of a table or query. `columns` gives the column of each field wanted.

    Raises `SOURCE_INVALID` if the database cannot be reached, does not let the node read, or has no such
    column.
    """
    database = _database(config)
    relation = Relation(relation_of(config, database.quote), "query" if config.table is None else "table")
    return DatabaseSource(database, relation, columns)


def _database(config: SqliteSourceConfig | DatabaseSourceConfig) -> Database:
    if isinstance(config, SqliteSourceConfig):
        return Sqlite(config.path)
    _require_certificates(config)
    try:
        return _server(config)
    except ImportError:
        raise invalid(
            f"the driver for a source of kind '{config.kind}' is not installed, or does not start",
            f"pip install 'stayput[node,{config.kind}]'",
            "source.kind",
        ) from None


# Drivers are optional: each kind's module imports its own.
def _server(config: DatabaseSourceConfig) -> Database:
    match config.kind:
        case "postgresql":
            from provider_node.sources.databases.postgresql import Postgresql  # noqa: PLC0415 (optional)

            return Postgresql(config)
        case "mysql":
            from provider_node.sources.databases.mysql import Mysql  # noqa: PLC0415 (optional)

            return Mysql(config)
        case "oracle":
            from provider_node.sources.databases.oracle import Oracle  # noqa: PLC0415 (optional)

            return Oracle(config)
        case "dameng":
            from provider_node.sources.databases.dameng import Dameng  # noqa: PLC0415 (optional)

            return Dameng(config)
        case "kingbase":
            from provider_node.sources.databases.kingbase import Kingbase  # noqa: PLC0415 (optional)

            return Kingbase(config)


def _require_certificates(config: DatabaseSourceConfig) -> None:
    if config.tls_ca is None:
        return
    if config.kind == "dameng":
        raise invalid(
            "this kind of database takes no certificates by this key",
            "leave it out, and reach the server through a tunnel that both sides trust",
            "source.tls_ca",
        )
    if not config.tls_ca.is_file():
        raise invalid("there is no such file", "name the file of the server's CA, in PEM", "source.tls_ca")
