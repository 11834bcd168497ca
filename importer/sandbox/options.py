"""Options of the sandbox account. Pure: no I/O."""

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

# Default keys; they work only with the sandbox.
DEFAULT_ACCESS_KEY = "sandbox-access-key"
DEFAULT_SECRET_KEY = "sandbox-secret-key"  # noqa: S105  # as above

_TENANT = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """All options of a sandbox. Raises SettingsError with all problems.

    rate, algorithm: the account's limit, and how calls are counted.
    latency_s: time from a body's last byte to the ticket's creation and the answer.
    jitter_s: the longest random time between a request's headers and the counting, as in a network.
    seed: of all random choices, GUIDs included.
    admin: whether the keys may read the configuration and use the trash; if not, those calls get a 403.
    max_body_bytes: larger bodies get a 413.
    keepalive_s: how long an idle connection stays open.
    first_number: number of the first ticket.
    offset: meaning of a field page's Offset: a number of records or of pages, counted from 0 or from 1. The
    documentation allows all four readings.
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
            raise SettingsError("the sandbox has invalid options", details=problems)

    def _problems(self) -> Iterator[str]:
        for name in ("latency_s", "jitter_s", "keepalive_s"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                yield f"{name}: {value:g} is not a number of seconds of at least 0"
        if self.max_body_bytes < 1:
            yield f"max_body_bytes: {self.max_body_bytes} is too small for a ticket"
        if not _TENANT.fullmatch(self.tenant_id):
            yield f"tenant_id: {self.tenant_id!r} may contain only letters, digits, - and _"
        if not self.access_key or not self.secret_key:
            yield "access_key, secret_key: a key is empty"
