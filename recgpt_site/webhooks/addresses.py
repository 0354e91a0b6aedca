"""Where a webhook may lead: never to what only this server can reach, unless a setting allows it.

Whoever may register an address could else have this server call its own database, a neighbour, or the metadata service
of a cloud (server-side request forgery). So the name is resolved here, every address that it has is looked at, and the
connection goes to the address that was looked at: a second look-up could give another one.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address
PORTS = {"http": 80, "https": 443}
# Prefixes that carry an IPv4 address: NAT64 (RFC 6052) and 6to4 (RFC 3056), with the bits below that address.
EMBEDDING = ((ipaddress.IPv6Network("64:ff9b::/96"), 0), (ipaddress.IPv6Network("2002::/16"), 80))


class AddressRefusedError(ValueError):
    """An address that must not be called; the message says why and what would do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to, and under which name."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address

    @property
    def url(self) -> str:
        """The URL with the address in the place of the name."""
        shown = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{self.scheme}://{shown}:{self.port}{self.path}"

    @property
    def host_header(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == PORTS[self.scheme] else f"{shown}:{self.port}"


def check_url(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port, and path with query, of an address in an acceptable form. Raises AddressRefusedError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefusedError(f"“{url}” is no address: {error}.") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise AddressRefusedError(f"“{url}” is no web address. Give one like https://example.org/hook.")
    if parts.scheme != "https" and not settings.WEBHOOK_PRIVATE_ADDRESSES:
        raise AddressRefusedError(f"“{url}” is not encrypted. Give an https:// address.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefusedError(
            "An address with a password in it would be shown with it. Check the signature instead."
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port or PORTS[parts.scheme], path


def resolve(url: str) -> Target:
    """Where to connect to for a URL. Raises AddressRefusedError where any of its addresses is refused, and OSError."""
    scheme, host, port, path = check_url(url)
    found = [
        ipaddress.ip_address(str(entry[4][0]).partition("%")[0])
        for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ]
    for address in found:
        if not is_allowed(address):
            raise AddressRefusedError(
                f"{host} is {address}, which only this network can reach. Give a public address, or let an "
                "administrator set WEBHOOK_PRIVATE_ADDRESSES."
            )
    return Target(scheme, host, port, path, found[0])


def is_allowed(address: Address) -> bool:
    """Whether this server may connect there.

    Public addresses; with WEBHOOK_PRIVATE_ADDRESSES also private and loopback ones. Link-local addresses, where clouds
    keep credentials, multicast and unspecified ones never.
    """
    inner = _embedded(address)
    if inner is not None:
        return is_allowed(inner)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address.is_reserved and not address.is_loopback:  # Python counts ::1 among both
        return False
    if address.is_global:
        return True
    return bool(settings.WEBHOOK_PRIVATE_ADDRESSES) and (address.is_private or address.is_loopback)


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if not isinstance(address, IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, shift in EMBEDDING:
        if address in network:
            return IPv4Address((int(address) >> shift) & 0xFFFF_FFFF)
    return None
