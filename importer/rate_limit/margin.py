"""How long beyond the period a slot rests, so that jitter of the network never makes two windows overlap. Pure.

Written a period apart, two calls may arrive less than that apart. By how much can't be measured from here; the time
from a request's first byte to its answer's can, and what spreads less than that spreads little. So the calls of a
period are drawn again and again with times that were measured, and the margin is what the worst draw would have needed,
and a little more. Calls that go out together need less than calls that go out one by one: of a burst, the n-th arrival
is early only if most of it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from importer.models import Rate

# A network that is quiet now need not stay so; and how long a server takes to make a ticket is not jitter.
MIN_MARGIN_S = 0.04
MAX_MARGIN_S = 0.15  # and where nothing is known yet
# What a margin comes to in most runs, for estimates.
_USUAL_S = 0.1
_ADDED_S = 0.005
_DRAWS = 1_000
_KEPT = 400
_LEARNT = 8  # of so many draws the worst counts: no two give the same
_NEW_BEFORE_NEXT = 25
_MANY_CALLS = 100  # of more calls in a period, so many are drawn: fewer need more, not less


def estimated_duration_s(calls: int, rate: Rate) -> float:
    """How long so many calls take at a rate, from the first to the last, with the margin that is usual: in seconds."""
    return max(0, calls - 1) // rate.calls * (rate.period_s + _USUAL_S)


class Margin:
    """The margin of one run, ``seconds``: at first, and then as far as is known, between the least and the most."""

    def __init__(self, *, first_s: float = MAX_MARGIN_S, least_s: float = MIN_MARGIN_S) -> None:
        self.seconds = first_s
        self._least_s = least_s
        self._times_s: deque[float] = deque(maxlen=_KEPT)
        self._needed_s: deque[float] = deque(maxlen=_LEARNT)
        self._new = 0
        self._chance = np.random.default_rng(0)

    def note(self, seconds: float) -> None:
        """Take note of how long it took from a small request's first byte to its answer's."""
        self._times_s.append(seconds)
        self._new += 1

    @property
    def is_due(self) -> bool:
        """Whether so much is new that there is something to learn."""
        return self._new >= _NEW_BEFORE_NEXT

    def learn(self, uses: Sequence[float]) -> None:
        """Find the margin anew. ``uses``: when the calls of the last period went out, in seconds and in order."""
        self._new = 0
        self._needed_s.append(self._drawn_s(uses[-_MANY_CALLS:]))
        needed_s = max(self._needed_s) + _ADDED_S
        self.seconds = max(self._least_s, min(needed_s, MAX_MARGIN_S))

    def refused(self) -> None:
        """Learn from a 429 while the whole limit was used: what was too little is never gone back to."""
        self._least_s = max(self._least_s, min(2 * self.seconds, MAX_MARGIN_S))
        self.seconds = max(self.seconds, self._least_s)

    def _drawn_s(self, uses: Sequence[float]) -> float:
        """By how much the n-th arrival of a period may come too early after the n-th of the one before."""
        out = np.array(uses)
        times_s = np.array(self._times_s)
        size = (_DRAWS, out.size)
        before = np.sort(out + self._chance.choice(times_s, size), axis=1)
        after = np.sort(out + self._chance.choice(times_s, size), axis=1)
        return float((before - after).max(initial=0.0))
