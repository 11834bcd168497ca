"""The slots of one account: who makes the next call, and when. Pure: others keep the pool and bring the clock.

There is one slot for each call of a period, and a slot is used again a period and a margin after its last use; that is
a sliding window, to the full. Whoever wants to call books the slot that was used longest ago, for the moment at which
it is free. A booking counts as a use at the last moment at which it may be used, so that a run that dies with one takes
nothing from the others but that.

Times are seconds on one clock that nobody sets, the same for all runs that share the pool.
"""

from __future__ import annotations

import bisect
import json
import math
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from importer.models import Rate
from importer.rate_limit.adaptive_share import AdaptiveShare

# How much later than booked a call may go out; one that would be later books anew.
ON_TIME_S = 0.25
# How long before its slot is free it may be booked: time for a commit.
AHEAD_S = 0.25
# How long the others have the first go at a slot, where one run has had its part already.
_PATIENCE_S = 0.1
# What is used in one burst comes free in one: of a run's part of a period, what comes free so soon counts no more.
_SOON_PERIODS = 0.2
_ACTIVE_PERIODS = 1.5

_used_at = operator.attrgetter("used_at")


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotRequest:
    """What one run asks of the pool.

    ``ceiling``: the most calls per period that this run makes together with all others that want no more than that;
    beside one that wants more it has its part. ``spacing_s``: the least time from one call to the next. ``daily_cap``:
    the most calls of the account in 24 hours.
    """

    run: str
    rate: Rate
    margin_s: float
    ceiling: float
    spacing_s: float = 0.0
    daily_cap: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Booking:
    """A slot of one's own at a moment. ``before``: when it was used, and by whom, if it is given back."""

    number: int
    at: float
    before: tuple[float, str]


@dataclass(frozen=True, slots=True)
class NotYet:
    """There is no slot to be booked yet; ask again ``AHEAD_S`` before ``at``."""

    at: float


@dataclass(frozen=True, slots=True)
class DailyCapReached:
    """The account has had all calls of its day."""

    calls: int


@dataclass(slots=True)
class _Slot:
    number: int
    used_at: float = -math.inf
    run: str = ""


@dataclass(frozen=True, slots=True)
class _User:
    """A run that shares the pool: when it asked last, what it wants, and whether it waits for a slot."""

    seen_at: float
    rate: Rate
    ceiling: float
    waits: bool = False


@dataclass(kw_only=True)
class SlotPool:
    """The state of one account. Made empty, or by ``from_json``.

    ``made_today``: the account's calls of the last 24 hours before this change, and ``counted``: those added by it;
    the keeper of the pool brings the one and takes the other.
    """

    slots: list[_Slot] = field(default_factory=list)  # the one used longest ago comes first
    users: dict[str, _User] = field(default_factory=dict)
    last_at: float = -math.inf
    paused_until: float = -math.inf
    share: AdaptiveShare = field(default_factory=AdaptiveShare)
    alone: int | None = None
    made_today: int = 0
    counted: int = 0

    # -- one call ---------------------------------------------------------------------------------------------------

    def book(self, asks: SlotRequest, now: float) -> Booking | NotYet | DailyCapReached:
        """Book the next slot, if it is free soon."""
        self._meet(asks, now)
        if asks.daily_cap is not None and self.made_today + self.counted >= asks.daily_cap:
            return DailyCapReached(self.made_today + self.counted)
        at = max(now, self.forecast(asks, now))
        rate = self.rate(asks, now)
        if self._gives_way(asks, at, rate) and now < (left := self._free_at(asks, now, rate) + _PATIENCE_S):
            return self._later(asks, now, max(at, left + AHEAD_S))
        if at - now > AHEAD_S:
            return self._later(asks, now, at)
        slot = self.slots[0]
        booking = Booking(number=slot.number, at=at, before=(slot.used_at, slot.run))
        if slot.number == self.alone:
            self.alone = None
        self._move(slot, at + ON_TIME_S, asks.run)
        self.last_at = at
        self.counted += 1
        return booking

    def mark_used(self, booking: Booking, run: str, at: float, *, alone: bool = False) -> None:
        """Take note that the request was written.

        A call that went ``alone``, before the others, gets its slot back only with the next one that is used: else it
        would come free before the rest of its burst for ever after, and each burst would straddle two windows.
        """
        # One that came so late that its slot is another's is a use all the same.
        self._move(self._held(booking, run) or self.slots[0], at, run)
        first = self.alone
        if first is not None and first != booking.number:
            self.alone = None
            slot = self._slot(first)
            self._move(slot, at, slot.run)
        if alone and len(self.slots) > 1:
            self.alone = booking.number

    def give_back(self, booking: Booking, run: str) -> None:
        """Take back a slot that was booked and not used."""
        if (slot := self._held(booking, run)) is not None:
            self._move(slot, *booking.before)
        self.counted -= 1

    # -- all calls --------------------------------------------------------------------------------------------------

    def forecast(self, asks: SlotRequest, now: float, ahead: int = 0) -> float:
        """When, as things stand, the next call may go out, or the one that has ``ahead`` of the same run before it.

        Runs take turns: where there are several, each of those calls has one of every other run beside it.
        """
        ahead *= max(1, len(self.users))
        rate = self.rate(asks, now)
        spacing_s = self._spacing_s(asks, now, rate)
        at = max(self._free_at(asks, now, rate, ahead), self.last_at + spacing_s * (ahead + 1))
        return max(at, self.paused_until)

    def rate(self, asks: SlotRequest, now: float) -> Rate:
        """The account's limit: the smallest that a live run knows of."""
        if not self.users or (len(self.users) == 1 and asks.run in self.users):
            return asks.rate  # it is asked for several times a call, mostly by who is alone
        live = [user.rate for run, user in self.users.items() if run != asks.run and self._is_active(user, now)]
        return min((asks.rate, *live), key=lambda rate: rate.calls / rate.period_s)

    def allowed(self, asks: SlotRequest, now: float) -> float:
        """How many calls per period all runs together may make now."""
        rate = self.rate(asks, now)
        return min(self.share.at(now, rate), asks.ceiling)

    def recent_uses(self, asks: SlotRequest, now: float) -> list[float]:
        """When the last calls go out that share a period: as many as the limit has, in order."""
        known = [slot.used_at for slot in self.slots if not math.isinf(slot.used_at)]
        # Those that are only booked go out, as far as is known, at the time for which they are.
        gone = sorted(at if at <= now else at - ON_TIME_S for at in known)
        return gone[-self.rate(asks, now).calls :]

    def throttled(self, asks: SlotRequest, now: float, *, sent_at: float, wait_s: float) -> None:
        """Hold every call back for ``wait_s`` after a 429, and give way to whoever else is there."""
        self.paused_until = max(self.paused_until, now + wait_s)
        self.share = self.share.throttled(now, self.rate(asks, now), sent_at=sent_at)

    def remove_run(self, run: str) -> None:
        """Forget a run that has ended."""
        self.users.pop(run, None)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _meet(self, asks: SlotRequest, now: float) -> None:
        for number in range(len(self.slots), asks.rate.calls):
            self.slots.insert(0, _Slot(number))
        for run, user in list(self.users.items()):
            if not self._is_active(user, now):
                del self.users[run]
        self.users[asks.run] = _User(now, asks.rate, asks.ceiling)

    def _is_active(self, user: _User, now: float) -> bool:
        # Nobody asks during a pause, and however short the period is, some time passes from one question to the next.
        return now - max(user.seen_at, self.paused_until) < _ACTIVE_PERIODS * user.rate.period_s + AHEAD_S

    def _free_at(self, asks: SlotRequest, now: float, rate: Rate, ahead: int = 0) -> float:
        """When fewer slots are in their period than may be."""
        rest_s = rate.period_s + asks.margin_s
        usable = min(math.ceil(self.share.at(now, rate) - 1e-9), rate.calls)
        at = _freed_at(self.slots, usable, ahead, now, rest_s)
        if (ceiling := math.ceil(asks.ceiling - 1e-9)) >= usable:
            return at
        users = self.users
        modest = [slot for slot in self.slots if slot.run not in users or users[slot.run].ceiling <= asks.ceiling]
        return max(at, _freed_at(modest, ceiling, ahead, now, rest_s))

    def _spacing_s(self, asks: SlotRequest, now: float, rate: Rate) -> float:
        share = self.share.at(now, rate)
        evenly_s = rate.period_s / share
        if share < rate.calls:
            return evenly_s  # so that a 429 costs one call and not a burst
        return min(asks.spacing_s, evenly_s)

    def _later(self, asks: SlotRequest, now: float, at: float) -> NotYet:
        self.users[asks.run] = _User(now, asks.rate, asks.ceiling, waits=True)
        return NotYet(at)

    def _gives_way(self, asks: SlotRequest, at: float, rate: Rate) -> bool:
        """Whether the run has had its part, and one that has not waits for its own."""
        if len(self.users) == 1:
            return False
        since = at - rate.period_s * (1 - _SOON_PERIODS) - asks.margin_s
        had = Counter(slot.run for slot in self.slots if slot.used_at > since)
        modest = sum(user.ceiling <= asks.ceiling for user in self.users.values())
        part = math.ceil(min(self.share.at(at, rate) / len(self.users), asks.ceiling / modest))
        if had[asks.run] < part:
            return False
        return any(user.waits and had[run] < part for run, user in self.users.items() if run != asks.run)

    def _slot(self, number: int) -> _Slot:
        return next(slot for slot in self.slots if slot.number == number)

    def _held(self, booking: Booking, run: str) -> _Slot | None:
        """The booked slot, unless it was too late and another run has it."""
        index = bisect.bisect_left(self.slots, booking.at + ON_TIME_S, key=_used_at)
        while index < len(self.slots) and self.slots[index].used_at == booking.at + ON_TIME_S:
            if self.slots[index].number == booking.number and self.slots[index].run == run:
                return self.slots[index]
            index += 1
        return None

    def _move(self, slot: _Slot, used_at: float, run: str) -> None:
        index = bisect.bisect_left(self.slots, slot.used_at, key=_used_at)
        while self.slots[index] is not slot:
            index += 1
        del self.slots[index]
        slot.used_at, slot.run = used_at, run
        bisect.insort(self.slots, slot, key=_used_at)

    # -- as text ----------------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The pool as text, for ``from_json``."""
        return json.dumps(
            {
                "slots": [[slot.number, _finite(slot.used_at), slot.run] for slot in self.slots],
                "users": {
                    run: [user.seen_at, user.rate.calls, user.rate.period_s, user.ceiling, user.waits]
                    for run, user in self.users.items()
                },
                "last_at": _finite(self.last_at),
                "paused_until": _finite(self.paused_until),
                "share": [_finite(self.share.calls), _finite(self.share.since)],
                "alone": self.alone,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str, now: float, longest_s: float) -> SlotPool:
        """Read a pool. A use that is further ahead than any booking can be is taken for one of this moment.

        So is the end of a pause that is more than ``longest_s`` away, and any where the last call was so far ahead:
        then all is of another clock.
        """
        known = json.loads(text)
        latest = now + AHEAD_S + 2 * ON_TIME_S
        last_at = _past(known["last_at"])
        longest_s = longest_s if last_at <= latest else 0.0
        slots = [_Slot(number, _within(_past(at), now, latest), run) for number, at, run in known["slots"]]
        calls, since = known["share"]
        return cls(
            slots=sorted(slots, key=_used_at),
            users={
                run: _User(_within(at, now, latest), Rate(calls, period_s), ceiling, *waits)
                for run, (at, calls, period_s, ceiling, *waits) in known["users"].items()  # pools of old don't say
            },
            last_at=_within(last_at, now, latest),
            paused_until=_within(_past(known["paused_until"]), now, now + longest_s),
            share=AdaptiveShare(math.inf if calls is None else calls, _within(_past(since), now, latest)),
            alone=known["alone"],
        )

    @classmethod
    def all_used(cls, calls: int, now: float) -> SlotPool:
        """A pool of which nothing is known but that its slots may just have been used."""
        return cls(slots=[_Slot(number, now) for number in range(calls)])


def _freed_at(slots: Sequence[_Slot], usable: int, ahead: int, now: float, rest_s: float) -> float:
    """When fewer than ``usable`` of these slots, the one used longest ago first, are in their period."""
    index = len(slots) - usable + ahead
    if index < 0:
        return -math.inf
    return slots[index].used_at + rest_s if index < len(slots) else now + rest_s


def _finite(number: float) -> float | None:
    return None if math.isinf(number) else number


def _past(at: float | None) -> float:
    return -math.inf if at is None else at


def _within(at: float, now: float, latest: float) -> float:
    return at if at <= latest else now
