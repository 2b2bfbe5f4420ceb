"""A small closed deployment on this machine: real processes on free ports, driven by the real commands.

The demonstration and the scenario tests both stand on it.
"""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

EXAMPLES = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
START_SECONDS = 60.0
STOP_SECONDS = 20.0
ANY_PORT = "127.0.0.1:0"


class CommandFailed(RuntimeError):
    """A command of the deployment ended with an error; the message holds what it printed."""


class Deployment:
    """One comparator, its nodes and departments below `directory`; leaving it stops what it started."""

    def __init__(self, directory: Path, language: str = "en_US.UTF-8") -> None:
        self.directory = directory
        self.running: dict[str, subprocess.Popen[str]] = {}
        self._language = language
        (directory / "logs").mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self.running)):
            self.stop(name)

    def settings(self, party: str) -> dict[str, str]:
        """The variables that tell the commands which party speaks."""
        return {
            "STAYPUT_COMPARATOR_CONFIG": str(self.directory / "comparator.toml"),
            "STAYPUT_NODE_CONFIG": str(self.directory / party / "node.toml"),
            "STAYPUT_HOME": str(self.directory / party),
        }

    def environment(self, party: str) -> dict[str, str]:
        """The environment of a party's commands."""
        return {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "LC_ALL": self._language,
            "COLUMNS": "140",
            "PYTHONUTF8": "1",
            **self.settings(party),
        }

    def attempt(self, party: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command as that party, whatever comes of it."""
        return subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=self.directory,
            env=self.environment(party),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, party: str, *command: str) -> str:
        """What a command printed; `CommandFailed` if it ended with an error."""
        done = self.attempt(party, *command)
        if done.returncode:
            raise CommandFailed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, party: str, *command: str) -> str:
        """Starts a server as that party; returns the line by which it says that it is ready."""
        with (self.directory / "logs" / f"{party}.log").open("a") as log:
            process = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                cwd=self.directory,
                env=self.environment(party),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.running[party] = process
        too_late = threading.Timer(START_SECONDS, process.kill)
        too_late.start()
        line = process.stdout.readline() if process.stdout else ""
        too_late.cancel()
        if not line.startswith("ready "):
            self._ended(self.running.pop(party))
            log_text = (self.directory / "logs" / f"{party}.log").read_text()
            raise CommandFailed(f"{party} did not start\n{log_text[-4000:]}")
        return line.strip()

    def stop(self, party: str) -> int:
        """Asks a server to stop; returns its exit code."""
        process = self.running.pop(party)
        process.terminate()
        return self._ended(process)

    def kill(self, party: str) -> int:
        """Ends a server without warning."""
        process = self.running.pop(party)
        process.kill()
        return self._ended(process)

    def _ended(self, process: "subprocess.Popen[str]") -> int:
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            if process.stdout:
                process.stdout.close()

    def place(self, node: str, resource_file: Path, source: Path) -> None:
        """Puts a resource file and its source where the node looks for them."""
        shutil.copy(source, self.directory / node / source.name)
        shutil.copy(resource_file, self.directory / node / "resources" / resource_file.name)
