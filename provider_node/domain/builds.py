"""Builds under a running node: each in a process of its own, so that serving never waits for one."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from stayput.errors import StayputError, reason_of
from stayput.v1.admin_pb2 import BuildResponse
from stayput.v1.errors_pb2 import ErrorReason

# The last line counts what was left out by field and reason, so it can be long.
_LONGEST_LINE: Final = 1 << 20


async def run_build(
    config: Path, resource: str, as_of: datetime | None, *, accept_bounds: bool = False
) -> AsyncGenerator[BuildResponse, None]:
    """Builds a resource of the node configured in `config`, yielding progress; ends when it serves.

    Raises what the build says: `CONFIGURATION_INVALID`, `SOURCE_INVALID`, `BUILD_RUNNING`, `STORAGE_FULL`,
    unless they are accepted `BOUNDS_EXCEEDED`, or `BUILD_FAILED` if it ended without a word. Closing the
    iterator ends the process.
    """
    arguments = [sys.executable, "-m", "provider_node.build_process", str(config), resource]
    if as_of is not None:
        arguments += ["--as-of", as_of.isoformat()]
    if accept_bounds:
        arguments.append("--accept-bounds")
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
    except OSError as error:
        raise _failed("the build process could not be started") from error
    assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
    done = False
    try:
        async for line in process.stdout:
            message = json.loads(line)
            if "error" in message:
                raise _told(message["error"])
            if "generation" in message:
                done = True
            else:
                yield BuildResponse(**message)
        await process.wait()
    except (TypeError, ValueError) as error:
        # No JSON, nothing that a BuildResponse has, or a line without end.
        raise _failed("the build process said what cannot be understood") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not done or process.returncode:
        raise _failed("the build process ended without a generation")


def _failed(problem: str) -> StayputError:
    return StayputError(
        ErrorReason.ERROR_REASON_BUILD_FAILED,
        f"{problem}; what was serving goes on",
        remedy="look at the node's log, then build again",
    )


def _told(error: dict[str, Any]) -> StayputError:
    return StayputError(
        reason_of(error["reason"]),
        error["message"],
        field=error["field"],
        remedy=error["remedy"],
        details=error["details"],
    )
