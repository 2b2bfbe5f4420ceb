"""Databases as sources: one reader over DB-API drivers (PEP 249), and for each kind what it has of its own.

A reading is one statement in a transaction that cannot write, on a connection of its own. A query is the
inner part of that statement, so that it can be nothing but a query.
"""

from provider_node.sources.databases.opening import open_database

__all__ = ["open_database"]
