"""Tells how the account's limit is used, once a second while rows are sent."""

from __future__ import annotations

from importer.rate_limit.limiter import RateLimiter
from importer.runtime.display_text import duration, limit_text
from importer.runtime.events import Emit, Noted, SendingGoesOn, Warned

_MARGIN_STEP_S = 0.02


class LimitStatus:
    """Watches the limiter, and reports pauses and other programs that use the limit.

    Call ``update`` every second.
    """

    def __init__(self, limiter: RateLimiter, emit: Emit) -> None:
        self._limiter = limiter
        self._emit = emit
        self._shared = self._paused = False
        self._margin_s = limiter.margin.seconds

    def update(self) -> None:
        """Emit that sending goes on, and what changed since the last call."""
        pause_left_s = self._limiter.pause_left_s
        limit = limit_text(self._limiter.rate)
        if pause_left_s > 2 * self._limiter.rate.period_s and not self._paused:
            self._warn(f"the account's limit is used up (answer 429): sending pauses for {duration(pause_left_s)}")
        self._paused = pause_left_s > 0
        allowed = self._limiter.calls_allowed
        if not self._shared and allowed < self._limiter.max_calls:
            self._shared = True
            self._warn(f"other programs use the account's limit, too: sending {allowed:.0f} instead of {limit}")
        elif self._shared and allowed >= self._limiter.max_calls:
            self._shared = False
            self._warn(f"other programs no longer use the account's limit: sending {limit} again")
        self._emit(SendingGoesOn(allowed if self._shared else None))
        if abs(self._limiter.margin.seconds - self._margin_s) >= _MARGIN_STEP_S:
            self._margin_s = self._limiter.margin.seconds
            self._emit(Noted(f"a slot now rests {1000 * self._margin_s:.0f} ms longer than the period", is_detail=True))

    def _warn(self, text: str) -> None:
        self._emit(Warned(text))

    def text(self) -> str:
        """Return the limit, and what other programs leave of it, for the summary."""
        shared = f", of which other programs leave {self._limiter.calls_allowed:.0f}" if self._shared else ""
        return f"{limit_text(self._limiter.rate)}{shared}"
