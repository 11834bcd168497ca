"""The slots that one run has leased: which it uses next, and when. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from importer.models import Rate
from importer.rate_limit.slot_leases import Lease
from importer.rate_limit.slots import (
    ON_TIME_S,
    Booking,
    DailyCapReached,
    NotYet,
    RunState,
    Slot,
    SlotList,
    SlotPool,
    SlotRequest,
)

# Other runs may have counted calls that they don't make; until then they have given them back.
_CAPPED_RENEWALS = 8


@dataclass(kw_only=True)
class LeasedPool(SlotPool):
    """The slots that one run has. Times are seconds on this machine's clock."""

    account_rate: Rate
    until: float = -math.inf
    usable: int = 1
    prepaid: int = 0  # calls that may be made, without ``new_calls``, which were made since
    capped_renewals: int = 0  # how often in a row the daily cap left no call
    is_wanting: bool = True  # a call waits for a slot, or for the count of calls
    booked: set[int] = field(default_factory=set)  # slots whose calls were neither made nor given up yet

    @property
    def is_empty(self) -> bool:
        """Whether no call can be made without another renewal."""
        return not self.slots or self.prepaid <= self.new_calls

    def book(self, request: SlotRequest, now: float) -> Booking | NotYet | DailyCapReached:
        """See ``SlotPool``."""
        answer = super().book(request, now)
        if isinstance(answer, Booking):
            self.booked.add(answer.number)
        return answer

    def mark_used(self, booking: Booking, run: str, at: float, *, alone: bool = False) -> None:
        """See ``SlotPool``."""
        self.booked.discard(booking.number)
        super().mark_used(booking, run, at, alone=alone)

    def give_back(self, booking: Booking, run: str) -> None:
        """See ``SlotPool``."""
        self.booked.discard(booking.number)
        super().give_back(booking, run)

    def rate(self, request: SlotRequest, now: float) -> Rate:  # noqa: ARG002 - the server has compared all runs
        """See ``SlotPool``."""
        return self.account_rate

    def _register(self, request: SlotRequest, now: float) -> None:
        # The pool on the server knows the other runs.
        self.runs[request.run] = RunState(now, request.rate, request.ceiling)

    def _refuse(self, request: SlotRequest, at: float) -> NotYet | DailyCapReached | None:  # noqa: ARG002 - renewals know the cap
        if self.prepaid <= self.new_calls:
            self.is_wanting = True
            if self.capped_renewals >= _CAPPED_RENEWALS:
                return DailyCapReached(self.calls_last_day)
            return NotYet(math.inf)
        return NotYet(math.inf) if at + ON_TIME_S > self.until else None

    def _free_at(self, request: SlotRequest, now: float, rate: Rate, ahead: int = 0) -> float:
        if not self.slots:
            self.is_wanting = True
            return math.inf
        return self.slots.freed_at(len(self.slots), ahead, now, rate.period_s + request.margin_s)

    def _spacing_s(self, request: SlotRequest, now: float, rate: Rate) -> float:
        part = max(1, len(self.slots)) / max(self.usable, len(self.slots), 1)
        return super()._spacing_s(request, now, rate) / part

    def _later(self, request: SlotRequest, now: float, at: float) -> NotYet:
        self.is_wanting = True
        return super()._later(request, now, at)

    def release(self, most: int, now: float) -> list[tuple[int, float]]:
        """Give up slots that are not booked, so that at most so many are left; return their numbers and last uses."""
        unbooked = [slot for slot in self.slots if slot.used_at <= now and slot.number not in self.booked]
        released = unbooked[: max(0, len(self.slots) - most)]
        for slot in released:
            self.slots.remove(slot)
        return [(slot.number, slot.used_at) for slot in released]

    def apply(self, lease: Lease, ahead_s: float, error_s: float) -> None:
        """Change the slots to those of a new lease. The server's clock was ahead by ``ahead_s``, give or take."""
        mine = [slot for slot in self.slots if slot.number in lease.kept]
        taken = [Slot(number, used_at - ahead_s + error_s) for number, used_at in lease.taken]
        self.slots = SlotList(sorted((*mine, *taken), key=lambda slot: slot.used_at))
        self.until = lease.until - ahead_s - error_s
        self.account_rate, self.usable, self.prepaid = lease.rate, lease.usable, lease.prepaid
