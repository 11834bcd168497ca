"""What can be set on the stand-in account. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from importer.errors import SettingsError
from importer.models import Rate, Secret
from importer.sandbox.account import SandboxAccount, default_account
from importer.sandbox.account_state import FIRST_TICKET_NUMBER
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.limiter import Algorithm
from importer.sandbox.other_calls import Offset

# Throwaway keys of the stand-in; they open nothing else.
DEFAULT_ACCESS_KEY = "sandbox-access-key"
DEFAULT_SECRET_KEY = "sandbox-secret-key"  # noqa: S105  # as above

_TENANT = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """Everything that decides how the stand-in behaves. Raises SettingsError with all that is wrong.

    rate, algorithm: the account's limit, and how it is counted.
    latency_s: from a body's last byte to the commit and the answer.
    jitter_s: the longest wait, drawn evenly, between a request's headers and the counting: the network's share.
    seed: decides everything drawn by lot, GUIDs included.
    admin: whether the keys may read the configuration and use the trash; if not, those calls get a 403.
    max_body_bytes: larger bodies get a 413.
    keepalive_s: how long an idle connection stays open.
    first_number: the number of the first ticket.
    offset: how the account reads the Offset of a page of fields: as a number of records from 0 or from 1 on, or as the
    number of a page from 0 or from 1 on. The vendor's page can be read in each of these ways.
    """

    rate: Rate = field(default_factory=lambda: Rate(25, 5))
    algorithm: Algorithm = "sliding"
    latency_s: float = 0.05
    jitter_s: float = 0.0
    seed: int = 0
    tenant_id: str = "sandbox-tenant"
    access_key: Secret = field(default_factory=lambda: Secret(DEFAULT_ACCESS_KEY))
    secret_key: Secret = field(default_factory=lambda: Secret(DEFAULT_SECRET_KEY))
    admin: bool = True
    account: SandboxAccount = field(default_factory=default_account)
    faults: FaultPlan = field(default_factory=FaultPlan)
    max_body_bytes: int = 4 * 1024**3
    keepalive_s: float = 75.0
    first_number: int = FIRST_TICKET_NUMBER
    offset: Offset = "record-0"

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise SettingsError("the sandbox can't be set up like this", details=problems)

    def _problems(self) -> Iterator[str]:
        for name in ("latency_s", "jitter_s", "keepalive_s"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                yield f"{name}: {value:g} is not a number of seconds from 0 on"
        if self.max_body_bytes < 1:
            yield f"max_body_bytes: {self.max_body_bytes} leaves no room for a ticket"
        if not _TENANT.fullmatch(self.tenant_id):
            yield f"tenant_id: {self.tenant_id!r} may hold letters, digits, - and _ only"
        if not self.access_key or not self.secret_key:
            yield "access_key, secret_key: a key is empty"
