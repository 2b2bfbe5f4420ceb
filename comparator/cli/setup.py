"""`init` and `migrate`."""

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import typer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from comparator import texts
from comparator.cli.failures import told
from comparator.config import Config, load, parse, render
from comparator.data import DataDirectory, ensure_log_key, write_certificate, write_key
from comparator.domain import ca
from comparator.store import schema
from comparator.store.database import Database
from comparator.texts import unusable
from stayput.language import language_of


@told()
def initialise(
    path: Path,
    data: Path,
    listen: str,
    enrolment_listen: str,
    advertise: str | None,
    enrolment_advertise: str | None,
    database_url: str | None = None,
) -> None:
    """Creates everything that `serve` needs; the configuration last, so that it stands for a whole set."""
    if path.exists():
        raise unusable(texts.EXISTS, texts.EXISTS_FIX, path=path)
    if not data.is_absolute():
        data = Path(os.path.relpath(data, path.parent))
    text = render(data, listen, enrolment_listen, advertise, enrolment_advertise, database_url)
    config = parse(text, path)
    if database_url is not None:
        # First, because a server may be out of reach: what fails leaves nothing behind.
        _require_empty(config)
    directory = DataDirectory(config.data)
    directory.create()
    _create_keys(directory, datetime.now(UTC), config.validity.certificate_days)
    with closing(Database(config.database_url)) as database:
        schema.upgrade(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    for created in (path, directory.path):
        typer.echo(texts.CREATED.of(language_of()).format(path=created))


def _require_empty(config: Config) -> None:
    with closing(Database(config.database_url)) as database:
        if schema.current(database) is not None:
            raise unusable(texts.DATABASE_TAKEN, texts.DATABASE_TAKEN_FIX)


@told()
def migrate(path: Path) -> None:
    """Upgrades the database's schema, and makes the log's key if there is none."""
    config = load(path)
    ensure_log_key(DataDirectory(config.data))
    with closing(Database(config.database_url)) as database:
        revision = schema.upgrade(database)
    typer.echo(texts.MIGRATED.of(language_of()).format(revision=revision))


def _create_keys(directory: DataDirectory, now: datetime, days: int) -> None:
    ca_key, server_key, ticket_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    authority = ca.new_authority(ca_key, now, x509.random_serial_number())
    server = ca.Issuer(authority, days).issue(server_key.public_key(), ca.COMPARATOR_NAMES, now)
    write_key(directory.ca_key, ca_key)
    write_key(directory.server_key, server_key)
    write_key(directory.ticket_key, ticket_key)
    ensure_log_key(directory)
    write_certificate(directory.ca_certificate, authority.certificate)
    write_certificate(directory.server_certificate, server)
