"""The process of a build: `python -m provider_node.build_process NODE_TOML RESOURCE`.

Options: `--as-of TIME`, and `--accept-bounds`, to switch whatever the resource's bounds say. Writes JSON
lines to stdout: a few times a second `stage`, `rows`, `rejected`, `bytes_read` and `bytes_total`, and at the
end either `{"generation": …}` (the manifest without what is published from it; exit code 0) or `{"error": …}`
with `reason`, `message`, `field`, `remedy` and `details` (exit code 1). Ends, with exit code 1, when stdout
is closed.
"""

import argparse
import gc
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from provider_node.config import NodeConfig, load_node, resource_of
from provider_node.domain.build import Builder, Progress, Stage
from provider_node.domain.keys import NodeKeys
from provider_node.store.manifest import Manifest
from stayput.errors import StayputError, field_invalid

_INTERVAL_SECONDS: Final = 0.25


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a build; returns the exit code."""
    parser = argparse.ArgumentParser(prog="provider_node.build_process")
    parser.add_argument("node_toml", type=Path)
    parser.add_argument("resource")
    parser.add_argument("--as-of")
    parser.add_argument("--accept-bounds", action="store_true")
    given = parser.parse_args(arguments)
    # Rows are lists by the million and in no cycle: looking for cycles takes an eighth of a build.
    gc.disable()
    try:
        manifest = run(
            given.node_toml, given.resource, given.as_of, Reports(), accept_bounds=given.accept_bounds
        )
    except StayputError as error:
        _say({"error": _error(error)})
        return 1
    _say({"generation": manifest.model_dump(mode="json", exclude={"contract", "oblivious"})})
    return 0


def run(
    node_toml: Path,
    code: str,
    as_of: str | None,
    reports: Callable[[Progress], None],
    *,
    accept_bounds: bool = False,
) -> Manifest:
    """Builds that resource of that node; raises whatever stands in the way as a `StayputError`."""
    config = load_node(node_toml)
    resource = resource_of(config, code)
    time_of_data = None if as_of is None else _aware(as_of)
    return builder_of(config).build(
        resource, datetime.now(UTC), reports, time_of_data, accept_bounds=accept_bounds
    )


def builder_of(config: NodeConfig) -> Builder:
    """What builds the node's resources, with its keys."""
    keys = NodeKeys.of(config)
    return Builder(
        data=config.node.data,
        index_key=keys.index_keys().current,
        oprf_keys=keys.oprf_keys(),
        software_version=version("stayput"),
        random=secrets.token_bytes,
        limits=config.build,
    )


class Reports:
    """Says how far the build is, at most four times a second, and in any case before it switches."""

    def __init__(self) -> None:
        self._due = 0.0

    def __call__(self, progress: Progress) -> None:
        """Raises `SystemExit` when nobody listens any more."""
        if time.monotonic() >= self._due or progress.stage is Stage.SWITCHING:
            self._due = time.monotonic() + _INTERVAL_SECONDS
            _say(asdict(progress))


def _aware(text: str) -> datetime:
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    raise field_invalid("as-of", "must be an ISO 8601 time with its offset, like 2026-11-22T08:15:00+08:00")


def _error(error: StayputError) -> Mapping[str, object]:
    return {
        "reason": error.reason_name,
        "message": error.message,
        "field": error.field,
        "remedy": error.remedy,
        "details": dict(error.details),
    }


def _say(message: Mapping[str, object]) -> None:
    try:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # What could not be written would be tried again, loudly, when the interpreter closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


if __name__ == "__main__":
    sys.exit(main())
