"""What no call of this process passes, whatever the pool of slots says: ``calls`` in any window of ``period_s``.

It is made of ``aiolimiter``'s leaky buckets, one of capacity one for each call of a period; together they are exactly a
sliding window (a single bucket of capacity 25 would let 50 calls into one window).
"""

from __future__ import annotations

import asyncio
from collections import deque

from aiolimiter import AsyncLimiter

from importer.models import Rate

Bucket = AsyncLimiter


class HardLimit:
    """The floor below one limiter."""

    def __init__(self, rate: Rate) -> None:
        self._period_s = rate.period_s
        self._parts = deque(Bucket(1, rate.period_s) for _ in range(rate.calls))  # the next one comes first

    @property
    def is_open(self) -> bool:
        """Whether a call may pass now; it may where the pool let it, but for accidents."""
        return self._parts[0].has_capacity()

    async def opens(self) -> None:
        """Wait until a call may pass."""
        while not self.is_open:  # noqa: ASYNC110 - who waits inside the limiter has passed it then
            await asyncio.sleep(self._period_s / 100)

    async def acquire(self) -> Bucket:
        """Pass, at once if it is open; give the part of it that was passed."""
        part = self._parts[0]
        self._parts.rotate(-1)
        await part.acquire()
        return part

    def reopen(self, part: Bucket) -> None:
        """Take back a passing after which no call was made, such as where a connection was found closed."""
        self._parts.remove(part)
        self._parts.appendleft(Bucket(1, self._period_s))
