"""Kinds of database whose driver is not installed, and what can be said before one is needed."""

import sys
from pathlib import Path

import pytest

from tests.provider_node.sources.databases.reading import refused, server_config


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        ("postgresql", "psycopg"),
        ("mysql", "pymysql"),
        ("oracle", "oracledb"),
        ("dameng", "dmPython"),
        ("kingbase", "ksycopg2"),
    ],
)
def test_a_missing_driver_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"provider_node.sources.databases.{kind}", raising=False)
    error = refused(server_config(tmp_path, kind=kind, table="register"))
    assert error.field == "source.kind"
    assert f"kind '{kind}' is not installed" in error.message
    assert error.remedy == f"pip install 'stayput[node,{kind}]'"


def test_no_certificates_are_promised_where_the_driver_takes_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    error = refused(server_config(tmp_path, kind="dameng", table="register", tls_ca="ca.pem"))
    assert error.field == "source.tls_ca"
