"""Which hosts `fetch` may ask, and which of them get the headers of the mapping. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class HostRules:
    """The hosts that the mapping lists: names, or IP addresses. A host stands for all its ports.

    A name does not cover its subdomains. An address that is not on the public internet must be listed itself, even if
    a listed name leads to it; `localhost` lists the addresses of this machine.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._networks: list[_IpNetwork] = []
        for host in hosts:
            try:
                self._networks.append(ipaddress.ip_network(host))
            except ValueError:
                self._names.add(host.lower().rstrip("."))

    def is_listed(self, host: str) -> bool:
        """Return whether a host, as an address names it, may be asked."""
        address = _ip_address(host)
        if address is not None:
            return any(address in network for network in self._networks)
        return host.lower().rstrip(".") in self._names

    def may_connect(self, host: str, ip_address: str) -> bool:
        """Return whether a connection may go to this IP address of a listed host."""
        address = _ip_address(ip_address)
        if address is None:
            return False
        if address.is_global and not address.is_multicast:
            return True
        if address.is_loopback and host.lower().rstrip(".") == "localhost":
            return True
        return any(address in network for network in self._networks)


def is_private(ip_address: str) -> bool:
    """Return whether an IP address is not on the public internet, such as 10.0.0.5 or 127.0.0.1."""
    address = _ip_address(ip_address)
    return address is not None and not address.is_global


def _ip_address(text: str) -> _IpAddress | None:
    """Return an IP address, of an IPv6 address for IPv4 the latter; ``None`` for a name."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
