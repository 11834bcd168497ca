"""What a submission needs: its terms, what it sends with, and who is informed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from importer.leadsquared.client import Client
from importer.leadsquared.wire import Answer
from importer.rate_limit.limiter import RateLimiter
from importer.submission.journal import Journal
from importer.submission.retry import FailureLimit, RetryPolicy, Settled
from importer.submission.send_queue import Sendable


class Observer(Protocol):
    """Who looks on. Called on the event loop; must not block for long."""

    def finished(self, row: Sendable, settled: Settled) -> None:
        """A row is done; its outcome is in the ledger."""

    def called(self, answer: Answer) -> None:
        """A call that was made came to an end, whatever follows from it."""

    def note(self, text: str) -> None:
        """Something that a person would want to know: sending pauses, goes on, stops."""


@dataclass(frozen=True, kw_only=True)
class SubmissionOptions:
    """The terms on which rows are sent.

    ``concurrency``: the most rows under way at once, however slow they are. ``at_first``: the most as long as calls are
    quick; it grows with the time that they take, as far as ``concurrency``, so that slow ones don't slow the rate. What
    is never answered takes no time: a server that hangs gets no more than it had.
    """

    policy: RetryPolicy
    failure_limit: FailureLimit
    give_up_after_s: float
    grace_s: float
    concurrency: int
    at_first: int = 1_000
    chance: Callable[[], float]  # uniform in [0, 1)
    first_probe_s: float = 1.0  # after how long a server that is away is looked for first; each later wait is doubled
    account_known: bool = False  # the ledger has a ticket of the account


@dataclass(frozen=True, kw_only=True)
class SubmissionContext:
    """What rows are sent with."""

    client: Client
    quota: RateLimiter
    journal: Journal
    observer: Observer
