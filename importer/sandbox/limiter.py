"""How an account counts its calls. Pure: the caller brings the clock.

The documentation says "25 calls in 5 seconds" and not how they are counted, so there are three ways to try. In all of
them a refused call consumes nothing, as in the common API gateways; a client that hammers is refused, not locked out.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, Protocol, assert_never

from importer.models import Rate

Algorithm = Literal["sliding", "fixed", "bucket"]


class Limiter(Protocol):
    """Decides call by call."""

    def take(self, now_s: float) -> bool:
        """Count a call that arrives now; ``False`` means that it is refused. ``now_s`` never goes back."""
        ...  # pragma: no cover


class SlidingWindow:
    """Never more than ``calls`` in any window of ``period_s``, both of its ends included: the strictest."""

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
    """At most ``calls`` in each period of a clock that the client does not know."""

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
    """A bucket of ``calls`` tokens, full at first, that fills at an even pace in ``period_s``."""

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
    """The counter of that name, with nothing counted yet."""
    match algorithm:
        case "sliding":
            return SlidingWindow(rate)
        case "fixed":
            return FixedWindow(rate)
        case "bucket":
            return TokenBucket(rate)
        case _:
            assert_never(algorithm)
