"""The account's limit: at most ``calls`` request headers arrive in any window of ``period_s`` seconds.

A pool of slots, which the runs of one account can share, decides who may call when. A second limit in this process
(``hard_limit``) is never exceeded, even if the pool is wrong.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Self

from importer.models import Rate
from importer.rate_limit.booking_queue import BookingQueue
from importer.rate_limit.hard_limit import Bucket, HardLimit
from importer.rate_limit.margin import Margin
from importer.rate_limit.pool_view import PoolView, wait_for
from importer.rate_limit.slot_storage import SlotStorage
from importer.rate_limit.slots import MOST_AHEAD_S, ON_TIME_S, Booking, SlotRequest

# How long before its slot a request may open its connection, at least.
LEAD_S = 1.0
_CONNECT_S = 0.75  # before its slot can be booked
# A limit of more calls is kept as several shorter windows: just as exact, and without a burst.
_MANY_CALLS = 1_000
_LEARNING_INTERVAL_S = 1.0
_LONGEST_BOOKING_S = MOST_AHEAD_S + 1.0  # a booking for later is of a clock that was set since


@dataclass(frozen=True, kw_only=True, slots=True)
class LimiterOptions:
    """Limits of one run. ``share``: the part of the account's limit that it uses, up to 1."""

    rate: Rate
    run: str = ""
    share: float = 1.0
    daily_cap: int | None = None
    spacing_s: float = 0.0


class Slot:
    """The right to make one call, in turn. End it with ``mark_used`` or ``release``."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._booking: Booking | None = None
        self._bucket: Bucket | None = None  # of the hard limit, and when it was acquired
        self._bucket_at = -math.inf
        self._open = True
        self.used_at: float | None = None  # when its request was sent, on the limiter's clock

    async def wait_until_near(self, ahead_s: float) -> None:
        """Wait until the call may be made in ``ahead_s`` seconds, the time that the caller needs before it.

        Raises CapReached, or an error of the storage.
        """
        self._limiter.prepare(ahead_s)
        while True:
            if self._booking is None:
                self._booking = await self._limiter.book()
            wait_s = max(self._booking.at, self._limiter.paused_until) - self._limiter.now()
            is_paused = self._limiter.paused_until > self._booking.at + ON_TIME_S  # a 429 came meanwhile
            if is_paused or self._booking.at - self._limiter.now() > _LONGEST_BOOKING_S:
                self._give_back()
            elif wait_s <= ahead_s:
                return
            else:
                await asyncio.sleep(wait_s - ahead_s)

    async def wait_until_ready(self) -> None:
        """Wait until the call may be made now. Raises the same errors as ``wait_until_near``."""
        while True:
            await self.wait_until_near(0)
            if self.is_late:
                self._give_back()
                continue
            if self._limiter.now() - self._bucket_at > ON_TIME_S:
                self._return_bucket()
                if not self._limiter.hard_limit.is_open:  # a call that waits here would keep it closed for others
                    self._give_back()
                    await self._limiter.hard_limit.wait_until_open()
                    continue
                self._bucket = await self._limiter.hard_limit.acquire()
                self._bucket_at = self._limiter.now()
            return

    @property
    def is_late(self) -> bool:
        """Whether the call is so late for its slot that it has to book another."""
        return self._booking is None or self._limiter.now() > self._booking.at + ON_TIME_S

    @property
    def is_lost(self) -> bool:
        """Whether another run may have the slot: the process was paused, or a disk was slow."""
        return self._booking is None or self._limiter.now() > self._booking.lost_at

    def mark_used(self, *, alone: bool = False) -> None:
        """Record that the request is being sent now. ``alone``: see ``SlotPool.mark_used``."""
        if self._open and self._booking is not None:
            self._open = False
            self.used_at = self._limiter.now()
            self._limiter.mark_used(self._booking, alone=alone)

    def release(self) -> None:
        """Give the slot back, unless it was used."""
        if self._open:
            self._open = False
            self._return_bucket()
            if self._booking is None:
                self._limiter.leave_queue()
            else:
                self._give_back(withdrawn=True)

    def _give_back(self, *, withdrawn: bool = False) -> None:
        if self._booking is not None:
            self._limiter.give_back(self._booking, again=not withdrawn)
            self._booking = None

    def _return_bucket(self) -> None:
        if self._bucket is not None:
            self._limiter.hard_limit.reopen(self._bucket)
            self._bucket, self._bucket_at = None, -math.inf


class RateLimiter:
    """Hands out slots in the order of the requests.

    Use as ``async with RateLimiter(...) as limiter``.
    """

    def __init__(self, limits: LimiterOptions, storage: SlotStorage, margin: Margin | None = None) -> None:
        self.rate = limits.rate
        self.margin = margin if margin is not None else Margin()
        parts = math.ceil(limits.rate.calls / _MANY_CALLS)
        self._kept = Rate(limits.rate.calls // parts, limits.rate.period_s / parts)
        self._ceiling = max(1.0, math.floor(self._kept.calls * limits.share + 1e-9))
        request = SlotRequest(
            run=limits.run,
            rate=self._kept,
            margin_s=0.0,
            ceiling=self._ceiling,
            spacing_s=limits.spacing_s,
            daily_cap=limits.daily_cap,
        )
        self._run = limits.run
        self._view = PoolView(storage, request, self.margin, lambda: self._unbooked_count)
        self._bookings = BookingQueue(self._view)
        self._next_learning_at = -math.inf
        self._paused_until = -math.inf  # by this run's 429s, which the view may not have yet
        self._unbooked_count = 0  # slots that were handed out and are not booked
        self._reserve_lock = asyncio.Lock()
        self.hard_limit = HardLimit(self._kept)

    async def __aenter__(self) -> Self:
        await self._view.refresh()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._bookings.close()
        self._view.change_later(lambda pool, _: pool.remove_run(self._run))

    # -- for callers ------------------------------------------------------------------------------------------------

    async def reserve(self) -> Slot:
        """Wait until a call is probably possible within ``lead_s``; return its slot."""
        async with self._reserve_lock:  # in order
            while (slot := self.reserve_now()) is None:
                wait_s = self._wait_s()
                await wait_for(self._view.changed, wait_s if wait_s > 0 else math.inf)
                await self._view.refresh()  # other runs may have called
            return slot

    def reserve_now(self) -> Slot | None:
        """Return a slot if no wait is needed, else ``None``."""
        if self._unbooked_count >= self._kept.calls or self._wait_s() > 0:
            return None
        self._unbooked_count += 1
        return Slot(self)

    def record_response_time(self, seconds: float) -> None:
        """Record the time from the first byte of a small request to the first byte of its answer."""
        self.margin.note(seconds)
        if self.margin.is_due and self.now() >= self._next_learning_at:
            self._next_learning_at = self.now() + _LEARNING_INTERVAL_S
            self.margin.learn(self._view.pool.recent_uses(self._view.request, self.now()))

    def pause(self, seconds: float, slot: Slot) -> None:
        """Pause all calls for ``seconds`` from now, as the call of ``slot`` was answered 429."""
        if self.calls_allowed >= self.max_calls:
            self.margin.refused()
        self._paused_until = max(self._paused_until, self.now() + seconds)
        request, sent_at = self._view.request, slot.used_at or 0.0
        self._view.change_later(lambda pool, now: pool.pause_after_429(request, now, sent_at=sent_at, wait_s=seconds))

    def now(self) -> float:
        """The pool's clock, in seconds."""
        return self._view.now()

    @property
    def paused_until(self) -> float:
        """The end of the current pause of all calls."""
        return max(self._paused_until, self._view.pool.paused_until)

    @property
    def pause_left_s(self) -> float:
        """The remaining seconds of the pause; zero or negative without one."""
        return self.paused_until - self.now()

    @property
    def calls_allowed(self) -> float:
        """Calls per period of all runs together now: fewer than the limit if other programs use it, too."""
        allowed = self._view.pool.calls_allowed(self._view.request, self.now())
        return allowed * self.rate.calls / self._kept.calls

    @property
    def max_calls(self) -> float:
        """Calls per period of all runs together if no other program uses the account."""
        return min(self._ceiling, self._kept.calls) * self.rate.calls / self._kept.calls

    @property
    def lead_s(self) -> float:
        """How long before its slot a request may open its connection."""
        return max(LEAD_S, self._view.request.ahead_s + _CONNECT_S)

    # -- for slots --------------------------------------------------------------------------------------------------

    def prepare(self, seconds: float) -> None:
        """Book slots early enough for callers that need so many seconds between booking and call."""
        if seconds > 0:
            self._view.preparation_s = seconds

    async def book(self) -> Booking:
        """Book a slot, in the order of the calls. Raises CapReached, or an error of the storage."""
        booking = await self._bookings.book()
        self.leave_queue()
        return booking

    def mark_used(self, booking: Booking, *, alone: bool) -> None:
        """Record that a booked slot is used."""
        # aiohttp writes the request in the next round of the event loop. That is late if much else goes on.
        asyncio.get_running_loop().call_soon(self._mark_written, booking, alone)

    def _mark_written(self, booking: Booking, alone: bool) -> None:  # noqa: FBT001 - `call_soon` takes no names
        at = self.now()
        self._view.change_later(lambda pool, _: pool.mark_used(booking, self._run, at, alone=alone))

    def give_back(self, booking: Booking, *, again: bool) -> None:
        """Take back an unused slot. ``again``: its caller will book another."""
        self._unbooked_count += again
        self._bookings.give_back(booking)

    def leave_queue(self) -> None:
        """Record that a slot that was handed out is booked or given up: another can be handed out."""
        self._unbooked_count -= 1
        self._view.notify()

    def _wait_s(self) -> float:
        """Return the expected seconds until the next slot can be handed out."""
        now = self.now()
        return self._view.pool.forecast(self._view.request, now, self._unbooked_count) - self.lead_s - now
