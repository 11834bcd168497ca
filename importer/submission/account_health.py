"""What the answers say about the account: whether it is reachable, and how many rows may be in flight."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from importer.errors import ImporterError, StoppedEarly
from importer.leadsquared.answers import Answer, Created, NotSent, Refused, Throttled, is_accepted
from importer.rate_limit.exhausted import ExhaustedLimit
from importer.rate_limit.limiter import RateLimiter
from importer.runtime.display_text import duration
from importer.submission.concurrency import Concurrency
from importer.submission.context import SubmissionOptions
from importer.submission.gate import AccountConfirmation, RowGate
from importer.submission.outage import Outage

# A call with files up to this size takes as long as the network and the server, not as long as its upload.
_SMALL_BYTES = 1 << 16


class AccountHealth:
    """Outages, the used-up limit and the concurrency of one submission.

    ``on_stop`` receives an error that ends the run; ``on_outage`` is called when an outage begins.
    """

    def __init__(
        self,
        limiter: RateLimiter,
        options: SubmissionOptions,
        *,
        on_stop: Callable[[BaseException], None],
        on_outage: Callable[[], None],
    ) -> None:
        self._limiter = limiter
        self._options = options
        self._now = asyncio.get_running_loop().time
        self._on_stop = on_stop
        self._on_outage = on_outage
        self._outage = Outage(options.give_up_after_s, options.first_probe_s)
        self._exhausted = ExhaustedLimit(options.give_up_after_s)
        self._concurrency = Concurrency(most=options.concurrency, initial=options.initial_concurrency)
        self.confirmation = AccountConfirmation()

    @property
    def is_outage(self) -> bool:
        """Whether the server is away, and requests are probes."""
        return self._outage.is_active

    def stop_reasons(self) -> list[ImporterError]:
        """Return the errors that end the run: the server is away, or the limit used up, for too long."""
        reasons: list[ImporterError] = []
        if self._outage.is_too_long(self._now()):
            reasons.append(
                StoppedEarly(
                    f"no usable answer from the server for {duration(self._options.give_up_after_s)}: "
                    f"{self._outage.reason}",
                    hint="when the server is back, run the same command again",
                )
            )
        if (too_long := self._exhausted.blocked(self._limiter.pause_left_s)) is not None:
            reasons.append(too_long)
        return reasons

    def may_send(self, in_flight: int) -> bool:
        """Return whether another row may be sent. During an outage, it is a probe."""
        if self._outage.is_active:
            return not in_flight and self._now() >= self._outage.next_probe_at
        confirmed = self.confirmation.confirmed
        return in_flight < self._concurrency.limit(self._limiter.rate, account_confirmed=confirmed)

    def next_event_at(self) -> float:
        """Return when ``may_send`` or ``stop_reasons`` change because of an outage."""
        return self._outage.next_event_at() if self._outage.is_active else math.inf

    def record(self, answer: Answer, gate: RowGate, *, others: int, casts_doubt: bool, stopping: bool) -> str:
        """Update by an answer; return a message for the user, or an empty text.

        ``others``: rows in flight besides this one. ``casts_doubt``: on the account's settings. ``stopping``: the run
        is being stopped.
        """
        was_outage = self._outage.is_active
        if not stopping:  # requests that are aborted at the end say nothing about the server
            self._outage.record(answer, self._now(), self._options.jitter(), probe=gate.probe)
        self._exhausted.note(accepted=is_accepted(answer))
        if isinstance(answer, Created | Refused):
            self._record_duration(gate)
        if isinstance(answer, Refused):  # a ticket confirms the account only when the ledger has accepted it
            self.confirmation.confirm()
        elif casts_doubt:
            self.confirmation.revoke()
        if isinstance(answer, Throttled):
            self._pause(answer, gate)
        if isinstance(answer, NotSent) and answer.out_of_resources:
            if (too_few := self._concurrency.lower(answer, others)) is not None:
                self._on_stop(too_few)
            return self._concurrency.take_message()
        if self._outage.is_active and not was_outage:
            self._on_outage()
            return f"sending pauses; one row at a time tests whether the server is back: {self._outage.reason}"
        if was_outage and not self._outage.is_active:
            return "the server answers again, sending continues"
        return ""

    def _record_duration(self, gate: RowGate) -> None:
        took_s = self._limiter.now() - (gate.slot.used_at or 0.0)
        self._concurrency.record_call(took_s)
        if sum(file.size_bytes for file in gate.row.request.attachments) <= _SMALL_BYTES:
            self._limiter.record_response_time(took_s)

    def _pause(self, answer: Throttled, gate: RowGate) -> None:
        wait_s = self._limiter.rate.period_s if answer.retry_after_s is None else answer.retry_after_s
        if (too_long := self._exhausted.refused(wait_s, self._now())) is not None:
            self._on_stop(too_long)
        # A longer wait may be the server's error; the next run finds out with a call.
        self._limiter.pause(min(wait_s, self._options.give_up_after_s), gate.slot)
