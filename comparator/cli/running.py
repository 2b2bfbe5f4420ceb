"""`serve` and `status`."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import typer

from comparator import texts
from comparator.cli.failures import told
from comparator.cli.tables import dump, show
from comparator.config import listening, load
from comparator.data import DataDirectory, Running, read_certificate, read_log_key
from comparator.domain.checkpoints import log_signer
from comparator.store import schema
from comparator.store.database import Database


@told()
def serve(path: Path, listen: str | None, enrolment_listen: str | None) -> None:
    """Runs the service; the one line on stdout says that it can be called, and where."""
    import asyncio

    from comparator.server import run
    from stayput import logs

    config = listening(load(path), path, listen, enrolment_listen)
    logs.configure()

    def ready(running: Running) -> None:
        typer.echo(f"ready main={running.main} enrolment={running.enrolment}")

    asyncio.run(run(config, lambda: datetime.now(UTC), ready))


@told()
def status(path: Path, json: bool) -> None:
    """What runs, where, and how long its certificates last."""
    config = load(path)
    data = DataDirectory(config.data)
    running = data.running()
    with closing(Database(config.database_url)) as database:
        revision = schema.current(database)
    rows = (
        ("config", texts.ITEM_CONFIG, str(path.absolute())),
        ("data", texts.ITEM_DATA, str(data.path)),
        ("pid", texts.ITEM_PID, str(running.pid) if running else ""),
        ("main", texts.ITEM_MAIN, running.main if running else ""),
        ("enrolment", texts.ITEM_ENROLMENT, running.enrolment if running else ""),
        ("database_revision", texts.ITEM_REVISION, revision or ""),
        ("ca_until", texts.ITEM_CA_UNTIL, _until(data.ca_certificate)),
        ("server_until", texts.ITEM_SERVER_UNTIL, _until(data.server_certificate)),
        ("log_key", texts.ITEM_LOG_KEY, _verifier_key(data)),
    )
    if json:
        dump({name: value for name, _, value in rows})
        return
    show(
        texts.STATUS,
        (texts.COL_ITEM, texts.COL_VALUE),
        ((item, value) for _, item, value in rows),
    )


def _until(path: Path) -> str:
    return read_certificate(path).not_valid_after_utc.isoformat()


def _verifier_key(data: DataDirectory) -> str:
    """What verifies the log's checkpoints; empty before `serve` or `migrate` has made the key."""
    if not data.log_key.exists():
        return ""
    return str(log_signer(read_certificate(data.ca_certificate), read_log_key(data)).verifier)
