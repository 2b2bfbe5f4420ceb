import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
import pytest

from stayput.errors import StayputError
from stayput.identity import COMPARATOR_NAME, department, node
from stayput.rpc import tls
from stayput.rpc.client import translated
from stayput.rpc.tls import Credentials
from stayput.v1.comparison_pb2 import CompareRecordsRequest, DescribeRequest, SealedChunk
from stayput.v1.comparison_pb2_grpc import ComparisonServiceStub, add_ComparisonServiceServicer_to_server
from stayput.v1.errors_pb2 import ErrorReason
from tests.stayput.authority import Authority, names_of
from tests.stayput.rpc.scripted import Scripted, do_nothing

NODE_NAME = node("traffic-1").tls_name
CIPHERS = "GRPC_SSL_CIPHER_SUITES"


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory,
    node_credentials: Credentials,
    department_credentials: Credentials,
) -> Path:
    """The server's credentials and the client's certificate and key."""
    directory = tmp_path_factory.mktemp("tls")
    (directory / "client.pem").write_bytes(
        department_credentials.private_key + department_credentials.certificate_chain
    )
    names = ("certificate_chain", "private_key", "ca_certificate")
    credentials = {name: getattr(node_credentials, name).decode() for name in names}
    (directory / "server.json").write_text(json.dumps(credentials))
    return directory


def serving(order: str, files: Path) -> Iterator[int]:
    """The port of a server in a process of its own, where gRPC is imported first or only_tls13 is."""
    command = [sys.executable, "-m", "tests.stayput.rpc.serving", order, str(files / "server.json")]
    environment = {name: value for name, value in os.environ.items() if name != CIPHERS}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield int(process.stdout.readline())
        process.stdin.close()
        assert process.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def port(files: Path) -> Iterator[int]:
    yield from serving("only-tls13-first", files)


@pytest.fixture(scope="module")
def port_of_late_import(files: Path) -> Iterator[int]:
    yield from serving("grpc-first", files)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """An HTTP/2 frame (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def describe_call() -> bytes:
    """A whole HTTP/2 connection's worth of asking Describe, headers as literals (RFC 7541, 6.2.2)."""

    def literal(index: bytes, value: bytes) -> bytes:
        return index + bytes([len(value)]) + value

    headers = (
        b"\x83\x87"  # :method POST, :scheme https
        + literal(b"\x04", b"/stayput.v1.ComparisonService/Describe")
        + literal(b"\x01", NODE_NAME.encode())
        + literal(b"\x0f\x10", b"application/grpc")
        + literal(b"\x00\x02te", b"trailers")
    )
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    return preface + frame(1, 4, 1, headers) + frame(0, 1, 1, bytes(5))


def answer(port: int, files: Path, version: ssl.TLSVersion, *, certificate: bool = True) -> bytes:
    """What the server sends to a Describe over exactly this version of TLS, until it ends the stream."""
    context = ssl.create_default_context(
        cadata=json.loads((files / "server.json").read_text())["ca_certificate"]
    )
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    if certificate:
        context.load_cert_chain(files / "client.pem")
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
        context.wrap_socket(connection, server_hostname=NODE_NAME) as secured,
    ):
        secured.sendall(describe_call())
        received = b""
        while b"grpc-status" not in received and (more := secured.recv(4096)):
            received += more
        return received


def test_tls_1_3_with_a_certificate_is_served(port: int, files: Path) -> None:
    assert b"grpc-status\x010" in answer(port, files, ssl.TLSVersion.TLSv1_3)


def test_tls_1_2_is_refused_in_the_handshake(port: int, files: Path) -> None:
    with pytest.raises(ssl.SSLError):
        answer(port, files, ssl.TLSVersion.TLSv1_2)


def test_without_a_certificate_nothing_is_served(port: int, files: Path) -> None:
    try:
        received = answer(port, files, ssl.TLSVersion.TLSv1_3, certificate=False)
    except (ssl.SSLError, ConnectionError):
        received = b""
    assert received == b""


def test_calls_over_tls_1_2_are_refused_even_where_grpc_was_imported_too_early(
    port_of_late_import: int, files: Path
) -> None:
    refused = answer(port_of_late_import, files, ssl.TLSVersion.TLSv1_2)
    assert b"grpc-status\x0212" in refused
    assert b"the connection is not TLS 1.3" in refused
    assert b"grpc-status\x010" in answer(port_of_late_import, files, ssl.TLSVersion.TLSv1_3)


async def describe(channel: grpc.aio.Channel) -> None:
    async with channel:
        with translated("traffic-1"):
            await ComparisonServiceStub(channel).Describe(DescribeRequest())


async def refusal(channel: grpc.aio.Channel) -> StayputError:
    with pytest.raises(StayputError) as caught:
        await describe(channel)
    assert caught.value.reason == ErrorReason.ERROR_REASON_CONNECTION_FAILED
    return caught.value


@pytest.fixture
async def address(server: grpc.aio.Server, node_credentials: Credentials) -> str:
    """A node's server in this process."""
    add_ComparisonServiceServicer_to_server(Scripted(do_nothing), server)
    port = tls.listen(server, "127.0.0.1:0", node_credentials)
    await server.start()
    return f"127.0.0.1:{port}"


async def test_both_sides_know_each_other(address: str, department_credentials: Credentials) -> None:
    await describe(tls.channel(address, NODE_NAME, department_credentials))


async def test_a_client_without_a_certificate_is_refused(address: str, authority: Authority) -> None:
    await refusal(tls.enrolment_channel(address, NODE_NAME, authority.pem))


async def test_a_client_of_another_ca_is_refused(address: str, authority: Authority) -> None:
    stranger = Authority.new().credentials(names_of(department("civil-affairs")))
    chain, key = stranger.certificate_chain, stranger.private_key
    await refusal(tls.channel(address, NODE_NAME, Credentials(chain, key, authority.pem)))


async def test_a_server_of_another_ca_is_refused(address: str, department_credentials: Credentials) -> None:
    chain, key = department_credentials.certificate_chain, department_credentials.private_key
    await refusal(tls.channel(address, NODE_NAME, Credentials(chain, key, Authority.new().pem)))


@pytest.mark.parametrize(
    "name",
    [node("traffic-2").tls_name, department("traffic-1").tls_name, COMPARATOR_NAME, "127.0.0.1", "localhost"],
)
async def test_a_server_that_is_not_whom_the_caller_wants_is_refused(
    address: str, department_credentials: Credentials, name: str
) -> None:
    error = await refusal(tls.channel(address, name, department_credentials))
    assert "traffic-1: " in error.message


async def test_the_enrolment_listener_takes_callers_without_a_certificate(
    server: grpc.aio.Server, authority: Authority, node_credentials: Credentials
) -> None:
    add_ComparisonServiceServicer_to_server(Scripted(do_nothing), server)
    port = tls.listen_enrolment(server, "127.0.0.1:0", node_credentials)
    await server.start()
    await describe(tls.enrolment_channel(f"127.0.0.1:{port}", NODE_NAME, authority.pem))
    await refusal(tls.enrolment_channel(f"127.0.0.1:{port}", NODE_NAME, Authority.new().pem))
    await refusal(tls.enrolment_channel(f"127.0.0.1:{port}", COMPARATOR_NAME, authority.pem))


async def test_a_plaintext_client_is_refused(address: str) -> None:
    await refusal(grpc.aio.insecure_channel(address))


async def test_a_unix_socket_is_served(server: grpc.aio.Server, tmp_path: Path) -> None:
    add_ComparisonServiceServicer_to_server(Scripted(do_nothing), server)
    tls.listen_local(server, str(tmp_path / "socket"))
    await server.start()
    await describe(tls.local_channel(str(tmp_path / "socket")))
    with pytest.raises(StayputError, match="CONNECTION_FAILED"):
        await describe(tls.local_channel(str(tmp_path / "nobody")))


async def test_a_port_in_use_is_an_error(
    server: grpc.aio.Server, address: str, node_credentials: Credentials
) -> None:
    other = tls.server([])
    with pytest.raises(RuntimeError, match="bind"):
        tls.listen(other, address, node_credentials)


@pytest.mark.parametrize(("spare", "fits"), [(64, True), (-1, False)])
async def test_messages_have_a_size_limit(
    address: str,
    department_credentials: Credentials,
    spare: int,
    fits: bool,  # noqa: FBT001 (a column of the table)
) -> None:
    request = CompareRecordsRequest(chunk=SealedChunk(sealed=bytes(tls.MAX_MESSAGE_BYTES - spare)))
    async with tls.channel(address, NODE_NAME, department_credentials) as channel:
        call = ComparisonServiceStub(channel).CompareRecords(request)
        if fits:
            assert await call
            return
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_server_permits_pings_as_often_as_a_channel_sends_them() -> None:
    name, permitted_every = tls._PERMITTED_PINGS
    assert name == "grpc.http2.min_ping_interval_without_data_ms"
    assert dict(tls._KEEPALIVE)["grpc.keepalive_time_ms"] >= 2 * permitted_every


def test_credentials_do_not_show_the_private_key(node_credentials: Credentials) -> None:
    assert "PRIVATE KEY" not in f"{node_credentials!r} {node_credentials!s}"
    assert repr(node_credentials).count("BEGIN") == 2
