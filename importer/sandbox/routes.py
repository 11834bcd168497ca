"""Finds the API call of a request by its method and URL. Pure: no I/O.

URLs must match exactly: another letter case, an escape, a query, an additional slash or another method is a 404.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Operation(enum.Enum):
    """The calls of the API that the sandbox supports."""

    CREATE = enum.auto()
    UPDATE = enum.auto()
    GET = enum.auto()
    TRASH = enum.auto()
    FIELDS = enum.auto()
    LOOKUP = enum.auto()


ADMIN_ONLY = frozenset({Operation.TRASH, Operation.FIELDS, Operation.LOOKUP})

_ROUTES = (
    (Operation.CREATE, "POST", re.compile("tickets()")),
    (Operation.TRASH, "PUT", re.compile("tickets/trash()")),
    (Operation.UPDATE, "PUT", re.compile("tickets/([0-9A-Za-z-]+)/update")),
    (Operation.GET, "GET", re.compile("tickets/([0-9A-Za-z-]+)")),
    (Operation.FIELDS, "POST", re.compile("ticket-types/1/fields/filter()")),
    (Operation.LOOKUP, "GET", re.compile("lookups/([0-9A-Za-z_]+)/values")),
)


@dataclass(frozen=True, kw_only=True)
class Route:
    """A call, and the name of a ticket or lookup in its URL; empty without one."""

    operation: Operation
    name: str


def find_route(method: str, raw_path: str, tenant_id: str) -> Route | None:
    """Return the call at this URL of this account; ``None`` if there is none."""
    prefix = f"/api/tenants/{tenant_id}/"
    if not raw_path.startswith(prefix):
        return None
    rest = raw_path.removeprefix(prefix)
    for operation, route_method, pattern in _ROUTES:
        found = pattern.fullmatch(rest)
        if found and method == route_method:
            return Route(operation=operation, name=found[1])
    return None
