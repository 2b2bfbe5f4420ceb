"""Where a password comes from, and that nobody is told what it is."""

from pathlib import Path

import pytest

from provider_node.sources.databases.credentials import password_of
from stayput.errors import StayputError
from tests.provider_node.sources.databases.reading import server_config


def written(directory: Path, content: bytes, mode: int = 0o600) -> str:
    path = directory / "password"
    path.touch(0o600)
    path.write_bytes(content)
    path.chmod(mode)
    return path.name


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_line_end_is_no_part_of_the_password(tmp_path: Path, end: bytes) -> None:
    config = server_config(
        tmp_path, table="register", password_file=written(tmp_path, " 密 a ".encode() + end)
    )
    assert password_of(config) == " 密 a "


def test_the_password_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTER_PASSWORD", "hidden")
    config = server_config(tmp_path, table="register", password_env="REGISTER_PASSWORD")
    assert password_of(config) == "hidden"
    assert "hidden" not in repr(config)


def test_there_may_be_no_password(tmp_path: Path) -> None:
    assert password_of(server_config(tmp_path, table="register")) is None


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (b"hidden", 0o640, "others than its owner"),
        (b"hidden", 0o602, "others than its owner"),
        (b"", 0o600, "the password and nothing else"),
        (b"\n", 0o600, "the password and nothing else"),
        (b"hidden" * 1_000, 0o600, "the password and nothing else"),
        (b"hidden\xff", 0o600, "not UTF-8"),
    ],
)
def test_a_file_that_is_no_password_is_refused(
    tmp_path: Path, content: bytes, mode: int, problem: str
) -> None:
    config = server_config(tmp_path, table="register", password_file=written(tmp_path, content, mode))
    with pytest.raises(StayputError, match=problem) as caught:
        password_of(config)
    assert caught.value.field == "source.password_file"
    assert "hidden" not in f"{caught.value}{caught.value.remedy}"


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StayputError, match=r"source\.password_file: the file cannot be read: No such file"):
        password_of(server_config(tmp_path, table="register", password_file="password"))


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("REGISTER_PASSWORD", raising=False)
    if value is not None:
        monkeypatch.setenv("REGISTER_PASSWORD", value)
    with pytest.raises(StayputError, match=r"source\.password_env: the environment has no such variable"):
        password_of(server_config(tmp_path, table="register", password_env="REGISTER_PASSWORD"))
