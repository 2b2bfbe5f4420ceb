"""What is MySQL's own, as far as it shows without a server: there is none to be had with the tests."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest
import trustme
from pymysql.constants import FIELD_TYPE

from provider_node.sources.databases.cells import texts_of
from provider_node.sources.databases.faults import Fault
from provider_node.sources.databases.mysql import Mysql
from provider_node.sources.databases.statements import looking_at, relation_of
from tests.provider_node.sources.databases.reading import password_file, refused, server_config

# What a server says first (protocol 10): version, connection, challenge, and abilities, of which TLS is none.
_GREETING = (
    b"\x0a8.4.0\0" + struct.pack("<I", 1) + b"12345678\0" + struct.pack("<H", 0x8200)
    + b"\xff" + struct.pack("<HH", 2, 0x0008) + b"\x15" + bytes(10) + b"123456789012\0"
    + b"mysql_native_password\0"
)  # fmt: skip
_REFUSAL = b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied for user 'reader'@'127.0.0.1' (hidden)"


def _packet(number: int, content: bytes) -> bytes:
    return len(content).to_bytes(3, "little") + bytes([number]) + content


@contextmanager
def greeting(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A port at which somebody greets as a server does, and answers what comes then; and what came."""
    received: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(_packet(0, _GREETING))
            received.append(connection.recv(4_096))
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        yield listener.getsockname()[1], received
        server.join()


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    error = refused(server_config(tmp_path, kind="mysql", table="register", port=1))
    assert error.field == "source.host"
    assert "(2003)" in error.message


def test_a_refused_user_is_told_in_our_own_words(tmp_path: Path) -> None:
    with greeting(_packet(2, _REFUSAL)) as (port, received):
        config = server_config(
            tmp_path,
            kind="mysql",
            table="register",
            port=port,
            password_file=password_file(tmp_path, "hidden"),
        )
        error = refused(config)
    assert error.field == "source.user"
    assert "(1045)" in error.message
    assert "hidden" not in f"{error.message}{error.remedy}{received}"


def test_a_server_that_goes_while_it_lets_in_is_told(tmp_path: Path) -> None:
    with greeting(b"") as (port, _):
        error = refused(server_config(tmp_path, kind="mysql", table="register", port=port))
    assert error.field == "source.host"


def test_nothing_is_sent_to_a_server_without_tls(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with greeting(b"") as (port, received):
        config = server_config(tmp_path, kind="mysql", table="register", port=port, tls_ca="ca.pem")
        assert refused(config).field == "source.host"
    assert received == [b""]


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hidden")
    error = refused(server_config(tmp_path, kind="mysql", table="register", port=1, tls_ca="ca.pem"))
    assert error.field == "source.host"
    assert "hidden" not in error.message


def test_names_are_quoted_in_its_own_way(tmp_path: Path) -> None:
    config = server_config(tmp_path, kind="mysql", table="traffic.登记")
    assert looking_at(relation_of(config, Mysql.quote)) == "SELECT * FROM `traffic`.`登记` WHERE 1 = 0"


@pytest.mark.parametrize(
    ("kind", "expression"),
    [
        (FIELD_TYPE.VAR_STRING, "LEFT(`id`, 1025)"),
        (FIELD_TYPE.BLOB, "LEFT(`id`, 1025)"),
        (FIELD_TYPE.JSON, "LEFT(`id`, 1025)"),
        (FIELD_TYPE.NEWDECIMAL, "`id`"),
        (FIELD_TYPE.DATETIME, "`id`"),
    ],
)
def test_what_has_no_bound_is_cut_by_the_server(tmp_path: Path, kind: int, expression: str) -> None:
    assert (
        Mysql(server_config(tmp_path, kind="mysql", table="register")).expression("`id`", kind) == expression
    )


def test_floating_point_of_six_digits_is_not_taken_for_more(tmp_path: Path) -> None:
    database = Mysql(server_config(tmp_path, kind="mysql", table="register"))
    assert texts_of([999_999.0, 13_800_100_000.0], database.exact(FIELD_TYPE.FLOAT)) == [
        "999999",
        "1.380010E+10",
    ]
    assert texts_of([13_800_138_000.0], database.exact(FIELD_TYPE.DOUBLE)) == ["13800138000"]


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (pymysql.err.ProgrammingError(1146, "hidden"), Fault.RELATION),
        (pymysql.err.OperationalError(1142, "hidden"), Fault.RIGHTS),
        (pymysql.err.InternalError(1792, "hidden"), Fault.WRITING),
        (pymysql.err.OperationalError(2013, "hidden"), Fault.LOST),
        (pymysql.err.OperationalError(3024, "hidden"), Fault.STOPPED),
        (pymysql.err.InterfaceError(0, ""), Fault.SYNTAX),
        (pymysql.err.Error("hidden"), Fault.SYNTAX),
        (pymysql.err.Error(), Fault.SYNTAX),
    ],
)
def test_its_numbers_are_understood(tmp_path: Path, error: pymysql.err.Error, fault: Fault) -> None:
    assert Mysql(server_config(tmp_path, kind="mysql", table="register")).fault(error, Fault.SYNTAX) is fault
