"""One run's view of the pool of slots: as of the run's last change, with all changes that the run made since."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from importer.rate_limit.margin import Margin
from importer.rate_limit.slot_storage import SlotStorage
from importer.rate_limit.slots import AHEAD_S, MOST_AHEAD_S, SlotPool, SlotRequest

_Result = TypeVar("_Result")


class PoolView:
    """Changes the pool, and knows its state after the last change that was awaited."""

    def __init__(self, storage: SlotStorage, request: SlotRequest, margin: Margin, unbooked: Callable[[], int]) -> None:
        self.pool = SlotPool()
        self._storage = storage
        self._request = request
        self._margin = margin
        self.preparation_s = 0.0  # what a caller needs between its booking and its call
        self.changed = asyncio.Event()  # replaced at each change, so that no waiter misses one
        storage.join(request, self.notify, unbooked)

    @property
    def request(self) -> SlotRequest:
        """The run's request to the pool, with the current margin, and booked early enough for slow ledgers."""
        margin_s = self._margin.seconds
        ahead_s = self._ahead_s()
        if self._request.margin_s != margin_s or self._request.ahead_s != ahead_s:
            self._request = replace(self._request, margin_s=margin_s, ahead_s=ahead_s)
        return self._request

    def _ahead_s(self) -> float:
        # Rounded up, so that the request seldom changes.
        needed_s = math.ceil(self.preparation_s * 10) / 10
        return min(max(AHEAD_S, needed_s), MOST_AHEAD_S)

    def now(self) -> float:
        """The pool's clock, in seconds."""
        return self._storage.now()

    async def change(self, change: Callable[[SlotPool, float], _Result]) -> _Result:
        """Change the pool. Raises an error of the storage."""
        self.pool, result = await self._storage.change(change)
        return result

    async def refresh(self) -> None:
        """See what other runs have changed."""
        await self.change(lambda _pool, _now: None)

    def change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        """Change the pool without waiting. The view has the change at once."""
        self._storage.change_later(change)
        if self._storage.returns_copies:
            change(self.pool, self.now())

    def notify(self) -> None:
        """Wake all that wait: a slot may be free earlier."""
        self.changed.set()
        self.changed = asyncio.Event()


async def wait_for(changed: asyncio.Event, at_most_s: float) -> None:
    """Wait for a change, or for the time; for the change only if the time is infinite."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if math.isinf(at_most_s) else at_most_s):
            await changed.wait()
