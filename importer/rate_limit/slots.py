"""The slots of one account: which run makes the next call, and when. Pure: storage and clock are passed in.

There is one slot for each call of a period. A slot can be used again a period and a margin after its last use, so the
slots are a sliding window that can be used fully. A call books the slot with the oldest use, for the time at which it
is free. A booking counts as a use at its latest time, so that a run that is killed costs the others one slot only.

All times are seconds on one monotonic clock of all runs that share the pool.
"""

from __future__ import annotations

import bisect
import math
import operator
from collections import Counter
from dataclasses import dataclass, field

from importer.models import Rate
from importer.rate_limit.adaptive_share import AdaptiveShare

# How much later than booked a call may be made; a later one books another slot.
ON_TIME_S = 0.25
# How early a slot may be booked at least: time for a commit on this machine. Slow ledgers need more, up to the second.
AHEAD_S = 0.25
MOST_AHEAD_S = 5.0
# How long a run that had its part leaves a free slot to the others.
_PATIENCE_S = 0.1
# Slots that are used in a burst get free in a burst. Uses that end within this part of a period don't count any more.
_SOON_PERIODS = 0.2
_ACTIVE_PERIODS = 1.5

_used_at = operator.attrgetter("used_at")


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotRequest:
    """The limits of one run.

    ``ceiling``: the most calls per period of this run and all runs with the same or a lower ceiling; a run with a
    higher ceiling gets its part besides. ``spacing_s``: the least time between two calls. ``daily_cap``: the most
    calls of the account in 24 hours. ``ahead_s``: how early a slot may be booked.
    """

    run: str
    rate: Rate
    margin_s: float
    ceiling: float
    spacing_s: float = 0.0
    daily_cap: int | None = None
    ahead_s: float = AHEAD_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Booking:
    """A booked slot and its time.

    ``lost_at``: when another run may have it. ``before``: its last use and run, restored if it is given back.
    """

    number: int
    at: float
    lost_at: float
    before: tuple[float, str]


@dataclass(frozen=True, slots=True)
class NotYet:
    """No slot can be booked yet; try again ``ahead_s`` before ``at``."""

    at: float


@dataclass(frozen=True, slots=True)
class DailyCapReached:
    """The account has had all calls of the daily cap."""

    calls: int


@dataclass(slots=True)
class Slot:
    """One slot: when it was last used, and by which run."""

    number: int
    used_at: float = -math.inf
    run: str = ""


class SlotList(list[Slot]):
    """Slots in order, the oldest use first."""

    @classmethod
    def all_used(cls, calls: int, now: float) -> SlotList:
        """Return slots that may all have been used just now."""
        return cls(Slot(number, now) for number in range(calls))

    def grow(self, calls: int) -> None:
        """Add unused slots, so that there is one for each call of a period."""
        self[:0] = [Slot(number) for number in reversed(range(len(self), calls))]

    def move(self, slot: Slot, used_at: float, run: str) -> None:
        """Record the use of a slot."""
        index = bisect.bisect_left(self, slot.used_at, key=_used_at)
        while self[index] is not slot:
            index += 1
        del self[index]
        slot.used_at, slot.run = used_at, run
        bisect.insort(self, slot, key=_used_at)

    def find(self, number: int, used_at: float, run: str) -> Slot | None:
        """Return the slot of this number if this was its last use, else ``None``."""
        index = bisect.bisect_left(self, used_at, key=_used_at)
        while index < len(self) and self[index].used_at == used_at:
            if self[index].number == number and self[index].run == run:
                return self[index]
            index += 1
        return None

    def uses(self, now: float) -> list[float]:
        """Return the times of the last uses, in order. Calls that are only booked are expected at their booked time."""
        known = [slot.used_at for slot in self if not math.isinf(slot.used_at)]
        return sorted(at if at <= now else at - ON_TIME_S for at in known)

    def freed_at(self, usable: int, ahead: int, now: float, rest_s: float) -> float:
        """Return when fewer than ``usable`` of the slots are in their period, after ``ahead`` more uses."""
        index = len(self) - usable + ahead
        if index < 0:
            return -math.inf
        return self[index].used_at + rest_s if index < len(self) else now + rest_s


@dataclass(frozen=True, slots=True)
class RunState:
    """A run that shares the pool: its last request, its limits, and whether it waits for a slot."""

    seen_at: float
    rate: Rate
    ceiling: float
    waits: bool = False


@dataclass(kw_only=True)
class SlotPool:
    """State of the slots of one account.

    ``calls_last_day``: the account's calls of the last 24 hours before this change; ``new_calls``: those that this
    change adds. The storage loads the first and saves the second. ``until``: when the run loses leased slots.
    """

    slots: SlotList = field(default_factory=SlotList)
    runs: dict[str, RunState] = field(default_factory=dict)
    last_at: float = -math.inf
    paused_until: float = -math.inf
    share: AdaptiveShare = field(default_factory=AdaptiveShare)
    alone_slot: int | None = None
    until: float = math.inf
    calls_last_day: int = 0
    new_calls: int = 0

    # -- one call ---------------------------------------------------------------------------------------------------

    def book(self, request: SlotRequest, now: float) -> Booking | NotYet | DailyCapReached:
        """Book the next slot if it is free soon."""
        self._register(request, now)
        at = max(now, self.forecast(request, now))
        if (refused := self._refuse(request, at)) is not None:
            return refused
        rate = self.rate(request, now)
        # A run that books earlier gives way earlier, or its turn would come too late for its call.
        left = self._free_at(request, now, rate) + _PATIENCE_S - (request.ahead_s - AHEAD_S)
        if self._gives_way(request, at, rate) and now < left:
            return self._later(request, now, max(at, left + request.ahead_s))
        if at - now > request.ahead_s:
            return self._later(request, now, at)
        slot = self.slots[0]
        lost_at = min(at + max(ON_TIME_S, min(rate.period_s, MOST_AHEAD_S)), self.until)
        booking = Booking(number=slot.number, at=at, lost_at=lost_at, before=(slot.used_at, slot.run))
        if slot.number == self.alone_slot:
            self.alone_slot = None
        self.slots.move(slot, at + ON_TIME_S, request.run)
        self.last_at = at
        self.new_calls += 1
        return booking

    def mark_used(self, booking: Booking, run: str, at: float, *, alone: bool = False) -> None:
        """Record that the request was sent.

        The slot of a call that was sent ``alone``, before the others, counts as used together with the next slot.
        Otherwise it would always be free before the rest of its burst, and a single call needs a larger margin.
        """
        self.slots.grow(1)  # a server that has lost the last transactions may have none
        # A call that is so late that another run has its slot is a use, too.
        if (slot := self._booked_slot(booking, run) or next(iter(self.slots), None)) is not None:
            self.slots.move(slot, at, run)
        first = self.alone_slot
        if first is not None and first != booking.number:
            self.alone_slot = None
            for slot in [slot for slot in self.slots if slot.number == first]:
                self.slots.move(slot, at, slot.run)
        if alone and len(self.slots) > 1:
            self.alone_slot = booking.number

    def give_back(self, booking: Booking, run: str) -> None:
        """Take back a booked slot that was not used."""
        if (slot := self._booked_slot(booking, run)) is not None:
            self.slots.move(slot, *booking.before)
        self.new_calls -= 1

    # -- all calls --------------------------------------------------------------------------------------------------

    def forecast(self, request: SlotRequest, now: float, ahead: int = 0) -> float:
        """Return the expected time of the next call, or of the call with ``ahead`` calls of the same run before it.

        Runs take turns: one call of every other run comes with each of those calls.
        """
        ahead *= max(1, len(self.runs))
        rate = self.rate(request, now)
        spacing_s = self._spacing_s(request, now, rate)
        at = max(self._free_at(request, now, rate, ahead), self.last_at + spacing_s * (ahead + 1))
        return max(at, self.paused_until)

    def rate(self, request: SlotRequest, now: float) -> Rate:
        """Return the account's limit: the smallest of the active runs."""
        if not self.runs or (len(self.runs) == 1 and request.run in self.runs):
            return request.rate  # the most common case, several times per call
        live = [other.rate for run, other in self.runs.items() if run != request.run and self._is_active(other, now)]
        return min((request.rate, *live), key=lambda rate: rate.calls / rate.period_s)

    def calls_allowed(self, request: SlotRequest, now: float) -> float:
        """Return the calls per period that all runs together may make now."""
        rate = self.rate(request, now)
        return min(self.share.calls_at(now, rate), request.ceiling)

    def recent_uses(self, request: SlotRequest, now: float) -> list[float]:
        """Return the times of the last calls, in order: as many as the limit has per period."""
        return self.slots.uses(now)[-self.rate(request, now).calls :]

    def pause_after_429(self, request: SlotRequest, now: float, *, sent_at: float, wait_s: float) -> None:
        """Pause all calls for ``wait_s`` after a 429, and leave a part of the limit to other programs."""
        self.paused_until = max(self.paused_until, now + wait_s)
        self.share = self.share.after_429(now, self.rate(request, now), sent_at=sent_at)

    def remove_run(self, run: str) -> None:
        """Forget a run that has ended."""
        self.runs.pop(run, None)

    # -- internal ---------------------------------------------------------------------------------------------------

    def _register(self, request: SlotRequest, now: float) -> None:
        self.slots.grow(request.rate.calls)
        for run, other in list(self.runs.items()):
            if not self._is_active(other, now):
                del self.runs[run]
        self.runs[request.run] = RunState(now, request.rate, request.ceiling)

    def _refuse(self, request: SlotRequest, at: float) -> NotYet | DailyCapReached | None:  # noqa: ARG002 - for leases
        """Return why no call may be made at this time, whatever the slots are."""
        calls = self.calls_last_day + self.new_calls
        return DailyCapReached(calls) if request.daily_cap is not None and calls >= request.daily_cap else None

    def _is_active(self, other: RunState, now: float) -> bool:
        # There are no requests during a pause. AHEAD_S allows for short periods.
        return now - max(other.seen_at, self.paused_until) < _ACTIVE_PERIODS * other.rate.period_s + AHEAD_S

    def _free_at(self, request: SlotRequest, now: float, rate: Rate, ahead: int = 0) -> float:
        """Return when a slot gets free."""
        rest_s = rate.period_s + request.margin_s
        usable = min(math.ceil(self.share.calls_at(now, rate) - 1e-9), rate.calls)
        at = self.slots.freed_at(usable, ahead, now, rest_s)
        if (ceiling := math.ceil(request.ceiling - 1e-9)) >= usable:
            return at
        runs = self.runs
        modest = (slot for slot in self.slots if slot.run not in runs or runs[slot.run].ceiling <= request.ceiling)
        return max(at, SlotList(modest).freed_at(ceiling, ahead, now, rest_s))

    def _spacing_s(self, request: SlotRequest, now: float, rate: Rate) -> float:
        share = self.share.calls_at(now, rate)
        evenly_s = rate.period_s / share
        if share < rate.calls:
            return evenly_s  # so that a 429 refuses one call, not a burst
        return min(request.spacing_s, evenly_s)

    def _later(self, request: SlotRequest, now: float, at: float) -> NotYet:
        self.runs[request.run] = RunState(now, request.rate, request.ceiling, waits=True)
        return NotYet(at)

    def _gives_way(self, request: SlotRequest, at: float, rate: Rate) -> bool:
        """Return whether the run had its part, and another run waits that had not."""
        if len(self.runs) == 1:
            return False
        since = at - rate.period_s * (1 - _SOON_PERIODS) - request.margin_s
        had = Counter(slot.run for slot in self.slots if slot.used_at > since)
        modest = sum(other.ceiling <= request.ceiling for other in self.runs.values())
        part = math.ceil(min(self.share.calls_at(at, rate) / len(self.runs), request.ceiling / modest))
        if had[request.run] < part:
            return False
        return any(other.waits and had[run] < part for run, other in self.runs.items() if run != request.run)

    def _booked_slot(self, booking: Booking, run: str) -> Slot | None:
        """Return the booked slot, or ``None`` if the call was too late and another run has it."""
        return self.slots.find(booking.number, booking.at + ON_TIME_S, run)
