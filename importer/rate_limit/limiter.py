"""The account's limit: at most ``calls`` request headers arrive in any window of ``period_s`` seconds.

A pool of slots, which the runs of one account can share, decides who may call when. A second limit in this process
(``hard_limit``) is never exceeded, even if the pool is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from importer.errors import CapReached
from importer.models import Rate
from importer.rate_limit import AHEAD_S, ON_TIME_S, Booking, DailyCapReached, Margin, NotYet, SlotPool, SlotRequest
from importer.rate_limit.hard_limit import Bucket, HardLimit
from importer.rate_limit.slot_storage import SlotStorage

# How long before its slot a request may open its connection.
LEAD_S = 1.0
# A limit of more calls is kept as several shorter windows: just as exact, and without a burst.
_MANY_CALLS = 1_000
_LEARNING_INTERVAL_S = 1.0

_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class LimiterOptions:
    """Limits of one run. ``share``: the part of the account's limit that it uses, up to 1."""

    rate: Rate
    run: str = ""
    share: float = 1.0
    daily_cap: int | None = None
    spacing_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Booked:
    """Bookings made together, and why there are not more if there are fewer than wanted."""

    bookings: list[Booking]
    reason: NotYet | DailyCapReached | None


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
        """Wait until the call may be made in ``ahead_s`` seconds.

        Raises CapReached, or an error of the storage.
        """
        while True:
            if self._booking is None:
                self._booking = await self._limiter.book()
            wait_s = max(self._booking.at, self._limiter.paused_until) - self._limiter.now()
            if self._limiter.paused_until > self._booking.at + ON_TIME_S:
                self._give_back()  # a 429 came meanwhile
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

    def mark_used(self, *, alone: bool = False) -> None:
        """Record that the request is being sent now. ``alone``: see ``SlotPool.mark_used``."""
        if self._open and self._booking is not None:
            self._open = False
            self.used_at = self._limiter.now()
            self._limiter.mark_used(self._booking, self.used_at, alone=alone)

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
        self._storage = storage
        parts = math.ceil(limits.rate.calls / _MANY_CALLS)
        kept = Rate(limits.rate.calls // parts, limits.rate.period_s / parts)
        self._request = SlotRequest(
            run=limits.run,
            rate=kept,
            margin_s=0.0,
            ceiling=max(1.0, math.floor(kept.calls * limits.share + 1e-9)),
            spacing_s=limits.spacing_s,
            daily_cap=limits.daily_cap,
        )
        self._next_learning_at = -math.inf
        self._view = SlotPool()  # the pool after the last change that was awaited
        self._paused_until = -math.inf  # by this run's 429s, which the view may not have yet
        self._unbooked_count = 0  # slots that were handed out and are not booked
        self._waiting_count = 0  # calls of ``book`` that are waiting
        self._booked_ahead: deque[Booking] = deque()  # bookings for the waiting calls of ``book``
        self._reserve_lock = asyncio.Lock()
        self._booking_lock = asyncio.Lock()
        self._changed = asyncio.Event()  # replaced at each change, so that no waiter misses one
        self._abandoned: set[asyncio.Future[_Booked]] = set()  # bookings whose caller was cancelled
        self.hard_limit = HardLimit(kept)

    async def __aenter__(self) -> Self:
        await self._change(_no_change)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._abandoned, return_exceptions=True)  # so that they are given back
        self._storage.change_later(lambda pool, _: pool.remove_run(self._request.run))

    # -- for callers ------------------------------------------------------------------------------------------------

    async def reserve(self) -> Slot:
        """Wait until a call is probably possible within ``LEAD_S``; return its slot."""
        async with self._reserve_lock:  # in order
            while (slot := self.reserve_now()) is None:
                wait_s = self._wait_s()
                await _wait(self._changed, wait_s if wait_s > 0 else math.inf)
                await self._change(_no_change)  # other runs may have called
            return slot

    def reserve_now(self) -> Slot | None:
        """Return a slot if no wait is needed, else ``None``."""
        if self._unbooked_count >= self._request.rate.calls or self._wait_s() > 0:
            return None
        self._unbooked_count += 1
        return Slot(self)

    def record_response_time(self, seconds: float) -> None:
        """Record the time from the first byte of a small request to the first byte of its answer."""
        self.margin.note(seconds)
        if self.margin.is_due and self.now() >= self._next_learning_at:
            self._next_learning_at = self.now() + _LEARNING_INTERVAL_S
            self.margin.learn(self._view.recent_uses(self.request, self.now()))

    def pause(self, seconds: float, slot: Slot) -> None:
        """Pause all calls for ``seconds`` from now, as the call of ``slot`` was answered 429."""
        if self.calls_allowed >= self.max_calls:
            self.margin.refused()
        self._paused_until = max(self._paused_until, self.now() + seconds)
        request, sent_at = self.request, slot.used_at or 0.0
        self._change_later(lambda pool, now: pool.pause_after_429(request, now, sent_at=sent_at, wait_s=seconds))

    def now(self) -> float:
        """The pool's clock, in seconds."""
        return self._storage.now()

    @property
    def paused_until(self) -> float:
        """The end of the current pause of all calls."""
        return max(self._paused_until, self._view.paused_until)

    @property
    def pause_left_s(self) -> float:
        """The remaining seconds of the pause; zero or negative without one."""
        return self.paused_until - self.now()

    @property
    def calls_allowed(self) -> float:
        """Calls per period of all runs together now: fewer than the limit if other programs use it, too."""
        kept = self._request.rate
        return self._view.calls_allowed(self.request, self.now()) * self.rate.calls / kept.calls

    @property
    def max_calls(self) -> float:
        """Calls per period of all runs together if no other program uses the account."""
        kept = self._request.rate
        return min(self._request.ceiling, kept.calls) * self.rate.calls / kept.calls

    # -- for slots --------------------------------------------------------------------------------------------------

    @property
    def request(self) -> SlotRequest:
        """This run's request to the pool, with the current margin."""
        if self._request.margin_s != self.margin.seconds:
            self._request = replace(self._request, margin_s=self.margin.seconds)
        return self._request

    async def book(self) -> Booking:
        """Book a slot, in the order of the calls. Raises CapReached, or an error of the storage."""
        self._waiting_count += 1
        try:
            async with self._booking_lock:
                return await self._book_in_turn()
        finally:
            self._waiting_count -= 1
            while len(self._booked_ahead) > self._waiting_count:  # the caller was cancelled
                self._return(self._booked_ahead.pop())

    async def _book_in_turn(self) -> Booking:
        while not self._booked_ahead:
            changed = self._changed
            request, wanted = self.request, self._waiting_count
            # The first caller books for all that wait: otherwise each would wait for another transaction.
            booked = await self._book(request, wanted)
            self._booked_ahead.extend(booked.bookings)
            if self._booked_ahead:
                break
            match booked.reason:
                case NotYet(at):
                    await _wait(changed, at - AHEAD_S - self.now())
                case DailyCapReached(calls):
                    raise CapReached(
                        f"--daily-cap is reached: the account has had {calls:,} calls in the last 24 hours",
                        hint="run the same command again when some of these calls are more than 24 hours old",
                    )
        return self._hand_out(self._booked_ahead.popleft())

    def _hand_out(self, booking: Booking) -> Booking:
        self._unbooked_count -= 1
        self._notify()  # another slot can be handed out
        return booking

    async def _book(self, request: SlotRequest, wanted: int) -> _Booked:
        booking = asyncio.ensure_future(self._change(lambda pool, now: _book(pool, request, now, wanted)))
        try:
            return await asyncio.shield(booking)
        except asyncio.CancelledError:
            self._abandoned.add(booking)
            booking.add_done_callback(self._return_abandoned)
            raise

    def _return_abandoned(self, booking: asyncio.Future[_Booked]) -> None:
        self._abandoned.discard(booking)
        if not booking.cancelled() and booking.exception() is None:
            for booked in booking.result().bookings:
                self._return(booked)

    def _return(self, booking: Booking) -> None:
        self._change_later(lambda pool, _: pool.give_back(booking, self._request.run))
        self._notify()

    def mark_used(self, booking: Booking, at: float, *, alone: bool) -> None:
        """Record that a booked slot is used."""
        run = self._request.run
        self._change_later(lambda pool, _: pool.mark_used(booking, run, at, alone=alone))

    def give_back(self, booking: Booking, *, again: bool) -> None:
        """Take back an unused slot. ``again``: its caller will book another."""
        self._unbooked_count += again
        self._return(booking)

    def leave_queue(self) -> None:
        """Record that the caller of a slot that is not booked gives it up."""
        self._unbooked_count -= 1
        self._notify()

    # -- internal ---------------------------------------------------------------------------------------------------

    def _wait_s(self) -> float:
        """Return the expected seconds until the next slot can be handed out."""
        now = self.now()
        return self._view.forecast(self.request, now, self._unbooked_count) - LEAD_S - now

    async def _change(self, change: Callable[[SlotPool, float], _Result]) -> _Result:
        self._view, result = await self._storage.change(change)
        return result

    def _change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        self._storage.change_later(change)
        if self._storage.returns_copies:  # the view must include it before the next change that is awaited
            change(self._view, self.now())

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _wait(changed: asyncio.Event, at_most_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if math.isinf(at_most_s) else at_most_s):
            await changed.wait()


def _book(pool: SlotPool, request: SlotRequest, now: float, wanted: int) -> _Booked:
    """Book the wanted number of slots, or those that are free soon."""
    bookings: list[Booking] = []
    while len(bookings) < wanted:
        booked = pool.book(request, now)
        if not isinstance(booked, Booking):
            return _Booked(bookings, booked)
        bookings.append(booked)
    return _Booked(bookings, None)


def _no_change(_pool: SlotPool, _now: float) -> None:
    """Change nothing: only the view is refreshed."""
