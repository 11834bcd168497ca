"""What a submission needs: its options, and the objects that it works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from importer.leadsquared.client import Client
from importer.rate_limit.limiter import RateLimiter
from importer.runtime.events import Emit
from importer.submission.failure_limit import FailureLimit
from importer.submission.journal import Journal
from importer.submission.retry import RetryPolicy


@dataclass(frozen=True, kw_only=True)
class SubmissionOptions:
    """How rows are sent.

    ``initial_concurrency`` is the most rows in flight while calls are fast. It grows with the time that calls take, up
    to ``concurrency``, so that slow calls don't lower the rate. Calls without an answer don't count: a server that
    hangs gets no more rows than before.
    """

    policy: RetryPolicy
    failure_limit: FailureLimit
    give_up_after_s: float
    grace_s: float  # how long rows in flight may take after the run was stopped
    concurrency: int  # the most rows in flight
    initial_concurrency: int = 1_000
    jitter: Callable[[], float]  # uniform in [0, 1)
    first_probe_s: float = 1.0  # wait before the first probe of a server that is away; each later wait is doubled
    account_known: bool = False  # the ledger has a ticket of the account


@dataclass(frozen=True, kw_only=True)
class SubmissionContext:
    """The objects that a submission works with."""

    client: Client
    limiter: RateLimiter
    journal: Journal
    emit: Emit  # is called on the event loop, and must not block for long
