"""The limiter keeps the account's limit and uses it fully, on a simulated clock."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import CapReached
from importer.models import Rate
from importer.rate_limit import ON_TIME_S, Margin, SlotPool
from importer.rate_limit.limiter import LEAD_S, LimiterOptions, RateLimiter, Slot
from importer.rate_limit.margin import MAX_MARGIN_S
from importer.rate_limit.pool_text import pool_from_text, pool_to_text
from importer.rate_limit.slot_storage import MemorySlots, SlotStorage
from tests.fake_time import FakeTimeLoop, run

AN_AGE_S = 100_000.0
MARGIN_S = 0.1


def make(rate: Rate, **limits: Any) -> RateLimiter:
    return RateLimiter(LimiterOptions(rate=rate, **limits), MemorySlots(asyncio.get_running_loop().time), margin())


def margin() -> Margin:
    return Margin(first_s=MARGIN_S, least_s=MARGIN_S)


async def use(limiter: RateLimiter, *, alone: bool = False) -> float:
    slot = await called(limiter, alone=alone)
    assert slot.used_at is not None
    return slot.used_at


async def called(limiter: RateLimiter, *, alone: bool = False) -> Slot:
    slot = await limiter.reserve()
    await slot.wait_until_ready()
    slot.mark_used(alone=alone)
    await asyncio.sleep(0)  # its request is written
    return slot


def assert_kept(uses: Sequence[float], rate: Rate) -> None:
    """Check that no window of a period, both ends included, has more than ``calls``."""
    uses = sorted(uses)
    for first, beyond in zip(uses, uses[rate.calls :], strict=False):
        assert beyond - first > rate.period_s


@dataclass(frozen=True)
class Step:
    """What a caller of the limiter does with one slot."""

    thinks_s: float
    hesitates_s: float  # between having its connection and being ready to write
    ending: str  # used, alone, withdrawn, withdrawn late
    pause_s: float = 0.0


_STEPS = st.builds(
    Step,
    thinks_s=st.sampled_from([0.0, 0.0, 0.3, 4.9, 7.0]),
    hesitates_s=st.sampled_from([0.0, 0.0, 0.7, 6.0]),
    ending=st.sampled_from(["used", "used", "used", "alone", "withdrawn", "withdrawn late"]),
    pause_s=st.sampled_from([0.0, 0.0, 0.0, 2.0, 11.0]),
)
_RATES = st.sampled_from([Rate(1, 5), Rate(2, 5), Rate(3, 0.5), Rate(5, 5), Rate(25, 5)])


async def follow(limiter: RateLimiter, steps: Sequence[Step], uses: list[float]) -> None:
    for step in steps:
        await asyncio.sleep(step.thinks_s)
        slot = await limiter.reserve()
        await slot.wait_until_near(0.05)
        await asyncio.sleep(step.hesitates_s)
        if step.ending == "withdrawn":
            slot.release()
            continue
        await slot.wait_until_ready()
        if step.ending != "withdrawn late":
            slot.mark_used(alone=step.ending == "alone")
            uses.append(limiter.now())
        slot.release()
        if step.pause_s:
            limiter.pause(step.pause_s, slot)


@settings(max_examples=200, deadline=None)
@given(_RATES, st.lists(st.lists(_STEPS, max_size=12), max_size=12))
def test_no_window_ever_has_more_calls_than_the_limit(rate: Rate, users: list[list[Step]]) -> None:
    """For any pattern of reserving, using, withdrawing and pausing; and every caller gets a slot."""

    async def whole() -> list[float]:
        limiter, uses = make(rate), list[float]()
        async with asyncio.timeout(AN_AGE_S):
            await asyncio.gather(*(follow(limiter, steps, uses) for steps in users))
        return uses

    assert_kept(run(whole()), rate)


def test_requests_that_a_busy_event_loop_writes_late_keep_the_limit() -> None:
    """A request is written a round of the loop after its slot is marked, and with much else to do a round is long."""
    rate, written = Rate(5, 5), list[float]()

    async def call(limiter: RateLimiter, number: int) -> None:
        loop = asyncio.get_running_loop()
        slot = await limiter.reserve()
        await slot.wait_until_ready()
        if number < rate.calls:  # the first burst is late, the second is not
            loop.call_soon(work)
        slot.mark_used()
        loop.call_soon(lambda: written.append(loop.time()))

    def work() -> None:
        cast("FakeTimeLoop", asyncio.get_running_loop()).work(0.1)

    async def whole() -> None:
        limiter = make(rate)
        await asyncio.gather(*(call(limiter, number) for number in range(10)))
        await asyncio.sleep(1)

    run(whole())
    assert len(written) == 10
    assert_kept(written, rate)


def test_a_slot_is_lost_when_another_run_may_have_it() -> None:
    """The process was paused after it was the call's turn: the call books another slot."""

    async def whole() -> list[bool]:
        limiter = make(Rate(1, 5))
        slot = await limiter.reserve()
        await slot.wait_until_ready()
        lost = []
        for wait_s in (4.9, 0.2):
            await asyncio.sleep(wait_s)
            lost.append(slot.is_lost)
        await slot.wait_until_ready()
        return [*lost, slot.is_lost]

    assert run(whole()) == [False, True, False]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.0, 0.1, 2.0]), min_size=60, max_size=120))
def test_hard_limit_holds_without_the_pool(waits_s: list[float]) -> None:
    """It is an exact sliding window, whatever slots the pool grants."""

    async def one(limiter: RateLimiter, at: float) -> float:
        await asyncio.sleep(at)
        await limiter.hard_limit.acquire()
        return limiter.now()

    async def whole() -> list[float]:
        limiter = make(Rate(25, 5))
        return await asyncio.gather(*(one(limiter, at) for at in itertools.accumulate(waits_s)))

    times = sorted(run(whole()))
    assert all(beyond - first > 5 - 1e-6 for first, beyond in zip(times, times[25:], strict=False))


def test_the_limit_is_used_to_the_full() -> None:
    """150 calls of an account with 25 per 5 s, the first alone, take 0.97 of the ideal."""

    async def whole() -> float:
        limiter = make(Rate(25, 5))
        await use(limiter, alone=True)
        await asyncio.sleep(0.2)  # its answer
        first = limiter.now()
        return max(await asyncio.gather(*(use(limiter) for _ in range(149)))) - first

    took_s = run(whole())
    assert 25.0 / took_s >= 0.97


def test_the_first_call_gets_its_slot_back_with_the_first_burst() -> None:
    """Otherwise every later burst would begin with one early call, and span two windows."""

    async def whole() -> list[float]:
        limiter = make(Rate(5, 5))
        await use(limiter, alone=True)
        await asyncio.sleep(2)
        return await asyncio.gather(*(use(limiter) for _ in range(14)))

    uses = sorted(run(whole()))
    cycle_s = 5 + MARGIN_S
    assert uses == pytest.approx([2.0] * 4 + [2.0 + cycle_s] * 5 + [2.0 + 2 * cycle_s] * 5, abs=1e-3)


def test_returned_slot_does_not_free_the_first_calls_slot() -> None:
    """Only a used slot shows when the burst is."""

    async def whole() -> list[float]:
        limiter = make(Rate(2, 5))
        first = await use(limiter, alone=True)
        for _ in range(3):
            await asyncio.sleep(1)
            (await limiter.reserve()).release()
        return [first, *await asyncio.gather(*(use(limiter) for _ in range(3)))]

    uses = run(whole())
    assert uses == pytest.approx([0.0, 3.0, 8.1, 8.1], abs=1e-3)


@pytest.mark.parametrize("rate", [Rate(1, 5), Rate(2, 5), Rate(25, 5), Rate(1500, 1)], ids=str)
def test_calls_that_go_alone_again_and_again_never_run_out_of_slots(rate: Rate) -> None:
    """Each is answered 429 and pauses the limiter; the next one gets a slot soon after the pause."""

    async def whole() -> list[float]:
        limiter = make(rate)
        uses = []
        for _ in range(40):
            slot = await called(limiter, alone=True)
            uses.append(slot.used_at or 0.0)
            limiter.pause(rate.period_s, slot)
        return uses

    uses = run(whole())
    gaps = [later - earlier for earlier, later in itertools.pairwise(uses)]
    assert max(gaps) <= rate.period_s + MAX_MARGIN_S + 1e-6
    assert min(gaps) >= rate.period_s


def test_many_calls_a_period() -> None:
    """Above a thousand calls the hard limit has one bucket, and the pool still keeps the window."""
    rate = Rate(1200, 1)

    async def whole() -> list[float]:
        limiter = make(rate)
        return await asyncio.gather(*(use(limiter) for _ in range(3000)))

    uses = run(whole())
    assert_kept(uses, rate)
    assert max(uses) < 2.5


def test_one_call_in_a_long_period() -> None:
    """Each call is a period after the previous one."""

    async def whole() -> list[float]:
        limiter = make(Rate(1, 5))
        return [await use(limiter, alone=number == 0) for number in range(4)]

    assert run(whole()) == pytest.approx([0.0, 5.1, 10.2, 15.3], abs=1e-3)


def test_pause_delays_slots_reserved_before() -> None:
    """A 429 stops calls that have a slot, wait for one, or come later."""

    async def whole() -> list[float]:
        limiter = make(Rate(2, 5))
        first = await called(limiter)
        await use(limiter)
        waiting = [asyncio.ensure_future(use(limiter)) for _ in range(2)]
        await asyncio.sleep(5)
        limiter.pause(60, first)
        limiter.pause(1, first)  # a shorter one takes nothing back
        return await asyncio.gather(*waiting)

    assert run(whole()) == pytest.approx([65.0, 65.0], abs=1e-3)


def test_no_slot_is_handed_out_too_early() -> None:
    """A slot is granted a second ahead, enough for a connection: waiting calls hold sockets."""

    async def whole() -> list[float]:
        limiter = make(Rate(1, 5))
        await use(limiter)
        slot = await limiter.reserve()
        reserved = limiter.now()
        await slot.wait_until_near(0.05)
        near = limiter.now()
        await slot.wait_until_ready()
        return [reserved, near, limiter.now()]

    assert run(whole()) == pytest.approx([5.1 - LEAD_S, 5.1 - 0.05, 5.1], abs=1e-3)


def test_withdrawn_slot_is_free_for_the_next_call() -> None:
    """At once, and it counts once."""

    async def whole() -> float:
        limiter = make(Rate(1, 5))
        slot = await limiter.reserve()
        waiting = asyncio.ensure_future(use(limiter))
        await asyncio.sleep(3)
        slot.release()
        slot.release()
        await waiting
        return limiter.now()

    assert run(whole()) == pytest.approx(3.0, abs=1e-3)


def test_slots_are_handed_out_in_order() -> None:
    """A withdrawn slot goes to the call that has waited longest."""

    async def go(slot: Slot) -> None:
        await slot.wait_until_ready()
        slot.mark_used()

    async def whole() -> list[Slot]:
        limiter = make(Rate(3, 5))
        for moment in (0.0, 0.5, 0.5):
            await asyncio.sleep(moment - limiter.now())
            await use(limiter)
        held, first, second = [await limiter.reserve() for _ in range(3)]
        await held.wait_until_near(0.2)
        waiting = asyncio.ensure_future(go(first))
        await asyncio.sleep(0.01)
        held.release()
        await go(second)
        await waiting
        return [first, second]

    first, second = run(whole())
    assert first.used_at is not None
    assert second.used_at is not None
    assert first.used_at < second.used_at - 0.3


def test_unused_slot_returns_its_part_of_the_hard_limit() -> None:
    """No call was made, as when a connection is found closed."""

    async def whole() -> list[float]:
        limiter = make(Rate(2, 5))
        slot = await limiter.reserve()
        await slot.wait_until_ready()
        slot.release()  # its connection was found closed
        return [await use(limiter) for _ in range(2)]

    assert run(whole()) == pytest.approx([0.0, 0.0], abs=1e-3)


def test_hard_limit_holds_with_many_unused_slots() -> None:
    """An unused bucket is open again, and a used one is not."""

    async def whole() -> list[float]:
        limiter, uses = make(Rate(3, 5)), list[float]()
        for number in range(12):
            for _ in range(number % 3):
                slot = await limiter.reserve()
                await slot.wait_until_ready()
                slot.release()
            uses.append(await use(limiter))
        return uses

    uses = run(whole())
    assert_kept(uses, Rate(3, 5))
    assert uses[-1] == pytest.approx(3 * (5 + MARGIN_S), abs=1e-2)


def test_late_call_books_another_slot() -> None:
    """An unused slot is given back; the call waits for the next one and for the hard limit."""

    async def whole() -> list[float]:
        limiter = make(Rate(2, 5))
        slot = await limiter.reserve()
        await slot.wait_until_ready()
        await asyncio.sleep(ON_TIME_S + 0.01)  # the ledger took its time
        await slot.wait_until_ready()
        slot.mark_used()
        return [slot.used_at or 0.0, await use(limiter), await use(limiter)]

    first, second, third = run(whole())
    assert first == pytest.approx(ON_TIME_S + 0.01, abs=1e-3)
    assert second <= 5.0 + MARGIN_S
    assert third >= first + 5.0


def test_a_share_of_the_limit_is_so_many_calls() -> None:
    """60 % of 10 are 6 in a period."""

    async def whole() -> list[float]:
        limiter = make(Rate(10, 5), share=0.6)
        assert (limiter.calls_allowed, limiter.max_calls) == (6.0, 6.0)
        return await asyncio.gather(*(use(limiter) for _ in range(12)))

    assert sorted(run(whole())) == pytest.approx([0.0] * 6 + [5.1] * 6, abs=1e-3)


def test_limit_is_left_to_others_and_used_again_later() -> None:
    """After a 429 that its own calls do not explain, calls are fewer and even; later as many as before."""

    async def whole() -> tuple[float, float, float]:
        limiter = make(Rate(25, 5))
        slot = await called(limiter)
        limiter.pause(5.0, slot)
        given_way = limiter.calls_allowed
        uses = [await use(limiter) for _ in range(5)]
        gaps = [later - earlier for earlier, later in itertools.pairwise(uses)]
        await asyncio.sleep(60)
        return given_way, min(gaps), limiter.calls_allowed

    given_way, gap_s, allowed = run(whole())
    assert given_way <= 12.5
    assert gap_s >= 0.9 * 5.0 / given_way
    assert allowed == 25.0


def test_the_margin_is_wider_after_a_429_at_the_whole_limit_only() -> None:
    """If other programs use the account, a 429 proves nothing about the network."""

    async def whole() -> list[float]:
        limiter, seconds = make(Rate(25, 5)), list[float]()
        limiter.margin.seconds = 0.05
        for _ in range(2):
            slot = await called(limiter)
            limiter.pause(1.0, slot)
            seconds.append(limiter.margin.seconds)
        return seconds

    first, second = run(whole())
    assert first >= 0.1
    assert second == first


def test_a_quiet_network_makes_the_margin_small() -> None:
    """The limiter learns from the durations of calls."""

    async def whole() -> float:
        limiter = RateLimiter(LimiterOptions(rate=Rate(25, 5)), MemorySlots(asyncio.get_running_loop().time))
        for _ in range(50):
            await use(limiter)
            limiter.record_response_time(0.05)
        return limiter.margin.seconds

    assert run(whole()) < MARGIN_S / 2


def test_very_high_limit_is_shared() -> None:
    """Two runs with 2,000 calls an hour: after 1,000 calls, both wait for the second half of the hour."""

    async def whole() -> list[float]:
        storage = MemorySlots(asyncio.get_running_loop().time)
        limits = [LimiterOptions(rate=Rate(2_000, 3600.0), run=run) for run in "AB"]
        a, b = (RateLimiter(each, storage, margin()) for each in limits)
        for limiter in (a, b):
            await asyncio.gather(*(use(limiter) for _ in range(500)))
        return [await use(a), await use(b)]

    assert min(run(whole())) >= 1800.0


def test_the_last_call_of_the_day_is_the_last() -> None:
    """Later requests raise CapReached; a withdrawn slot allows one more call."""

    async def whole() -> list[float]:
        limiter = make(Rate(5, 5), daily_cap=3)
        uses = [await use(limiter), await use(limiter)]
        slot = await limiter.reserve()
        await slot.wait_until_near(0)
        other = await limiter.reserve()
        with pytest.raises(CapReached, match="had 3 calls"):
            await other.wait_until_ready()
        other.release()
        slot.release()
        return [*uses, await use(limiter)]

    assert run(whole()) == pytest.approx([0.0] * 3, abs=1e-3)


def test_pause_during_the_wait_for_the_hard_limit_holds() -> None:
    """The slot is ready only when the pool, the hard limit and the pause allow it."""

    async def whole() -> float:
        limiter = make(Rate(1, 5))
        await limiter.hard_limit.acquire()
        slot = await limiter.reserve()
        waiting = asyncio.ensure_future(slot.wait_until_ready())
        await asyncio.sleep(1)
        limiter.pause(30, slot)
        await waiting
        return limiter.now()

    assert run(whole()) >= 31.0


_Told = TypeVar("_Told")


class SlowPool(SlotStorage):
    """A storage as slow as a distant database: a change takes effect in the middle of its duration."""

    def __init__(self, takes_s: float) -> None:
        self.pool = SlotPool()
        self._half_s = takes_s / 2
        self._turn = asyncio.Lock()
        self._told: set[asyncio.Task[object]] = set()

    def now(self) -> float:
        """See ``SlotStorage``."""
        return asyncio.get_running_loop().time()

    async def change(self, change: Callable[[SlotPool, float], _Told]) -> tuple[SlotPool, _Told]:
        """See ``SlotStorage``."""
        async with self._turn:
            await asyncio.sleep(self._half_s)
            told = change(self.pool, self.now())
            seen = pool_from_text(pool_to_text(self.pool), self.now(), 1e9)
            await asyncio.sleep(self._half_s)
            return seen, told

    def change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        """See ``SlotStorage``."""
        task = asyncio.ensure_future(self.change(change))
        self._told.add(task)
        task.add_done_callback(self._told.discard)

    async def settled(self) -> SlotPool:
        """Return the pool after all changes."""
        await asyncio.gather(*self._told)
        return self.pool


@settings(max_examples=100, deadline=None)
@given(
    _RATES, st.lists(st.lists(_STEPS, max_size=8), max_size=8), st.sampled_from([0.001, 0.02, 0.1]), st.integers(1, 3)
)
def test_runs_with_a_shared_slow_storage_keep_the_limit(
    rate: Rate, users: list[list[Step]], takes_s: float, runs: int
) -> None:
    """For any pattern and duration; every caller gets a slot, and no booking remains."""

    async def whole() -> tuple[list[float], SlotPool, float]:
        storage, uses = SlowPool(takes_s), list[float]()
        async with asyncio.timeout(AN_AGE_S):
            quotas = [
                RateLimiter(LimiterOptions(rate=rate, run=f"run {number}"), storage, margin()) for number in range(runs)
            ]
            await asyncio.gather(
                *(follow(quotas[number % runs], steps, uses) for number, steps in enumerate(users)),
            )
        return uses, await storage.settled(), storage.now()

    uses, pool, _ = run(whole())
    assert_kept(uses, rate)
    assert pool.new_calls == len(uses), "what was booked and not used was given back"


class CopyingPool(SlowPool):
    """A slow storage that returns copies of the pool."""

    returns_copies = True


def test_waiting_calls_are_booked_together() -> None:
    """A burst takes one or two changes of a slow pool, not one for each call."""

    async def whole() -> list[float]:
        limiter = RateLimiter(LimiterOptions(rate=Rate(25, 5)), CopyingPool(0.02), margin())
        slots = [await limiter.reserve() for _ in range(25)]
        await asyncio.gather(*(slot.wait_until_near(0) for slot in slots))
        for slot in slots:
            await slot.wait_until_ready()
            slot.mark_used()
        return [slot.used_at or math.inf for slot in slots]

    assert max(run(whole())) == pytest.approx(2 * 0.02, abs=0.001)


def test_booking_of_a_cancelled_call_is_given_back() -> None:
    """Calls that were cancelled during a common booking leave nothing booked."""

    async def whole() -> tuple[SlotPool, int]:
        storage = CopyingPool(0.1)
        async with RateLimiter(LimiterOptions(rate=Rate(5, 5), run="A"), storage, margin()) as limiter:
            slots = [await limiter.reserve() for _ in range(4)]
            waiting = [asyncio.ensure_future(slot.wait_until_near(0)) for slot in slots]
            await asyncio.sleep(0.01)  # the first books for all of them
            for task in waiting[1:3]:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            for slot in slots[1:3]:
                slot.release()
            for slot in (slots[0], slots[3]):
                await slot.wait_until_ready()
                slot.mark_used()
        pool = await storage.settled()
        return pool, sum(slot.run == "A" for slot in pool.slots)

    pool, used = run(whole())
    assert (pool.new_calls, used) == (2, 2)


def test_limiter_counts_its_own_calls_in_the_view() -> None:
    """The margin follows from the times of calls, not of bookings."""
    seen = list[list[float]]()

    class Learning(Margin):
        def learn(self, uses: Sequence[float]) -> None:
            seen.append(list(uses))
            super().learn(uses)

    async def whole() -> list[float]:
        limiter = RateLimiter(LimiterOptions(rate=Rate(25, 5)), CopyingPool(0.01), Learning())
        await use(limiter, alone=True)
        await asyncio.sleep(0.3)
        slots = [await limiter.reserve() for _ in range(24)]
        await asyncio.gather(*(slot.wait_until_ready() for slot in slots))
        for slot in slots:
            slot.mark_used()
        await asyncio.sleep(0)  # their requests are written
        for _ in range(25):
            limiter.record_response_time(0.1)
        return [slot.used_at or math.inf for slot in slots]

    used = run(whole())
    assert len(seen) == 1
    assert seen[0] == pytest.approx([used[0], *used], abs=1e-3)


def test_older_view_of_the_pool_does_not_end_a_pause() -> None:
    """A change that began before the 429 does not know of it."""

    async def whole() -> float:
        storage = SlowPool(0.1)
        limiter = RateLimiter(LimiterOptions(rate=Rate(5, 5)), storage, margin())
        first = await called(limiter)
        second = await limiter.reserve()
        booking = asyncio.ensure_future(second.wait_until_ready())
        await asyncio.sleep(0.08)  # the booking is made, and the answer is on its way
        limiter.pause(30, first)
        paused_until = limiter.now() + 30
        await booking
        return limiter.now() - paused_until

    assert run(whole()) >= 0.0


def test_abandoned_booking_is_given_back() -> None:
    """Also if it is made after its run was told to stop."""

    async def whole() -> SlotPool:
        storage = SlowPool(0.1)
        async with RateLimiter(LimiterOptions(rate=Rate(5, 5), run="A"), storage, margin()) as limiter:
            slot = await limiter.reserve()
            waiting = asyncio.ensure_future(slot.wait_until_ready())
            await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            slot.release()
        return await storage.settled()

    pool = run(whole())
    assert pool.new_calls == 0
    assert not pool.runs
    assert {slot.run for slot in pool.slots} <= {""}


def test_returned_slot_wakes_a_waiting_call() -> None:
    """It does not wait for the rest of a period."""

    async def whole() -> float:
        storage = SlowPool(0.1)
        limiter = RateLimiter(LimiterOptions(rate=Rate(3, 5)), storage, margin())
        await use(limiter)
        await use(limiter)
        held, other, third = [await limiter.reserve() for _ in range(3)]
        await held.wait_until_near(0)
        queuing = asyncio.ensure_future(limiter.reserve())  # which waits for news as well
        waiting = asyncio.ensure_future(other.wait_until_ready())
        await asyncio.sleep(0.08)  # it has been told to wait, and does not know it yet
        held.release()
        released_at = limiter.now()
        await waiting
        third.release()
        queuing.cancel()
        return limiter.now() - released_at

    assert run(whole()) < 1.0
