"""An event loop whose clock is moved by waiting for it: hours pass in no time, and in the right order."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


_ROUND_S = 1e-7  # a round of the loop takes time; where it took none, a timer that fires a moment early would never end


class Stuck(AssertionError):
    """Everybody waits, and nothing is ever going to happen."""


class _Waits(selectors.SelectSelector):
    """Lets the loop's clock pass instead of waiting."""

    waited_s = 0.0

    def select(self, timeout: float | None = None):
        if timeout is None:
            raise Stuck
        self.waited_s += max(timeout, 0) + _ROUND_S
        return super().select(0)


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """For code that waits for nothing but time and itself: no sockets, no threads."""

    def __init__(self) -> None:
        self._waits = _Waits()
        super().__init__(self._waits)

    def time(self) -> float:
        """How long has been waited, in seconds."""
        return self._waits.waited_s

    def work(self, seconds: float) -> None:
        """Be busy for so long: nothing else happens meanwhile."""
        self._waits.waited_s += seconds


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """`asyncio.run` on such a loop. Raises Stuck where that one would hang."""
    with asyncio.Runner(loop_factory=FakeTimeLoop) as runner:
        return runner.run(main)
