"""The account's limit: at most ``calls`` request headers arrive in any window of ``period_s`` seconds.

Who may call when is decided by a pool of slots, which the runs of one account may share. A second
limit in this process (``hard_limit``) is never exceeded, whatever the pool says.
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

# How long before its slot a request may go and open its connection.
LEAD_S = 1.0
# Above so many calls a period, the window is made of as many shorter ones as it takes: it is as exact, without a burst.
MANY_CALLS = 1_000
_LEARNS_EVERY_S = 1.0

_Told = TypeVar("_Told")


@dataclass(frozen=True, kw_only=True, slots=True)
class LimiterOptions:
    """What one run may do. ``share``: the part of the account's limit that is to be used, up to 1."""

    rate: Rate
    run: str = ""
    share: float = 1.0
    daily_cap: int | None = None
    spacing_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Booked:
    """Bookings made together, and what was said to the one after them, if there were fewer than were wanted."""

    bookings: list[Booking]
    then: NotYet | DailyCapReached | None


class Slot:
    """A place in the queue for the next call. End it by ``used`` or ``release``."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._booking: Booking | None = None
        self._passed: Bucket | None = None  # the part of the floor that let it through, and when
        self._passed_at = -math.inf
        self._open = True
        self.used_at: float | None = None  # when its request was written, on the limiter's clock

    async def wait_until_near(self, ahead_s: float) -> None:
        """Wait until at most ``ahead_s`` are left before the call may be made.

        Raises CapReached, or what the keeper raises.
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
        """Wait until a request may be written now. Raises as ``near``."""
        while True:
            await self.wait_until_near(0)
            if self.is_late:
                self._give_back()
                continue
            if self._limiter.now() - self._passed_at > ON_TIME_S:
                self._drop_pass()
                if (
                    not self._limiter.hard_limit.is_open
                ):  # it is passed only by who goes at once: else no one ever might
                    self._give_back()
                    await self._limiter.hard_limit.opens()
                    continue
                self._passed = await self._limiter.hard_limit.acquire()
                self._passed_at = self._limiter.now()
            return

    @property
    def is_late(self) -> bool:
        """Whether the call would be so late for its slot that it has to book another."""
        return self._booking is None or self._limiter.now() > self._booking.at + ON_TIME_S

    def mark_used(self, *, alone: bool = False) -> None:
        """Say that the request is being written now. ``alone``: see ``SlotPool.used``."""
        if self._open and self._booking is not None:
            self._open = False
            self.used_at = self._limiter.now()
            self._limiter.spend(self._booking, self.used_at, alone=alone)

    def release(self) -> None:
        """Give the slot back unused; nothing happens if it was used."""
        if self._open:
            self._open = False
            self._drop_pass()
            if self._booking is None:
                self._limiter.withdraw()
            else:
                self._give_back(withdrawn=True)

    def _give_back(self, *, withdrawn: bool = False) -> None:
        if self._booking is not None:
            self._limiter.give_back(self._booking, again=not withdrawn)
            self._booking = None

    def _drop_pass(self) -> None:
        if self._passed is not None:
            self._limiter.hard_limit.reopen(self._passed)
            self._passed, self._passed_at = None, -math.inf


class RateLimiter:
    """Hands out slots in the order in which they are asked for. Use as ``async with Quota(...) as limiter``."""

    def __init__(self, limits: LimiterOptions, keeper: SlotStorage, margin: Margin | None = None) -> None:
        self.rate = limits.rate
        self.margin = margin if margin is not None else Margin()
        self._keeper = keeper
        parts = math.ceil(limits.rate.calls / MANY_CALLS)
        kept = Rate(limits.rate.calls // parts, limits.rate.period_s / parts)
        self._asks = SlotRequest(
            run=limits.run,
            rate=kept,
            margin_s=0.0,
            ceiling=max(1.0, math.floor(kept.calls * limits.share + 1e-9)),
            spacing_s=limits.spacing_s,
            daily_cap=limits.daily_cap,
        )
        self._learns_at = -math.inf
        self._view = SlotPool()  # as it was when the keeper was asked last
        self._paused_until = -math.inf  # by our own 429s, of which the view may not know yet
        self._queued = 0  # slots that were given out and are not booked
        self._at_desk = 0  # those of them that are waiting to be booked
        self._ready: deque[Booking] = deque()  # booked for those at the desk, and not handed out yet
        self._door = asyncio.Lock()
        self._desk = asyncio.Lock()
        self._changed = asyncio.Event()  # of the next change: each has its own, so that no waiter misses one
        self._late: set[asyncio.Future[_Booked]] = set()  # bookings that nobody waits for any more
        self.hard_limit = HardLimit(kept)

    async def __aenter__(self) -> Self:
        await self._change(_look)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._late, return_exceptions=True)  # else they could not be given back
        self._keeper.change_later(lambda pool, _: pool.remove_run(self._asks.run))

    # -- what those who call do -------------------------------------------------------------------------------------

    async def reserve(self) -> Slot:
        """Wait until a call is expected to be possible within ``LEAD_S``, and queue for it."""
        async with self._door:  # in order, and one looks for all
            while (slot := self.reserve_now()) is None:
                wait_s = self._wait_s()
                await _wait(self._changed, wait_s if wait_s > 0 else math.inf)
                await self._change(_look)  # others may have called
            return slot

    def reserve_now(self) -> Slot | None:
        """The same where nobody has to wait for it."""
        if self._queued >= self._asks.rate.calls or self._wait_s() > 0:
            return None
        self._queued += 1
        return Slot(self)

    def record_response_time(self, seconds: float) -> None:
        """Take note of how long it took from a small request's first byte to its answer's."""
        self.margin.note(seconds)
        if self.margin.is_due and self.now() >= self._learns_at:
            self._learns_at = self.now() + _LEARNS_EVERY_S
            self.margin.learn(self._view.recent_uses(self.asks, self.now()))

    def pause(self, seconds: float, slot: Slot) -> None:
        """Hold every call back for ``seconds`` from now: that of ``slot`` was answered 429."""
        if self.allowed >= self.most:
            self.margin.refused()
        self._paused_until = max(self._paused_until, self.now() + seconds)
        asks, sent_at = self.asks, slot.used_at or 0.0
        self._tell(lambda pool, now: pool.throttled(asks, now, sent_at=sent_at, wait_s=seconds))

    def now(self) -> float:
        """The pool's clock, in seconds."""
        return self._keeper.now()

    @property
    def paused_until(self) -> float:
        """Until when every slot is held back."""
        return max(self._paused_until, self._view.paused_until)

    @property
    def pause_left_s(self) -> float:
        """For how many seconds yet; not more than none if nothing is."""
        return self.paused_until - self.now()

    @property
    def allowed(self) -> float:
        """How many calls a period all runs together make now: fewer than the limit where others use it, too."""
        kept = self._asks.rate
        return self._view.allowed(self.asks, self.now()) * self.rate.calls / kept.calls

    @property
    def most(self) -> float:
        """How many calls a period all runs together may make where nobody else uses the account."""
        kept = self._asks.rate
        return min(self._asks.ceiling, kept.calls) * self.rate.calls / kept.calls

    # -- what slots do ----------------------------------------------------------------------------------------------

    @property
    def asks(self) -> SlotRequest:
        """What this run asks of the pool, with the margin as it is now."""
        if self._asks.margin_s != self.margin.seconds:
            self._asks = replace(self._asks, margin_s=self.margin.seconds)
        return self._asks

    async def book(self) -> Booking:
        """Book a slot for whoever has waited longest. Raises CapReached, or the keeper's error."""
        if not self._at_desk and (booked := self._booked_now(self.asks, 1)) is not None and booked.bookings:
            return self._handed_out(booked.bookings[0])
        self._at_desk += 1
        try:
            async with self._desk:
                return await self._book_in_turn()
        finally:
            self._at_desk -= 1
            while len(self._ready) > self._at_desk:  # whom it was booked for does not want it any more
                self._return(self._ready.pop())

    async def _book_in_turn(self) -> Booking:
        while not self._ready:
            changed = self._changed
            asks, wanted = self.asks, self._at_desk
            # Whoever is first books for all: one by one, each would wait for a transaction of its own.
            booked = self._booked_now(asks, wanted) or await self._booked(asks, wanted)
            self._ready.extend(booked.bookings)
            if self._ready:
                break
            match booked.then:
                case NotYet(at):
                    await _wait(changed, at - AHEAD_S - self.now())
                case DailyCapReached(calls):
                    raise CapReached(
                        f"the account has had {calls:,} calls in 24 hours, and --daily-cap allows no more",
                        hint="run the same command again when calls of the last 24 hours are a day old",
                    )
        return self._handed_out(self._ready.popleft())

    def _handed_out(self, booking: Booking) -> Booking:
        self._queued -= 1
        self._tell_waiters()  # there is room for another in the queue
        return booking

    def _booked_now(self, asks: SlotRequest, wanted: int) -> _Booked | None:
        """Book where the keeper answers at once: a task for each booking would cost more than the rest of it."""
        if (changed := self._keeper.change_now(lambda pool, now: _book(pool, asks, now, wanted))) is None:
            return None
        self._view, booked = changed
        return booked

    async def _booked(self, asks: SlotRequest, wanted: int) -> _Booked:
        booking = asyncio.ensure_future(self._change(lambda pool, now: _book(pool, asks, now, wanted)))
        try:
            return await asyncio.shield(booking)
        except asyncio.CancelledError:
            self._late.add(booking)
            booking.add_done_callback(self._return_late)
            raise

    def _return_late(self, booking: asyncio.Future[_Booked]) -> None:
        self._late.discard(booking)
        if not booking.cancelled() and booking.exception() is None:
            for booked in booking.result().bookings:
                self._return(booked)

    def _return(self, booking: Booking) -> None:
        self._tell(lambda pool, _: pool.give_back(booking, self._asks.run))
        self._tell_waiters()

    def spend(self, booking: Booking, at: float, *, alone: bool) -> None:
        """Take note that a booked slot is being used."""
        run = self._asks.run
        self._tell(lambda pool, _: pool.mark_used(booking, run, at, alone=alone))

    def give_back(self, booking: Booking, *, again: bool) -> None:
        """Take back a slot that was not used; ``again``: whoever had it will book another."""
        self._queued += again
        self._return(booking)

    def withdraw(self) -> None:
        """Take note that one who queued does not want to call any more."""
        self._queued -= 1
        self._tell_waiters()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _wait_s(self) -> float:
        """How long until the next in the queue is near its call, as far as is known."""
        now = self.now()
        return self._view.forecast(self.asks, now, self._queued) - LEAD_S - now

    async def _change(self, change: Callable[[SlotPool, float], _Told]) -> _Told:
        self._view, told = await self._keeper.change(change)
        return told

    def _tell(self, change: Callable[[SlotPool, float], object]) -> None:
        self._keeper.change_later(change)
        if self._keeper.returns_copies:  # what is done has to be seen before the keeper is asked again
            change(self._view, self.now())

    def _tell_waiters(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _wait(changed: asyncio.Event, at_most_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if math.isinf(at_most_s) else at_most_s):
            await changed.wait()


def _book(pool: SlotPool, asks: SlotRequest, now: float, wanted: int) -> _Booked:
    """Book so many slots, or as many as are free soon."""
    bookings: list[Booking] = []
    while len(bookings) < wanted:
        booked = pool.book(asks, now)
        if not isinstance(booked, Booking):
            return _Booked(bookings, booked)
        bookings.append(booked)
    return _Booked(bookings, None)


def _look(_pool: SlotPool, _now: float) -> None:
    """Change nothing."""
