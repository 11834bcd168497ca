"""The options for sending tickets, and what follows from them: the duration, and the requests in flight."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from importer.models import Rate
from importer.rate_limit import estimated_duration_s
from importer.rate_limit.limiter import LimiterOptions
from importer.runtime.open_files import most_open_files
from importer.submission.context import SubmissionOptions
from importer.submission.failure_limit import FailureLimit
from importer.submission.retry import RetryPolicy
from importer.workflows.options import Options

_IN_FLIGHT_PER_CALL = 4
_MAX_IN_FLIGHT = 1_000
# A long run spreads each burst over a part of the period, so that other users of the account get calls through too, and
# are noticed.
_SPREAD_PART = 0.003  # of the run's duration; the spreading costs this much, and ...
_SPREAD_MORE = 0.02  # ... this much of the duration beyond a minute
_MOST_SPREAD_PERIODS = 0.95


@dataclass(frozen=True, kw_only=True)
class SendOptions:
    """The user's options for sending, with the account's limit and the answers that are sent again."""

    rate: Rate
    policy: RetryPolicy
    options: Options

    @property
    def usable_rate(self) -> Rate:
        """The part of the limit that this run uses."""
        return Rate(max(1, math.floor(self.rate.calls * self.options.rate_share + 1e-9)), self.rate.period_s)

    def seconds(self, calls: int) -> float:
        """Return the least duration of so many calls, without a daily cap."""
        return estimated_duration_s(calls, self.usable_rate)

    def days(self, calls: int, made_today: int) -> int:
        """Return how many days so many calls take, if ``made_today`` calls were made on the first day already."""
        if self.options.daily_cap is None or not calls:
            return 1
        later = max(0, calls - max(0, self.options.daily_cap - made_today))
        return 1 + math.ceil(later / self.options.daily_cap)

    def limiter_options(self, run: str, calls: int) -> LimiterOptions:
        """Return the rate limiter's options for a run of so many calls."""
        duration_s = self.seconds(calls)
        longest_spread_s = _SPREAD_PART * duration_s + _SPREAD_MORE * max(0.0, duration_s - 60)
        spread_s = min(_MOST_SPREAD_PERIODS * self.rate.period_s, longest_spread_s)
        return LimiterOptions(
            rate=self.rate,
            run=run,
            share=self.options.rate_share,
            daily_cap=self.options.daily_cap,
            spacing_s=spread_s / self.rate.calls,
        )

    def submission_options(self, *, account_known: bool = False) -> SubmissionOptions:
        """Return the submission's options. ``account_known``: the ledger has a ticket of the account."""
        concurrency = self.options.concurrency or most_in_flight()
        return SubmissionOptions(
            policy=self.policy,
            failure_limit=FailureLimit(self.options.max_failures),
            give_up_after_s=self.options.give_up_after_s,
            grace_s=self.options.grace_s,
            concurrency=concurrency,
            initial_concurrency=min(concurrency, _IN_FLIGHT_PER_CALL * min(max(self.rate.calls, 5), 50)),
            jitter=random.random,
            account_known=account_known,
        )


def most_in_flight(runs: int = 1) -> int:
    """Return the most requests in flight that memory and open files allow a run, if so many run at once.

    Each request has a connection and attachments.
    """
    return max(20, min(_MAX_IN_FLIGHT, most_open_files() // 4) // runs)
