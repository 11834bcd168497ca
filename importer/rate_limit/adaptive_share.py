"""How much of its limit an account has left for us, as far as its 429s tell. Pure.

Whoever keeps the limit and is answered 429 all the same is not alone. Then it is given way at once, and taken back
slowly: for a while nothing, then more and more quickly, so that the edge at which others suffer is passed in a moment
and a limit that is free again is soon used to the full. What was safe is remembered, and is where it begins again.

The figures were chosen by simulating an hour of other people's calls (10 in 5 s, at random, on and off): at least 70 %
of what they left was used, with about 1 % of our calls and 5 % of theirs refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from importer.models import Rate

_FIRST = 0.4  # of the whole limit, when somebody else is noticed first
_LESS = 0.85  # of a share that was refused as it was
_BACK = 0.8  # of what was refused when more than the safe share was tried; never more than ...
_MORE = 0.02  # ... this part of the limit above the share that was safe
_TRIED = 1.15  # times the safe share: what was more than that was a trial
_HOLD_PERIODS = 2.0
_GROWTH = 0.05  # of the limit per period squared


@dataclass(frozen=True, slots=True)
class AdaptiveShare:
    """``calls`` per period were safe ``since`` a moment; infinitely many where nobody else was ever noticed."""

    calls: float = math.inf
    since: float = -math.inf

    def at(self, now: float, rate: Rate) -> float:
        """How many calls per period may be made now: from 1 to ``rate.calls``."""
        if math.isinf(self.calls):
            return float(rate.calls)
        grown_for = max(0.0, (now - self.since) / rate.period_s - _HOLD_PERIODS)
        return max(1.0, min(float(rate.calls), self.calls + _GROWTH * rate.calls * grown_for**2))

    def throttled(self, now: float, rate: Rate, *, sent_at: float) -> AdaptiveShare:
        """The share after a 429 for a call that was sent at ``sent_at``; one sent before the last 429 tells nothing."""
        if sent_at < self.since:
            return self
        tried = self.at(now, rate)
        if tried >= rate.calls:
            calls = _FIRST * rate.calls
        elif tried <= self.calls * _TRIED:
            calls = self.calls * _LESS
        else:
            calls = min(tried * _BACK, self.calls + _MORE * rate.calls)
        return AdaptiveShare(max(1.0, calls), now)
