"""Processes of builds that do not do as they should: whoever waits for one is told that it failed."""

import sys
from pathlib import Path

import pytest

from provider_node.domain.builds import run_build
from stayput.errors import StayputError
from stayput.v1.errors_pb2 import ErrorReason


async def failure(monkeypatch: pytest.MonkeyPatch, program: Path) -> str:
    """What is told when a build is run by that program."""
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(StayputError) as caught:
        async for _ in run_build(Path("node.toml"), "vehicle-owners", None):
            pass
    assert caught.value.reason == ErrorReason.ERROR_REASON_BUILD_FAILED
    assert "what was serving goes on" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "said",
    [
        "no JSON",
        '{"colour": 1}',
        '{"rows": "many"}',
        "[" * 2_000_000,
    ],
)
async def test_what_cannot_be_understood_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str
) -> None:
    (tmp_path / "said").write_text(said)
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\ncat "{tmp_path}/said"\n')
    program.chmod(0o700)
    assert "cannot be understood" in await failure(monkeypatch, program)


async def test_an_end_without_a_word_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "without a generation" in await failure(monkeypatch, Path("/bin/true"))


async def test_a_process_that_cannot_be_started_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "could not be started" in await failure(monkeypatch, tmp_path / "absent")
