"""`host:port` as configuration, catalogue and invitations write it."""

import re
from dataclasses import dataclass

_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_IPV6 = re.compile(r"\[[0-9A-Fa-f:.]{2,45}\]")
_LONGEST_HOST = 253
_HIGHEST_PORT = 65_535
_WILDCARDS = frozenset({"0.0.0.0", "[::]"})  # noqa: S104 (recognised in order to refuse it as a destination)


@dataclass(frozen=True, slots=True)
class Address:
    """A host name, IPv4 address or bracketed IPv6 address, and a port (0: any free one)."""

    host: str
    port: int

    @staticmethod
    def parse(text: str) -> "Address":
        """The address that `text` writes as `host:port`; `ValueError` (without the text) if it is none."""
        host, separator, port = text.rpartition(":")
        if not separator or not (port.isascii() and port.isdigit() and len(port) <= len(str(_HIGHEST_PORT))):
            raise ValueError("must be host:port, the port being a number")
        if len(host) > _LONGEST_HOST or not (_HOST.fullmatch(host) or _IPV6.fullmatch(host)):
            raise ValueError("must begin with a host name, an IPv4 address or an IPv6 address in brackets")
        if int(port) > _HIGHEST_PORT:
            raise ValueError(f"must have a port of at most {_HIGHEST_PORT}")
        return Address(host, int(port))

    @property
    def is_wildcard(self) -> bool:
        """It names every interface of this machine, so nobody can dial it."""
        return self.host in _WILDCARDS

    def with_port(self, port: int) -> "Address":
        """The same host with another port."""
        return Address(self.host, port)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
