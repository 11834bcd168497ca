"""A second limit in each process, which is kept even if the pool of slots is wrong.

It has one of ``aiolimiter``'s leaky buckets of capacity one for each call of a period. Together they are exactly a
sliding window; a single bucket of capacity 25 would let 50 calls into one window.
"""

from __future__ import annotations

import asyncio
from collections import deque

from aiolimiter import AsyncLimiter

from importer.models import Rate

Bucket = AsyncLimiter


class HardLimit:
    """At most ``rate.calls`` calls in any window of ``rate.period_s``."""

    def __init__(self, rate: Rate) -> None:
        self._period_s = rate.period_s
        self._buckets = deque(Bucket(1, rate.period_s) for _ in range(rate.calls))  # the next one first

    @property
    def is_open(self) -> bool:
        """Whether a call may be made now. It may if the pool is right."""
        return self._buckets[0].has_capacity()

    async def wait_until_open(self) -> None:
        """Wait until a call may be made."""
        while not self.is_open:  # noqa: ASYNC110 - to wait in the bucket would fill it
            await asyncio.sleep(self._period_s / 100)

    async def acquire(self) -> Bucket:
        """Wait until a call may be made, and return the bucket that it fills."""
        bucket = self._buckets[0]
        self._buckets.rotate(-1)
        await bucket.acquire()
        return bucket

    def reopen(self, bucket: Bucket) -> None:
        """Empty a bucket after which no call was made, for example as the connection was closed."""
        self._buckets.remove(bucket)
        self._buckets.appendleft(Bucket(1, self._period_s))
