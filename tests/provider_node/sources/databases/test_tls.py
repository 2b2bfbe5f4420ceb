"""Connections to PostgreSQL that must be encrypted: to the server that the certificate names, or to none."""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from provider_node.config import DatabaseSourceConfig
from tests.comparator.postgresql import OWNER, Server
from tests.provider_node.sources.databases.reading import password_file, read, refused, server_config

# The message by which a client asks for TLS: its length, and a number in the place of a version.
_SSL_REQUEST = struct.pack("!II", 8, 80_877_103)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def encrypted(server: Server, certificate: trustme.LeafCert) -> Iterator[int]:
    """A port of this machine that leads to the server by TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    def serve(listener: socket.socket) -> None:
        # As many connections as a reading makes; the last one ends the thread.
        while True:
            plain, _ = listener.accept()
            with plain, socket.socket(socket.AF_UNIX) as inner:
                if plain.recv(8) != _SSL_REQUEST:
                    return
                plain.sendall(b"S")
                with suppress(OSError), context.wrap_socket(plain, server_side=True) as outer:
                    inner.connect(str(server.directory / ".s.PGSQL.5432"))
                    back = threading.Thread(target=_pass_on, args=(inner, outer))
                    back.start()
                    _pass_on(outer, inner)
                    back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield port
        finally:
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def _config(directory: Path, database: str, port: int, authority: trustme.CA) -> DatabaseSourceConfig:
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    where = {"host": "localhost", "port": port, "database": database, "user": OWNER, "tls_ca": "ca.pem"}
    return server_config(directory, query="SELECT '1' AS id", **where)


def test_the_server_that_the_certificate_names_is_read(server: Server, database: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    with encrypted(server, authority.issue_cert("localhost")) as port:
        assert read(_config(tmp_path, database, port, authority)) == {"id": ["1"]}


@pytest.mark.parametrize("named", ["localhost", "other.example"])
def test_no_other_server_is_read(server: Server, database: str, tmp_path: Path, named: str) -> None:
    """One whose certificate another authority has issued, or for another name."""
    authority, other = trustme.CA(), trustme.CA()
    with encrypted(server, authority.issue_cert(named)) as port:
        known = other if named == "localhost" else authority
        error = refused(_config(tmp_path, database, port, known))
    assert error.field == "source.host"
    assert "tls_ca" in error.remedy


def test_the_password_goes_to_no_server_without_tls(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        received: list[bytes] = []

        def refuse_tls() -> None:
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(8))
                connection.sendall(b"N")
                received.append(connection.recv(1_024))

        server = threading.Thread(target=refuse_tls)
        server.start()
        (tmp_path / "ca.pem").touch()
        config = server_config(
            tmp_path,
            table="register",
            port=listener.getsockname()[1],
            password_file=password_file(tmp_path, "hidden"),
            tls_ca="ca.pem",
        )
        assert refused(config).field == "source.host"
        server.join()
    assert received == [_SSL_REQUEST, b""]


def test_a_missing_file_of_certificates_is_told(tmp_path: Path) -> None:
    assert refused(server_config(tmp_path, table="register", tls_ca="ca.pem")).field == "source.tls_ca"
