"""Finds the IP addresses of hosts, and leaves out those to which no connection may go.

The connection uses exactly the addresses that were checked: a name server that answers differently the next time can't
lead it into the private network.
"""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from importer.fetch.hosts import HostRules, is_private


class ForbiddenAddressError(OSError):
    """A listed host has only addresses to which no connection may go."""


class CheckedResolver(AbstractResolver):
    """Resolves names, and checks each address."""

    def __init__(self, rules: HostRules, resolver: AbstractResolver | None = None) -> None:
        self._rules = rules
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises OSError."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [each for each in found if self._rules.may_connect(host, each["host"])]
        if found and not allowed:
            private = found[0]["host"]
            raise ForbiddenAddressError(
                None, f"{host} is at the private address {private}, which `hosts` in the mapping does not list"
            )
        return allowed

    async def is_private(self, host: str) -> bool:
        """Return whether all addresses of a host are private. Raises OSError."""
        if is_private(host):
            return True
        try:
            found = await self.resolve(host)
        except OSError:
            return False
        return bool(found) and all(is_private(each["host"]) for each in found)

    async def close(self) -> None:
        """Close the resolver."""
        await self._resolver.close()
