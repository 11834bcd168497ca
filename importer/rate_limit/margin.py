"""Time that a slot rests beyond its period, so that network jitter never puts too many calls into one window. Pure.

Two calls that are sent one period apart can arrive with less time between them. This can't be measured here, but the
time from a request's first byte to its answer's first byte can, and it varies at least as much. So the calls of a
period are simulated many times with measured times, and the margin is what the worst simulation needs, plus a little.
Calls in a burst need less than single calls: the n-th arrival of a burst is early only if most of the burst is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from importer.models import Rate

# A quiet network can become noisy. The maximum is also the start value, and excludes slow answers, which are no jitter.
MIN_MARGIN_S = 0.04
MAX_MARGIN_S = 0.15
# The margin of most runs, for estimates.
_USUAL_MARGIN_S = 0.1
_ADDED_S = 0.005
_SIMULATIONS = 1_000
_TIMES_KEPT = 400
_RESULTS_KEPT = 8  # the worst of this many simulations counts, as each differs
_MIN_NEW_TIMES = 25
_MAX_CALLS_SIMULATED = 100  # the most calls of a period that are simulated: fewer calls need a larger margin


def estimated_duration_s(calls: int, rate: Rate) -> float:
    """Return the estimated seconds from the first to the last of ``calls``, with the usual margin."""
    return max(0, calls - 1) // rate.calls * (rate.period_s + _USUAL_MARGIN_S)


class Margin:
    """The margin of one run in ``seconds``, adapted to the measured times between a minimum and a maximum."""

    def __init__(self, *, first_s: float = MAX_MARGIN_S, least_s: float = MIN_MARGIN_S) -> None:
        self.seconds = first_s
        self._least_s = least_s
        self._times_s: deque[float] = deque(maxlen=_TIMES_KEPT)
        self._needed_s: deque[float] = deque(maxlen=_RESULTS_KEPT)
        self._new = 0
        self._random = np.random.default_rng(0)

    def note(self, seconds: float) -> None:
        """Record the time from the first byte of a small request to the first byte of its answer."""
        self._times_s.append(seconds)
        self._new += 1

    @property
    def is_due(self) -> bool:
        """Whether there are enough new times to learn from."""
        return self._new >= _MIN_NEW_TIMES

    def learn(self, uses: Sequence[float]) -> None:
        """Adapt the margin.

        ``uses``: when the calls of the last period were sent, in seconds and in order.
        """
        self._new = 0
        self._needed_s.append(self._simulate(uses[-_MAX_CALLS_SIMULATED:]))
        needed_s = max(self._needed_s) + _ADDED_S
        self.seconds = max(self._least_s, min(needed_s, MAX_MARGIN_S))

    def refused(self) -> None:
        """Raise the margin and its minimum after a 429 while the whole limit was used."""
        self._least_s = max(self._least_s, min(2 * self.seconds, MAX_MARGIN_S))
        self.seconds = max(self.seconds, self._least_s)

    def _simulate(self, uses: Sequence[float]) -> float:
        """Return by how much the n-th arrival of a period is too early after the n-th of the period before."""
        out = np.array(uses)
        times_s = np.array(self._times_s)
        size = (_SIMULATIONS, out.size)
        before = np.sort(out + self._random.choice(times_s, size), axis=1)
        after = np.sort(out + self._random.choice(times_s, size), axis=1)
        return float((before - after).max(initial=0.0))
