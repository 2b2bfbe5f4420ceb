"""Channels and servers under TLS 1.3 with both sides authenticated; there is no plaintext mode."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc
import grpc.aio

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
)
_KEEPALIVE: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 10_000),
)
# gRPC's servers cut a connection whose client pings an idle stream more often than every 5 minutes.
_PERMITTED_PINGS: tuple[str, int] = ("grpc.http2.min_ping_interval_without_data_ms", 15_000)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A party's TLS identity: PEM certificate chain, PEM private key, PEM of the CA that it trusts."""

    certificate_chain: bytes
    private_key: bytes = field(repr=False)
    ca_certificate: bytes


def channel(address: str, server_name: str, credentials: Credentials) -> grpc.aio.Channel:
    """A channel to `address` (`host:port`) whose server must prove to be `server_name`.

    The name is the party's (`Party.tls_name`), not the host's: an address that leads to another party's
    server fails in the handshake, whatever DNS or a proxy says.
    """
    return grpc.aio.secure_channel(
        address,
        grpc.ssl_channel_credentials(
            credentials.ca_certificate, credentials.private_key, credentials.certificate_chain
        ),
        options=(*_OPTIONS, *_KEEPALIVE, ("grpc.ssl_target_name_override", server_name)),
    )


def enrolment_channel(address: str, server_name: str, ca_certificate: bytes) -> grpc.aio.Channel:
    """A channel without a client certificate, for the one call that obtains one."""
    return grpc.aio.secure_channel(
        address,
        grpc.ssl_channel_credentials(ca_certificate),
        options=(*_OPTIONS, ("grpc.ssl_target_name_override", server_name)),
    )


def server(interceptors: Sequence[grpc.aio.ServerInterceptor], *, watchful: bool = False) -> grpc.aio.Server:
    """A server with the project's limits; add ports by `listen`, `listen_enrolment` or `listen_local`.

    A watchful one finds out within 40 s that a caller with a call under way is gone without a word.
    """
    options = (*_OPTIONS, _PERMITTED_PINGS, ("grpc.so_reuseport", 0), *(_KEEPALIVE if watchful else ()))
    return grpc.aio.server(interceptors=interceptors, options=options)


def listen(of: grpc.aio.Server, address: str, credentials: Credentials) -> int:
    """Serves mutual TLS on `address`; only certificates of the CA are admitted. Returns the port bound."""
    return of.add_secure_port(
        address,
        grpc.ssl_server_credentials(
            [(credentials.private_key, credentials.certificate_chain)],
            root_certificates=credentials.ca_certificate,
            require_client_auth=True,
        ),
    )


def listen_enrolment(of: grpc.aio.Server, address: str, credentials: Credentials) -> int:
    """Serves TLS to callers that have no certificate yet. Returns the port bound."""
    return of.add_secure_port(
        address, grpc.ssl_server_credentials([(credentials.private_key, credentials.certificate_chain)])
    )


def listen_local(of: grpc.aio.Server, socket_path: str) -> None:
    """Serves on a Unix socket; the directory's permissions decide who may connect."""
    of.add_secure_port(f"unix:{socket_path}", grpc.local_server_credentials(grpc.LocalConnectionType.UDS))


def local_channel(socket_path: str) -> grpc.aio.Channel:
    """A channel to a Unix socket."""
    return grpc.aio.secure_channel(
        f"unix:{socket_path}",
        grpc.local_channel_credentials(grpc.LocalConnectionType.UDS),
        options=_OPTIONS,
    )
