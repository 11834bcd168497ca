"""Books slots for the calls of one run, in the order of the calls."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from importer.errors import CapReached
from importer.rate_limit.pool_view import PoolView, wait_for
from importer.rate_limit.slots import Booking, DailyCapReached, NotYet, SlotPool, SlotRequest


@dataclass(frozen=True, slots=True)
class _Booked:
    """Bookings made together, and why there are not more if there are fewer than wanted."""

    bookings: list[Booking]
    reason: NotYet | DailyCapReached | None


class BookingQueue:
    """Books in one transaction for all calls that wait: one transaction for each would take four times the CPU."""

    def __init__(self, view: PoolView) -> None:
        self._view = view
        self._waiting_count = 0  # calls of ``book`` that are waiting
        self._booked_ahead: deque[Booking] = deque()  # for the waiting calls of ``book``
        self._lock = asyncio.Lock()
        self._abandoned: set[asyncio.Future[_Booked]] = set()  # bookings whose caller was cancelled

    async def close(self) -> None:
        """Wait until bookings whose caller was cancelled are given back."""
        await asyncio.gather(*self._abandoned, return_exceptions=True)

    async def book(self) -> Booking:
        """Book a slot. Raises CapReached, or an error of the storage."""
        self._waiting_count += 1
        try:
            async with self._lock:
                while not self._booked_ahead:
                    await self._book_ahead()
                return self._booked_ahead.popleft()
        finally:
            self._waiting_count -= 1
            while len(self._booked_ahead) > self._waiting_count:  # the caller was cancelled
                self.give_back(self._booked_ahead.pop())

    def give_back(self, booking: Booking) -> None:
        """Take back an unused slot."""
        run = self._view.request.run
        self._view.change_later(lambda pool, _: pool.give_back(booking, run))
        self._view.notify()

    async def _book_ahead(self) -> None:
        """Book for all waiting calls, or wait until a slot may be free."""
        changed = self._view.changed
        booked = await self._book(self._view.request, self._waiting_count)
        self._booked_ahead.extend(booked.bookings)
        if self._booked_ahead:
            return
        match booked.reason:
            case NotYet(at):
                await wait_for(changed, at - self._view.request.ahead_s - self._view.now())
            case DailyCapReached(calls):
                raise CapReached(
                    f"--daily-cap is reached: the account has had {calls:,} calls in the last 24 hours",
                    hint="when some of these calls are more than 24 hours old, run the same command again",
                )

    async def _book(self, request: SlotRequest, wanted: int) -> _Booked:
        booking = asyncio.ensure_future(self._view.change(lambda pool, now: _book_all(pool, request, now, wanted)))
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
                self.give_back(booked)


def _book_all(pool: SlotPool, request: SlotRequest, now: float, wanted: int) -> _Booked:
    """Book the wanted number of slots, or those that are free soon."""
    bookings: list[Booking] = []
    while len(bookings) < wanted:
        booked = pool.book(request, now)
        if not isinstance(booked, Booking):
            return _Booked(bookings, booked)
        bookings.append(booked)
    return _Booked(bookings, None)
