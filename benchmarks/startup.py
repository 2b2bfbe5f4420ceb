"""What a command costs before it does anything: help texts, and `stayput verify` of a bundle.

`python -m benchmarks.startup [--runs N]` prints the median of each command's wall and processor time, as
started from a shell, beside that of a Python that does nothing.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from stayput.evidence import bundle_to_file
from tests.stayput.evidence.made import filled

BIN = Path(sys.executable).parent
# Compiled modules are kept, as they are for whoever installed the package.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def evidence(directory: Path) -> tuple[str, str]:
    """Writes a bundle and the trust file it is verified with; their paths."""
    log = filled()
    bundle, trust = directory / "bundle.json", directory / "trust.toml"
    bundle.write_text(bundle_to_file(log.bundle(2)), "utf-8")
    trust.write_text(log.trust.to_toml(), "utf-8")
    return str(bundle), str(trust)


def spent(command: tuple[str, ...]) -> tuple[float, float]:
    """Wall seconds and processor seconds (user and system) of one run."""
    with Path(os.devnull).open("wb") as nowhere:
        started = time.perf_counter()
        # Only wait4 tells what one child used.
        process = os.posix_spawn(
            command[0], command, ENVIRONMENT, file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)]
        )
        _, status, used = os.wait4(process, 0)
        wall = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"failed: {' '.join(command)}")
    return wall, used.ru_utime + used.ru_stime


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="stayput-bench-") as place:
        bundle, trust = evidence(Path(place))
        for command in (
            (sys.executable, "-c", ""),
            (str(BIN / "stayput"), "--help"),
            (str(BIN / "stayput"), "verify", bundle, "--trust", trust),
            (str(BIN / "stayput"), "verify", bundle, "--trust", trust, "--json"),
            (str(BIN / "provider-node"), "--help"),
            (str(BIN / "comparator"), "--help"),
        ):
            measure(command, runs)


def measure(command: tuple[str, ...], runs: int) -> None:
    """Runs a command so many times and prints how long it took."""
    # One run more: the first fills the caches of files and of compiled modules.
    walls, processors = zip(*[spent(command) for _ in range(runs + 1)][1:], strict=True)
    print(
        f"{' '.join(map(shortened, command))}: median {statistics.median(walls) * 1e3:.0f} ms, "
        f"best {min(walls) * 1e3:.0f}, worst {max(walls) * 1e3:.0f} of {runs}; "
        f"processor time {statistics.median(processors) * 1e3:.0f} ms"
    )


def shortened(argument: str) -> str:
    """An argument without the directory that it names."""
    return Path(argument).name if argument.startswith("/") else argument


if __name__ == "__main__":
    main()
