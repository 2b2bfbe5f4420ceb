"""A listener whose certificate can be replaced while it listens."""

import grpc
import grpc.aio

from stayput.rpc.tls import Credentials


class ShownIdentity:
    """What a listener shows and whom it admits: each new connection gets what is current then."""

    def __init__(self) -> None:
        self._current: Credentials | None = None
        self._fresh: grpc.ServerCertificateConfiguration | None = None
        self._server_credentials: grpc.ServerCredentials | None = None

    def listen(self, of: grpc.aio.Server, address: str) -> int:
        """As `stayput.rpc.tls.listen`, once there is something to show. Keep this as long as the server.

        Raises `RuntimeError` if the address cannot be had.
        """
        first = self._replaced()
        if first is None:
            raise RuntimeError("nothing to show yet")
        # gRPC calls back through these, and holds no reference to them.
        self._server_credentials = grpc.dynamic_ssl_server_credentials(
            first,
            self._replaced,  # type: ignore[arg-type]  # gRPC's documentation says that it may return None
            require_client_authentication=True,
        )
        return of.add_secure_port(address, self._server_credentials)

    def replace(self, credentials: Credentials) -> bool:
        """Shows these from now on; whether they are others. Connections that there are go on."""
        if credentials == self._current:
            return False
        self._current = credentials
        self._fresh = _configuration(credentials)
        return True

    def _replaced(self) -> grpc.ServerCertificateConfiguration | None:
        """For gRPC, at each connection: `None` if nothing has changed."""
        fresh, self._fresh = self._fresh, None
        return fresh


def _configuration(credentials: Credentials) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(credentials.private_key, credentials.certificate_chain)],
        root_certificates=credentials.ca_certificate,
    )
