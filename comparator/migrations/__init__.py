"""Alembic's migrations of the comparator's database, run by `comparator init` and `comparator migrate`."""
