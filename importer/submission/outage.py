"""Detect that the server is away, and decide when to probe it. Pure."""

from __future__ import annotations

import math
from typing import assert_never

from importer.leadsquared import answers
from importer.leadsquared.answers import (
    Answer,
    Created,
    KeysRefused,
    NotSendable,
    NotSent,
    Refused,
    Throttled,
    Unclear,
    WrongUrl,
)
from importer.rate_limit.backoff import BACKOFF_BASE_S, BACKOFF_LIMIT_S

_UNCLEAR_IN_A_ROW = 5


class Outage:
    """State of the server, concluded from its answers. All times are seconds on one clock.

    An outage begins with five unclear answers in a row, or with a connection that can't be opened. Then one row at a
    time probes the server, with growing waits, until the server answers or ``give_up_after_s`` is over.
    """

    def __init__(self, give_up_after_s: float, first_wait_s: float = BACKOFF_BASE_S) -> None:
        self._give_up_after_s = give_up_after_s
        self._first_wait_s = first_wait_s
        self._unclear_in_a_row = 0
        self._since = math.inf
        self._probes = 0
        self.next_probe_at = -math.inf
        self.reason = ""

    @property
    def is_active(self) -> bool:
        """Whether the server is away."""
        return math.isfinite(self._since)

    def record(self, answer: Answer, now: float, jitter: float, *, probe: bool) -> None:
        """Update the state with an answer. ``probe``: its request was sent during the outage."""
        match answer:
            case Throttled() | NotSendable() | Unclear(answers.CHANGED_WHILE_SENT):
                pass  # says nothing about the server's health
            case Unclear(_, reason) if not answer.exception_type:
                self._unclear_in_a_row += 1
                if self._unclear_in_a_row >= _UNCLEAR_IN_A_ROW or self.is_active:
                    self._pause(reason, now, jitter, probe=probe)
            case NotSent(reason, stale, out_of_resources):
                if not (stale or out_of_resources):
                    self._pause(reason, now, jitter, probe=probe)
            case Created() | Refused() | KeysRefused() | WrongUrl() | Unclear():  # the application answered
                self._unclear_in_a_row = 0
                self._since = math.inf
                self._probes = 0
                self.next_probe_at = -math.inf
            case _:
                assert_never(answer)

    def is_too_long(self, now: float) -> bool:
        """Return whether the server is away for ``give_up_after_s``."""
        return now - self._since >= self._give_up_after_s

    def next_event_at(self) -> float:
        """Return the time of the next probe, or of giving up if that is earlier."""
        return min(self.next_probe_at, self._since + self._give_up_after_s)

    def _pause(self, reason: str, now: float, jitter: float, *, probe: bool) -> None:
        self.reason = reason
        if not self.is_active:
            self._since = now
        elif not probe:
            return  # requests from before the outage say nothing new
        self._probes += 1
        # At least half of the wait is kept: immediate probes would cost rows and find out nothing.
        wait_s = min(BACKOFF_LIMIT_S, self._first_wait_s * 2.0 ** min(self._probes - 1, 30))
        self.next_probe_at = now + wait_s * (1 + jitter) / 2
