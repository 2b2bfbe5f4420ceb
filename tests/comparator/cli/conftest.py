"""The command, run in this process."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from comparator.cli.application import app
from tests.comparator.platform import Run


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    return tmp_path / "comparator.toml"


@pytest.fixture
def run(config_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `comparator` in the test's directory, in English unless `locale` says otherwise."""
    monkeypatch.chdir(config_path.parent)
    monkeypatch.setenv("COLUMNS", "300")
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "STAYPUT_COMPARATOR_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run_command(*arguments: str, locale: str = "en_US.UTF-8") -> Result:
        return CliRunner().invoke(app, list(arguments), env={"LC_ALL": locale}, catch_exceptions=False)

    return run_command
