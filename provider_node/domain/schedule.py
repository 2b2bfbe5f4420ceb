"""Builds that a running node makes on its own, at the times that its resources' schedules say."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from typing import Final

import lmdb
import structlog

from provider_node.config import ScheduleConfig
from provider_node.domain.accounts import Clock
from provider_node.domain.resources import Resources
from stayput.china_time import CHINA, china_date
from stayput.errors import StayputError
from stayput.v1.admin_pb2 import ResourceStatus
from stayput.v1.errors_pb2 import ErrorReason

_LONGEST_WAIT: Final = timedelta(minutes=1)
"""The clock may be set, a schedule changed, a build made by hand."""

_log = structlog.get_logger(__name__)


def next_build(schedule: ScheduleConfig, begun: datetime | None, since: datetime) -> datetime:
    """When a resource is to be built whose last build began at `begun`, in UTC or China's time.

    That may be past: what was missed is made up for once. A resource that was never built is built `since`
    then (the node's start), at once or at the next time of day.
    """
    if schedule.every is not None:
        return since if begun is None else begun + _interval(schedule.every)
    return min(_next_at(one, begun or since) for one in schedule.at)


def _interval(every: str) -> timedelta:
    number = int(every[:-1])
    return timedelta(hours=number) if every.endswith("h") else timedelta(minutes=number)


def _next_at(at: str, after: datetime) -> datetime:
    """The first time after that moment at which it is that time of day in China."""
    found = datetime.combine(china_date(after), time.fromisoformat(at), CHINA)
    return found if found > after else found + timedelta(days=1)


class Schedule:
    """Builds what is due, one resource after another, and knows what is due next and what went wrong.

    A build that failed is tried again at the next time. How the last ones ended is forgotten at a restart;
    what was due then and has made no generation is due at once.
    """

    def __init__(self, resources: Resources, build: Callable[[str], Awaitable[None]], clock: Clock) -> None:
        """`build` builds a resource and raises why it could not."""
        self._resources = resources
        self._build = build
        self._clock = clock
        self._since = clock()
        self._tried: dict[str, datetime] = {}
        self._failures: dict[str, str] = {}

    async def run(self) -> None:
        """Builds until cancelled, which ends a build under way."""
        while True:
            await self.build_due()
            await asyncio.sleep(self.wait().total_seconds())

    async def build_due(self) -> None:
        """Builds the resources whose time has come."""
        for code in self._due():
            tried = self._clock()
            try:
                await self._build(code)
            except StayputError as error:
                if error.reason == ErrorReason.ERROR_REASON_BUILD_RUNNING:
                    # Somebody builds it by hand. Whether it is still due is seen when that is over.
                    continue
                self._failed(code, tried, error.reason_name, error.message)
            except (OSError, lmdb.Error) as error:
                self._failed(
                    code, tried, type(error).__name__, "a file of the node cannot be read or written"
                )
            else:
                self.succeeded(code)
                _log.info("built on schedule", resource=code)
            self._tried[code] = tried

    def wait(self) -> timedelta:
        """How long until there may be something to do."""
        now = self._clock()
        waits = [self._next(code, one) - now for code, one in self._resources.scheduled().items()]
        return min([_LONGEST_WAIT, *(wait for wait in waits if wait > timedelta())])

    def succeeded(self, code: str) -> None:
        """The resource was built, by whomever: that the schedule's last build failed is of no interest."""
        self._failures.pop(code, None)

    def add_to(self, status: ResourceStatus) -> ResourceStatus:
        """Fills in when a resource is built next, and why that failed the last time if it did."""
        schedule = self._resources.scheduled().get(status.code)
        if schedule is not None:
            status.next_build_at.FromDatetime(self._next(status.code, schedule))
            status.last_failure = self._failures.get(status.code, "")
        return status

    def _failed(self, code: str, tried: datetime, reason: str, message: str) -> None:
        when = tried.astimezone(CHINA).isoformat(timespec="minutes")
        self._failures[code] = f"{when} {reason}: {message}"
        _log.warning("build on schedule failed", resource=code, reason=reason)

    def _due(self) -> list[str]:
        """What is to be built now, that first which has waited longest."""
        now = self._clock()
        times = {code: self._next(code, one) for code, one in self._resources.scheduled().items()}
        return sorted((code for code, time in times.items() if time <= now), key=times.__getitem__)

    def _next(self, code: str, schedule: ScheduleConfig) -> datetime:
        begun = (self._resources.last_begun(code), self._tried.get(code))
        return next_build(schedule, max(filter(None, begun), default=None), self._since)
