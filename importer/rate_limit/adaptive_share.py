"""Estimate from the 429s how many calls other programs leave to us. Pure.

A 429 although we keep the limit means that other programs use it, too. Then we make fewer calls at once, and more again
slowly: first none for a while, then ever faster. So the rate at which other programs get 429s is passed quickly, and a
limit that is free again is soon fully used. The last safe rate is remembered as the next start.

The constants come from a simulation of an hour of other programs' calls (10 in 5 s, at random, on and off): at least
70 % of what they left was used, with about 1 % of our calls and 5 % of theirs refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from importer.models import Rate

_FIRST = 0.4  # part of the limit after the first 429
_LESS = 0.85  # times a share that was not raised and was refused
_BACK = 0.8  # times a raised share that was refused, but at most ...
_MORE = 0.02  # ... this part of the limit above the safe share
_TRIED = 1.15  # a share above this multiple of the safe share counts as raised
_HOLD_PERIODS = 2.0
_GROWTH = 0.05  # of the limit per period squared


@dataclass(frozen=True, slots=True)
class AdaptiveShare:
    """``calls`` per period are safe since time ``since``; infinite if no other program was ever noticed."""

    calls: float = math.inf
    since: float = -math.inf

    def calls_at(self, now: float, rate: Rate) -> float:
        """Return the calls per period that may be made now, from 1 to ``rate.calls``."""
        if math.isinf(self.calls):
            return float(rate.calls)
        grown_for = max(0.0, (now - self.since) / rate.period_s - _HOLD_PERIODS)
        return max(1.0, min(float(rate.calls), self.calls + _GROWTH * rate.calls * grown_for**2))

    def after_429(self, now: float, rate: Rate, *, sent_at: float) -> AdaptiveShare:
        """Return the share after a 429.

        Calls sent before the last 429 (``sent_at``) change nothing.
        """
        if sent_at < self.since:
            return self
        tried = self.calls_at(now, rate)
        if tried >= rate.calls:
            calls = _FIRST * rate.calls
        elif tried <= self.calls * _TRIED:
            calls = self.calls * _LESS
        else:
            calls = min(tried * _BACK, self.calls + _MORE * rate.calls)
        return AdaptiveShare(max(1.0, calls), now)
