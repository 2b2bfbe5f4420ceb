"""What alembic runs: the migrations over the connection that `comparator.store.schema` hands in."""

from alembic import context

from comparator.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can alter little in place.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
