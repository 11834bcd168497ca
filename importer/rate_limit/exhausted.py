"""Decide whether the account's limit is used up for too long. Pure."""

from __future__ import annotations

import math

from importer.errors import StoppedEarly
from importer.runtime.display_text import duration


class ExhaustedLimit:
    """Measures for how long the account has refused calls with 429, to this run or to others that share its limit.

    All times are in seconds on one clock.
    """

    def __init__(self, give_up_after_s: float) -> None:
        self._give_up_after_s = give_up_after_s
        self._since = math.inf

    def note(self, *, accepted: bool) -> None:
        """Note whether the account accepted a call."""
        if accepted:
            self._since = math.inf

    def refused(self, wait_s: float, now: float) -> StoppedEarly | None:
        """Note a 429 after which nothing may be sent for ``wait_s``.

        Return an error if that is longer than allowed.
        """
        self._since = min(self._since, now)
        return self.blocked(now + wait_s - self._since)

    def blocked(self, seconds: float) -> StoppedEarly | None:
        """Return an error if calls stay blocked for ``seconds`` and that is longer than allowed."""
        if seconds <= self._give_up_after_s:
            return None
        return StoppedEarly(
            f"the account's limit stays used up for more than {duration(self._give_up_after_s)}",
            hint="when the account has calls left, run the same command again",
        )
