"""The log as its callers meet it: a `comparator` process, called by gRPC over mutual TLS."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc.aio
import psutil

from comparator.config import Config
from comparator.data import DataDirectory
from comparator.store.database import Database
from comparator.store.models import Role
from stayput.v1.log_pb2 import AppendReceiptsRequest, SearchLogRequest
from tests.comparator.documents import Chain
from tests.comparator.platform import Clock, Member, Platform

APPEND = "/stayput.v1.LogService/AppendReceipts"


@dataclass(frozen=True)
class Measured:
    """How long calls took, and what processors did meanwhile."""

    calls: int
    receipts: int
    seconds: float
    times: Sequence[float]
    server: float
    callers: float

    def __str__(self) -> str:
        late = sorted(self.times)[len(self.times) * 99 // 100]
        return (
            f"{self.receipts / self.seconds:,.0f} receipts/s in {self.calls:,} calls, each answered within "
            f"{statistics.median(self.times) * 1e3:.0f} ms (median) or {late * 1e3:.0f} ms (99 of 100); "
            f"processors busy: comparator {self.server:.2f}, callers {self.callers:.2f}"
        )


@contextmanager
def serving(config: Path) -> Iterator[psutil.Process]:
    """The service of an installation, as a process of its own."""
    command = [sys.executable, "-m", "comparator", "serve", "--config", str(config)]
    with (config.parent / "serve.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    with process:
        try:
            if process.stdout is None or not process.stdout.readline().startswith("ready"):
                raise SystemExit((config.parent / "serve.log").read_text())
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


@asynccontextmanager
async def platform(config: Config) -> AsyncIterator[Platform]:
    """The service that runs, seen from outside."""
    running = DataDirectory(config.data).running()
    if running is None:
        raise SystemExit("the comparator does not run")
    with closing(Database(config.database_url)) as database:
        async with AsyncExitStack() as stack:
            yield Platform(config, Clock(), running, database, stack)


class Nodes:
    """Nodes that deliver receipts of one consumer, all at once, each its own one call after the other."""

    def __init__(self, server: psutil.Process, chains: Sequence[Chain]) -> None:
        self._server = server
        self._chains = chains

    @classmethod
    async def enrolled(cls, at: Platform, server: psutil.Process, many: int) -> "Nodes":
        """So many, of one department."""
        consumer = await at.department("bench-consumer")
        nodes = [await at.node(f"bench-{number}", "bench-provider") for number in range(many)]
        return cls(server, [Chain(node, datetime.now(UTC), consumer) for node in nodes])

    async def deliver(self, nodes: int, calls: int, batch: int) -> Measured:
        """Has so many nodes make so many calls each with so many receipts, signed and packed before."""
        chains = self._chains[:nodes]
        packed = [
            [AppendReceiptsRequest(receipts=chain.next(batch)).SerializeToString() for _ in range(calls)]
            for chain in chains
        ]
        own = psutil.Process()
        before = [sum(process.cpu_times()[:2]) for process in (self._server, own)]
        started = time.perf_counter()
        times = await asyncio.gather(
            *(
                _one_after_the_other(chain.node, requests)
                for chain, requests in zip(chains, packed, strict=True)
            )
        )
        seconds = time.perf_counter() - started
        server, callers = (
            (sum(process.cpu_times()[:2]) - spent) / seconds
            for process, spent in zip((self._server, own), before, strict=True)
        )
        each = [one for of_node in times for one in of_node]
        return Measured(len(each), len(each) * batch, seconds, each, server, callers)


async def _one_after_the_other(node: Member, requests: Sequence[bytes]) -> list[float]:
    """Seconds of each call. What is sent was packed before: only the comparator is measured."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = node.channel.unary_unary(APPEND)
    times = []
    for request in requests:
        started = time.perf_counter()
        await call(request, timeout=60)
        times.append(time.perf_counter() - started)
    return times


async def search_times(at: Platform, searches: Sequence[tuple[str, Sequence[SearchLogRequest]]]) -> None:
    """Prints how long a page of 100 takes by each kind of search, each value searched once."""
    operator = await at.department("bench-operator", Role.OPERATOR)
    # The first call of a connection opens it.
    await operator.log.SearchLog(SearchLogRequest(page_size=1))
    for name, requests in searches:
        times, found = [], 0
        for request in requests:
            started = time.perf_counter()
            answer = await operator.log.SearchLog(request, timeout=60)
            times.append((time.perf_counter() - started) * 1e3)
            found += len(answer.records)
        print(
            f"search by {name}: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms "
            f"of {len(times)} values, {found} entries"
        )
