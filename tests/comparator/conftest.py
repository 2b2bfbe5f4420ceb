"""Fixtures of the comparator's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from comparator.config import Config
from tests.comparator.platform import Clock, Member, Platform, installed, running_platform


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return installed(tmp_path)


@pytest.fixture
async def platform(config: Config, clock: Clock) -> AsyncIterator[Platform]:
    async with running_platform(config, clock) as running:
        yield running


@pytest.fixture
async def node(platform: Platform) -> Member:
    """A node that has published nothing."""
    return await platform.node("vehicles-1", "traffic-police")


@pytest.fixture
async def consumer(platform: Platform) -> Member:
    return await platform.department("civil-affairs")
