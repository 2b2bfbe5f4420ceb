"""A node whose commands have nothing left to import."""

import asyncio
import os
import signal
import socket

from tests.commands import Commands, Running
from tests.provider_node.serving.processes import SECONDS, NodeProcess, Ran


class PromptNode(NodeProcess):
    """The same directory; what runs in it is begun by what has imported it already."""

    def __init__(self, node: NodeProcess, commands: Commands) -> None:
        super().__init__(node.directory, node.material, node.keys)
        self._commands = commands
        self._serving: Running | None = None

    async def run(self, *arguments: str, language: str = "C.UTF-8") -> Ran:
        """Runs a command to its end."""
        environment = {**os.environ, "LC_ALL": language}
        running = self._commands.begin(("provider-node", *arguments), self.directory, environment)
        async with asyncio.timeout(SECONDS):
            done = await running.end()
        return Ran(done.returncode, done.stdout, done.stderr)

    async def start(self, *arguments: str) -> str:
        """Starts to serve; returns the line that says so."""
        command = ("provider-node", "serve", *arguments)
        here, there = socket.socketpair()
        with self.log.open("ab") as log, there:
            self._serving = self._commands.serve(command, self.directory, os.environ, there, log)
        said, to = await asyncio.open_unix_connection(sock=here)
        async with asyncio.timeout(SECONDS):
            line = (await said.readline()).decode()
        to.close()
        assert line.startswith("ready address="), self.log.read_text()
        self.address = line.strip().removeprefix("ready address=")
        return line

    async def end(self, number: signal.Signals) -> int:
        """Sends a signal and waits for the end; returns the exit code."""
        assert self._serving is not None
        self._serving.signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Waits for the end; returns the exit code."""
        assert self._serving is not None
        serving, self._serving = self._serving, None
        async with asyncio.timeout(SECONDS):
            return (await serving.end()).returncode

    async def clean_up(self) -> None:
        """Ends the process if a test did not."""
        if self._serving is not None:
            await self.end(signal.SIGKILL)
