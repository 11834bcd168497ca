"""Three ways in which an account may count its calls. Pure: the caller passes in the time.

The documentation says "25 calls in 5 seconds", but not how they are counted. In all three ways a refused call consumes
nothing, as in common API gateways.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, Protocol, assert_never

from importer.models import Rate

Algorithm = Literal["sliding", "fixed", "bucket"]


class Limiter(Protocol):
    """Decides for each call whether the limit allows it."""

    def take(self, now_s: float) -> bool:
        """Count a call that arrives now; return ``False`` if it is refused. ``now_s`` never decreases."""
        ...  # pragma: no cover


class SlidingWindow:
    """At most ``calls`` in any window of ``period_s``, both ends included: the strictest way."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._taken: deque[float] = deque()

    def take(self, now_s: float) -> bool:
        """See `Limiter.take`."""
        while self._taken and now_s - self._taken[0] > self._rate.period_s:
            self._taken.popleft()
        if len(self._taken) >= self._rate.calls:
            return False
        self._taken.append(now_s)
        return True


class FixedWindow:
    """At most ``calls`` in each period of the account's clock, which the client does not know."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._window = -1
        self._taken = 0

    def take(self, now_s: float) -> bool:
        """See `Limiter.take`."""
        window = int(now_s // self._rate.period_s)
        if window != self._window:
            self._window, self._taken = window, 0
        if self._taken >= self._rate.calls:
            return False
        self._taken += 1
        return True


class TokenBucket:
    """A bucket of ``calls`` tokens, full at first, that refills evenly in ``period_s``."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._tokens = float(rate.calls)
        self._filled_s: float | None = None

    def take(self, now_s: float) -> bool:
        """See `Limiter.take`."""
        elapsed_s = 0.0 if self._filled_s is None else now_s - self._filled_s
        pace = self._rate.calls / self._rate.period_s
        self._tokens = min(float(self._rate.calls), self._tokens + elapsed_s * pace)
        self._filled_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def make_limiter(algorithm: Algorithm, rate: Rate) -> Limiter:
    """Return a new limiter by the name of its algorithm."""
    match algorithm:
        case "sliding":
            return SlidingWindow(rate)
        case "fixed":
            return FixedWindow(rate)
        case "bucket":
            return TokenBucket(rate)
        case _:
            assert_never(algorithm)
