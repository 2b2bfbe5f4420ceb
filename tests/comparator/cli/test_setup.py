"""`comparator init` and `comparator migrate`."""

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sqlalchemy import URL

from comparator.config import load
from comparator.data import DataDirectory, read_certificate, read_key, read_log_key
from stayput.identity import COMPARATOR_NAME
from stayput.notes import SignatureType, VerifierKey
from tests.comparator.platform import Run
from tests.comparator.postgresql import PASSWORD


def _files(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_init_makes_what_serve_needs(run: Run, config_path: Path) -> None:
    result = run("init", "--listen", "127.0.0.1:0", "--enrolment-listen", "127.0.0.1:0")
    assert result.exit_code == 0, result.output
    config = load(config_path)
    assert config.data == config_path.parent / "comparator-data"
    data = DataDirectory(config.data)
    ca, server = read_certificate(data.ca_certificate), read_certificate(data.server_certificate)
    server.verify_directly_issued_by(ca)
    assert ca.public_key() == read_key(data.ca_key).public_key()
    assert server.public_key() == read_key(data.server_key).public_key()
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [COMPARATOR_NAME]
    assert (ca.not_valid_after_utc - ca.not_valid_before_utc).days == 3_650
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    keys = {data.ca_key, data.server_key, data.ticket_key}
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert stat.S_IMODE(config.data.stat().st_mode) == 0o700
    assert len({read_key(key).private_numbers().private_value for key in keys}) == 3


def test_the_logs_key_is_shown(run: Run, config_path: Path) -> None:
    run("init")
    shown = json.loads(run("status", "--json").stdout)["log_key"]
    data = DataDirectory(load(config_path).data)
    key = VerifierKey.parse(shown)
    assert key.public_key == read_log_key(data).public_key().public_bytes_raw()
    assert key.kind is SignatureType.ED25519
    fingerprint = read_certificate(data.ca_certificate).fingerprint(hashes.SHA256()).hex()
    assert key.name == f"stayput/{fingerprint[:16]}"
    assert stat.S_IMODE(data.log_key.stat().st_mode) == 0o600


def test_migrate_gives_an_older_installation_its_logs_key(run: Run, config_path: Path) -> None:
    run("init")
    data = DataDirectory(load(config_path).data)
    data.log_key.unlink()
    assert json.loads(run("status", "--json").stdout)["log_key"] == ""
    assert run("migrate").exit_code == 0
    made = read_log_key(data).private_bytes_raw()
    assert run("migrate").exit_code == 0
    assert read_log_key(data).private_bytes_raw() == made


def test_init_overwrites_nothing(run: Run, config_path: Path) -> None:
    run("init")
    before = _files(config_path.parent)
    again = run("init", "--data", "elsewhere")
    assert again.exit_code == 1
    assert again.stderr.startswith("error: comparator.toml: exists already")
    assert "hint: " in again.stderr
    config_path.unlink()
    again = run("init")
    assert again.exit_code == 1
    assert "comparator-data: exists already" in again.stderr
    config_path.write_bytes(before[str(config_path)])
    assert _files(config_path.parent) == before


def test_the_configuration_may_lie_in_the_data_directory(run: Run, config_path: Path) -> None:
    inside = config_path.parent / "platform" / "comparator.toml"
    assert run("init", "--config", str(inside), "--data", "platform").exit_code == 0
    assert load(inside).data == inside.parent
    assert run("status", "--config", str(inside)).exit_code == 0


def test_the_environment_names_the_configuration(
    run: Run, config_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAYPUT_COMPARATOR_CONFIG", "other.toml")
    run("init")
    assert (config_path.parent / "other.toml").exists()
    assert not config_path.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--listen", "nowhere"], "listen: must be host:port"),
        (["--listen", "0.0.0.0:7443"], "advertise is missing"),
        (["--enrolment-listen", "[::]:7444"], "enrolment_advertise is missing"),
        (["--advertise", "0.0.0.0:1"], "advertise: must be an address that others can dial"),
    ],
)
def test_init_refuses_a_wrong_address(run: Run, config_path: Path, options: list[str], problem: str) -> None:
    result = run("init", *options)
    assert result.exit_code == 1
    assert problem in result.stderr
    assert not list(config_path.parent.iterdir())


def test_init_makes_the_tables_in_postgresql(
    run: Run, config_path: Path, guarded_postgresql: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = guarded_postgresql.render_as_string(hide_password=False)
    refused = run("init", "--database", url)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: database: PostgreSQL cannot be reached")
    # It can be tried again as if nothing had been done.
    assert not list(config_path.parent.iterdir())
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert run("init", "--database", url).exit_code == 0
    config = load(config_path)
    assert config.database == url
    assert not (config.data / "comparator.db").exists()
    assert run("departments").exit_code == 0


def test_init_takes_no_store_of_another_comparator(
    run: Run, config_path: Path, new_store: Callable[[], URL]
) -> None:
    url = new_store().render_as_string(hide_password=False)
    assert run("init", "--database", url).exit_code == 0
    again = run("init", "--config", "other.toml", "--data", "other", "--database", url)
    assert again.exit_code == 1
    assert again.stderr.startswith("error: database: it holds a comparator's tables already")
    assert not {path.name for path in config_path.parent.iterdir()} & {"other", "other.toml"}


def test_init_takes_no_other_database(run: Run, config_path: Path) -> None:
    refused = run("init", "--database", "mysql://comparator:secret@db.internal/comparator")
    assert refused.exit_code == 1
    assert "database: must be an SQLAlchemy URL" in refused.stderr
    assert "secret" not in refused.output + refused.stderr
    assert not list(config_path.parent.iterdir())


def test_migrate_brings_a_database_up(run: Run, config_path: Path) -> None:
    run("init")
    (load(config_path).data / "comparator.db").unlink()
    behind = run("departments")
    assert behind.exit_code == 1
    assert "comparator migrate" in behind.stderr
    assert re.search(r"up to date \(\d{4}\)", run("migrate").stdout)
    assert run("departments").exit_code == 0


def test_errors_in_chinese(run: Run) -> None:
    result = run("departments", locale="zh_CN.UTF-8")
    assert result.exit_code == 1
    assert result.stderr.startswith("错误：comparator.toml：没有这个配置文件\n提示：")


def test_wrong_usage_exits_with_2(run: Run) -> None:
    assert run("no-such-command").exit_code == 2
    assert run("invite", "department", "civil-affairs").exit_code == 2
