"""A profile of the register, at a fixed time and under a fixed key."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provider_node.config import load_resource
from provider_node.domain.profile import KEY_BYTES, Profile, Run, Step, profile
from tests.provider_node.profile import register

Profiled = Callable[..., Profile]


@pytest.fixture
def profiled(tmp_path: Path) -> Profiled:
    """Profiles the register, or what it becomes by changing its resource and adding lines."""

    def run(
        *changes: tuple[str, str],
        more: list[str] | None = None,
        attempts: int = 5,
        rows: int | None = None,
        later: timedelta = timedelta(0),
        steps: Callable[[Step], None] = lambda _: None,
    ) -> Profile:
        text = register.RESOURCE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        resource = load_resource(register.write(tmp_path, text, more or ()))
        return profile(resource, Run(attempts, datetime.now(UTC) + later, bytes(KEY_BYTES), steps, rows))

    return run
