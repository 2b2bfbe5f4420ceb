"""Envoy from a wheel, run with the configuration that examples/ documents."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from examples.deployment import BIN, EXAMPLES
from stayput.rpc.tls import Credentials

CONFIGURATION: Final = EXAMPLES / "envoy" / "envoy.yaml"
SECONDS: Final = 30.0
_FILES: Final = "/etc/envoy/stayput"
_ENDPOINT: Final = re.compile(r"( +- endpoint: .*socket_address: )\{.*?\}(.*\n)")
_HEALTHY: Final = {"add_healthy_event": True, "eject_unhealthy_event": False}


def configuration(backends: Sequence[str], files: Path) -> str:
    """The documented configuration with these endpoints (`host:port`), free ports, and files in `files`."""
    text = CONFIGURATION.read_text("utf-8")
    text = _once(text, "{ address: 0.0.0.0, port_value: 7443 }", "{ address: 127.0.0.1, port_value: 0 }")
    text = _once(text, "port_value: 9901", "port_value: 0")
    assert text.count(_FILES) == len(("certificate", "key", "authority"))
    documented = list(_ENDPOINT.finditer(text))
    begin, end = documented[0].start(), documented[-1].end()
    assert text[begin:end] == "".join(found[0] for found in documented)
    before, after = documented[0].groups()
    listed = "".join(f"{before}{_socket_address(backend)}{after}" for backend in backends)
    return f"{text[:begin]}{listed}{text[end:]}".replace(_FILES, str(files))


def _once(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def _socket_address(address: str) -> str:
    host, _, port = address.rpartition(":")
    return f"{{ address: {host}, port_value: {port} }}"


@dataclass
class Envoy:
    """A running Envoy: where it listens, and what it has said of its endpoints."""

    _process: Process = field(repr=False)
    address: str = ""
    healthy: dict[str, bool] = field(default_factory=dict)
    _lines: list[str] = field(default_factory=list, repr=False)
    _heard: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)
    _silent: bool = False

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds that Envoy's words can change; fails if it ends before."""
        async with asyncio.timeout(SECONDS), self._heard:
            await self._heard.wait_for(lambda: self._silent or holds())
        assert holds(), "Envoy has ended"

    async def until_health(self, backend: str, *, healthy: bool) -> None:
        """Waits until Envoy has put this endpoint in, or taken it out."""
        await self.until(lambda: self.healthy.get(backend) is healthy)

    async def until_said(self, words: str) -> None:
        """Waits for a line of the log with these words."""
        await self.until(lambda: any(words in line for line in self._lines))

    async def listen_to(self) -> None:
        """Reads what Envoy says, to its end."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._heard:
                self._lines.append(line.decode())
                if line.startswith(b"{"):
                    self._note(json.loads(line))
                self._heard.notify_all()
        async with self._heard:
            self._silent = True
            self._heard.notify_all()

    def _note(self, event: Mapping[str, Mapping[str, Mapping[str, object]]]) -> None:
        """An event of the health checks."""
        for kind, healthy in _HEALTHY.items():
            if kind in event:
                host = event["host"]["socket_address"]
                self.healthy[f"{host['address']}:{host['port_value']}"] = healthy

    async def find_address(self, admin: Path) -> None:
        """Asks at the administrator's address, which is in that file, on which port consumers are heard."""
        await self.until_said("starting workers")
        found = await asyncio.to_thread(_listeners, admin)
        (listener,) = json.loads(found)["listener_statuses"]
        bound = listener["local_address"]["socket_address"]
        self.address = f"{bound['address']}:{bound['port_value']}"

    def print_log(self) -> None:
        """For whoever reads why a test failed."""
        sys.stderr.writelines(self._lines)


def _listeners(admin: Path) -> bytes:
    connection = HTTPConnection(admin.read_text(), timeout=SECONDS)
    try:
        connection.request("GET", "/listeners?format=json")
        return connection.getresponse().read()
    finally:
        connection.close()


@asynccontextmanager
async def envoy(backends: Sequence[str], checks: Credentials, directory: Path) -> AsyncIterator[Envoy]:
    """Envoy before these endpoints, ready, for the length of the block.

    `checks` is what it shows when it asks for their health. `directory` is for its files. If the block fails
    Envoy's log goes to stderr.
    """
    for name, content in (
        ("certificate.pem", checks.certificate_chain),
        ("tls_key.pem", checks.private_key),
        ("ca.pem", checks.ca_certificate),
    ):
        (directory / name).write_bytes(content)
    config, admin = directory / "envoy.yaml", directory / "admin-address"
    config.write_text(configuration(backends, directory), "utf-8")
    process = await asyncio.create_subprocess_exec(
        BIN / "envoy", "--config-path", config, "--admin-address-path", admin, "--disable-hot-restart",
        "--concurrency", "2", "--file-flush-interval-msec", "20", "--component-log-level", "main:warning",
        stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    running = Envoy(process)
    listening = asyncio.create_task(running.listen_to())
    try:
        await running.find_address(admin)
        yield running
    except BaseException:
        running.print_log()
        raise
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await listening
