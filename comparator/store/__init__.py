"""The control plane's store: SQLAlchemy over SQLite or PostgreSQL, used by verbs of the domain only."""
