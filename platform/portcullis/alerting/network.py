"""Where a webhook may go: public addresses, and those networks that a setting names.

Names are resolved here and the connection goes to the very address that was checked, so a name that answers
differently a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from customs.errors import InvalidConfig, InvalidValue

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_URL = 2_000
# Global by the registries, and yet the inside of somebody's network: IPv4 inside IPv6, and the address at
# which a public cloud answers its own machines.
_NOT_PUBLIC: tuple[Network, ...] = (
    ipaddress.ip_network("2001::/32"),
    ipaddress.ip_network("2002::/16"),
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("168.63.129.16/32"),
)


class Unreachable(Exception):
    """No address of this host may be used, or it has none."""


def read_networks(text: str, *, field: str) -> tuple[Network, ...]:
    """Networks from `10.0.0.0/8, fd00::/8`.

    >>> read_networks("10.0.0.0/8", field="networks")
    (IPv4Network('10.0.0.0/8'),)
    """
    found: list[Network] = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise InvalidConfig(
                f"got {text!r}: {error}", field=field, remedy="write networks as 10.0.0.0/8"
            ) from None
    return tuple(found)


@dataclass(frozen=True)
class Reach:
    """What webhooks may reach: `allowed` networks beside the public ones; http only where `http` is true."""

    allowed: tuple[Network, ...] = ()
    http: bool = False

    def may(self, address: Address) -> bool:
        """Whether this address may be connected to."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self.allowed if network.version == address.version):
            return True
        if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
            return False
        return address.is_global and not address.is_multicast

    def check(self, url: str) -> SplitResult:
        """The parts of a URL that a webhook may have; the addresses of a name are checked at each delivery.

        Raises:
            InvalidValue: it is no such URL, or it names an address that may not be used.
        """
        parts = self._split(url)
        try:
            address = ipaddress.ip_address(str(parts.hostname))
        except ValueError:
            return parts
        if not self.may(address):
            raise _wrong(
                f"{address} lies inside a network that webhooks may not reach",
                "name a public host, or list its network in PORTCULLIS_WEBHOOK_NETWORKS",
            )
        return parts

    def resolve(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of a host that may be used, in the resolver's order.

        Raises:
            Unreachable: it has none.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unreachable("the host's name cannot be resolved") from None
        addresses = dict.fromkeys(ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found)
        usable = [address for address in addresses if self.may(address)]
        if not usable:
            raise Unreachable("the host lies inside a network that webhooks may not reach")
        return usable

    def _split(self, url: str) -> SplitResult:
        schemes = ("https", "http") if self.http else ("https",)
        if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
            raise _wrong("it is too long or holds characters that a URL cannot hold", "give a plain URL")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _wrong(f"it cannot be read ({error})", "give a plain URL") from None
        if parts.scheme not in schemes:
            raise _wrong(f"its scheme is {parts.scheme!r}", f"give one that begins with {schemes[0]}://")
        if not parts.hostname or port == 0:
            raise _wrong("it names no host", "give one such as https://hooks.example.org/customs")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise _wrong("it holds a name, a password or a fragment", "leave them out")
        return parts


def _wrong(problem: str, remedy: str) -> InvalidValue:
    return InvalidValue(problem, field="url", remedy=remedy)
