"""On which terms tickets are sent, and what follows from them: how long it takes, how many may be under way."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from importer.models import Rate
from importer.rate_limit import estimated_duration_s
from importer.rate_limit.limiter import LimiterOptions
from importer.submission.context import SubmissionOptions
from importer.submission.retry import FailureLimit, RetryPolicy

_UNDER_WAY_PER_CALL = 4
_MOST_UNDER_WAY = 1_000
# A long run spreads each burst over some of the period: only then can others get a call in between, and be noticed.
_SPREAD_PART = 0.003  # of the run's time, which is what it costs, and ...
_SPREAD_MORE = 0.02  # ... of what a run takes beyond a minute
_MOST_SPREAD_PERIODS = 0.95


@dataclass(frozen=True, kw_only=True)
class SendOptions:
    """What the user says of the sending. ``rate_share``: the part of the account's limit to be used, up to 1."""

    rate: Rate
    policy: RetryPolicy
    max_failures: str
    give_up_after_s: float
    answer_timeout_s: float
    grace_s: float
    concurrency: int | None
    rate_share: float = 1.0
    daily_cap: int | None = None

    @property
    def usable(self) -> Rate:
        """The part of the limit that is ours."""
        return Rate(max(1, math.floor(self.rate.calls * self.rate_share + 1e-9)), self.rate.period_s)

    def seconds(self, calls: int) -> float:
        """How long so many calls take at least, without the days that a cap makes of it."""
        return estimated_duration_s(calls, self.usable)

    def days(self, calls: int, made_today: int) -> int:
        """On how many days so many calls are made, the first of which had ``made_today`` already."""
        if self.daily_cap is None or not calls:
            return 1
        later = max(0, calls - max(0, self.daily_cap - made_today))
        return 1 + math.ceil(later / self.daily_cap)

    def limits(self, run: str, calls: int) -> LimiterOptions:
        """What the limiter is to keep while a run makes so many calls."""
        takes_s = self.seconds(calls)
        costs_s = _SPREAD_PART * takes_s + _SPREAD_MORE * max(0.0, takes_s - 60)
        spread_s = min(_MOST_SPREAD_PERIODS * self.rate.period_s, costs_s)
        return LimiterOptions(
            rate=self.rate,
            run=run,
            share=self.rate_share,
            daily_cap=self.daily_cap,
            spacing_s=spread_s / self.rate.calls,
        )

    def terms(self, *, account_known: bool = False) -> SubmissionOptions:
        """The same as the submission wants it. ``account_known``: the ledger has a ticket of the account."""
        most = self.concurrency or _most_under_way()
        return SubmissionOptions(
            policy=self.policy,
            failure_limit=FailureLimit(self.max_failures),
            give_up_after_s=self.give_up_after_s,
            grace_s=self.grace_s,
            concurrency=most,
            initial_concurrency=min(most, _UNDER_WAY_PER_CALL * min(max(self.rate.calls, 5), 50)),
            jitter=random.random,
            account_known=account_known,
        )


def _most_under_way() -> int:
    """As many as memory allows, and as this process may have files open: each has a connection, and files to send."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return _MOST_UNDER_WAY // 4
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_UNDER_WAY if open_files == resource.RLIM_INFINITY else min(_MOST_UNDER_WAY, max(20, open_files // 4))
