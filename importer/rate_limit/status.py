"""What a person is told of the account's limit while it is used."""

from __future__ import annotations

import logging
from collections.abc import Callable

from importer.rate_limit.limiter import RateLimiter
from importer.runtime.progress import Progress, duration, limit_text

log = logging.getLogger("importer")
_TOLD_STEP_S = 0.02


class LimitStatus:
    """Looks at the limiter about once a second, and says when others are noticed and when they have gone."""

    def __init__(self, limiter: RateLimiter, progress: Progress, say: Callable[[str], None]) -> None:
        self._limiter = limiter
        self._progress = progress
        self._say = say
        self._shared = self._held_back = False
        self._margin_s = limiter.margin.seconds

    def tick(self) -> None:
        """Say what is new."""
        pause_left_s = self._limiter.pause_left_s
        if pause_left_s > 2 * self._limiter.rate.period_s and not self._held_back:
            self._say(
                f"the account's limit is used up, as a 429 has told: nothing is sent for {duration(pause_left_s)}"
            )
        self._held_back = pause_left_s > 0
        allowed = self._limiter.allowed
        if not self._shared and allowed < self._limiter.most:
            self._shared = True
            self._say(
                f"others use the account's limit, too: giving way, to {allowed:.0f} of {limit_text(self._limiter.rate)}"
            )
        elif self._shared and allowed >= self._limiter.most:
            self._shared = False
            self._say("the account's whole limit is free again")
        self._progress.left_for_us(allowed if self._shared else None)
        if abs(self._limiter.margin.seconds - self._margin_s) >= _TOLD_STEP_S:
            self._margin_s = self._limiter.margin.seconds
            log.debug("the margin between two uses of a slot is %.0f ms now", 1000 * self._margin_s)

    def text(self) -> str:
        """How the limit is kept now, in a line."""
        shared = f", others have some of it: {self._limiter.allowed:.0f} are left for us" if self._shared else ""
        return (
            f"{limit_text(self._limiter.rate)}, with a margin of {1000 * self._limiter.margin.seconds:.0f} ms{shared}"
        )
