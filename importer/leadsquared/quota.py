"""The account's limit: at most ``calls`` request headers arrive in any window of ``period_s`` seconds.

Each of the ``calls`` slots is used once per period, counted from the moment at which its last request was written.
Below this scheduler stands a floor that nothing passes: one ``aiolimiter`` leaky bucket of capacity one per slot, which
together are exactly a sliding window (a single bucket of capacity 25 would let 50 calls into one window).
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from importer.models import Rate

# What one request may reach the server earlier, relative to the one a period before it, than both were written.
DEFAULT_MARGIN_S = 0.1
# How long before its slot a request may go and open its connection.
LEAD_S = 1.0
# Above this many calls a period, one bucket is the floor: a burst is then small beside the window.
_MANY_CALLS = 1_000


@dataclass(slots=True)
class Slot:
    """A reserved place in the window: ``free_at`` on the event loop's clock. End it by ``used`` or ``release``."""

    quota: Quota
    index: int
    free_at: float
    _open: bool = True
    _floor_until: float = -math.inf  # where it has passed the floor: when that lets it pass again

    async def near(self, ahead_s: float) -> None:
        """Wait until at most ``ahead_s`` are left before the slot is free and nothing holds the quota back."""
        while (wait_s := self._wait_s() - ahead_s) > 0:  # noqa: ASYNC110 - a pause can come meanwhile
            await asyncio.sleep(wait_s)

    async def ready(self) -> None:
        """Wait until a request may be written now."""
        while True:
            await self.near(0)
            await self.quota.floor(self.index)
            self._floor_until = self.quota.now() + self.quota.rate.period_s
            if self._wait_s() <= 0:  # else the quota was held back while the floor made this slot wait
                return

    def used(self, *, alone: bool = False) -> None:
        """Say that the request is being written now. ``alone``: see ``Quota.spend``."""
        self._open = False
        self.quota.spend(self.index, alone=alone)

    def release(self) -> None:
        """Give the slot back unused; nothing happens if it was used."""
        if self._open:
            self._open = False
            self.quota.give_back(self.index, max(self.free_at, self._floor_until))

    def _wait_s(self) -> float:
        return max(self.free_at, self.quota.paused_until) - self.quota.now()


class Quota:
    """Hands out slots in the order in which they become free.

    ``margin_s`` is kept between a slot's uses beyond the period, for the network's jitter.
    """

    def __init__(self, rate: Rate, *, margin_s: float = DEFAULT_MARGIN_S, now: Callable[[], float]) -> None:
        self.rate = rate
        self.cycle_s = rate.period_s + margin_s
        self.now = now
        self.paused_until = -math.inf
        self._free = [(-math.inf, index) for index in range(rate.calls)]
        self._alone: int | None = None
        self._changed = asyncio.Event()
        self._floors = (
            [AsyncLimiter(1, rate.period_s) for _ in range(rate.calls)]
            if rate.calls <= _MANY_CALLS
            else [AsyncLimiter(rate.calls, rate.period_s)]
        )

    async def reserve(self) -> Slot:
        """Wait until a slot will be free within ``LEAD_S`` and take it."""
        while True:
            self._changed.clear()
            if self._free:
                free_at, index = self._free[0]
                wait_s = max(free_at, self.paused_until) - LEAD_S - self.now()
                if wait_s <= 0:
                    heapq.heappop(self._free)
                    return Slot(self, index, free_at)
            else:
                wait_s = math.inf
            await self._wait_for_change(wait_s)

    async def floor(self, index: int) -> None:
        """Pass the floor below the scheduler; it never makes a slot wait that the scheduler let go."""
        await self._floors[index % len(self._floors)].acquire()

    def spend(self, index: int, *, alone: bool) -> None:
        """Take back a slot that is being used now; it is free again after a cycle.

        A call that went ``alone``, before the others, gets its slot back only with the next one that is used: else it
        would come free before the rest of its burst for ever after, and each burst would straddle two windows.
        """
        free_at = self.now() + self.cycle_s
        if self._alone is not None:
            self.give_back(self._alone, free_at)
            self._alone = None
        if alone and self.rate.calls > 1:
            self._alone = index
        else:
            self.give_back(index, free_at)

    def give_back(self, index: int, free_at: float) -> None:
        """Take a slot back that is free from ``free_at`` on."""
        heapq.heappush(self._free, (free_at, index))
        self._changed.set()

    def pause(self, seconds: float) -> None:
        """Hold every slot back for ``seconds`` from now (a 429 was answered)."""
        self.paused_until = max(self.paused_until, self.now() + seconds)

    async def _wait_for_change(self, at_most_s: float) -> None:
        try:
            async with asyncio.timeout(None if math.isinf(at_most_s) else at_most_s):
                await self._changed.wait()
        except TimeoutError:
            return
