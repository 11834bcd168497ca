"""The account's limit is never passed and not wasted, whatever its users do. All on a clock that is moved by waiting."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.leadsquared.quota import DEFAULT_MARGIN_S, Quota, Slot
from importer.models import Rate
from tests.leadsquared.fake_time import run

AN_AGE_S = 100_000.0


def make(rate: Rate) -> Quota:
    return Quota(rate, now=asyncio.get_running_loop().time)


async def use(quota: Quota, *, alone: bool = False) -> float:
    slot = await quota.reserve()
    await slot.ready()
    slot.used(alone=alone)
    return quota.now()


def assert_kept(uses: Sequence[float], rate: Rate) -> None:
    """No window of a period, both of its ends included, holds more than ``calls``."""
    uses = sorted(uses)
    for first, beyond in zip(uses, uses[rate.calls :], strict=False):
        assert beyond - first > rate.period_s


@dataclass(frozen=True)
class Step:
    """What one user of the quota does with one slot."""

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


async def follow(quota: Quota, steps: Sequence[Step], uses: list[float]) -> None:
    for step in steps:
        await asyncio.sleep(step.thinks_s)
        slot = await quota.reserve()
        await slot.near(0.05)
        await asyncio.sleep(step.hesitates_s)
        if step.ending == "withdrawn":
            slot.release()
            continue
        await slot.ready()
        if step.ending != "withdrawn late":
            slot.used(alone=step.ending == "alone")
            uses.append(quota.now())
        slot.release()
        if step.pause_s:
            quota.pause(step.pause_s)


@settings(max_examples=200, deadline=None)
@given(_RATES, st.lists(st.lists(_STEPS, max_size=12), max_size=12))
def test_no_window_ever_has_more_calls_than_the_limit(rate: Rate, users: list[list[Step]]) -> None:
    """For any pattern of reserving, using, giving back and pausing; and all of them get their turn in the end."""

    async def whole() -> list[float]:
        quota, uses = make(rate), list[float]()
        async with asyncio.timeout(AN_AGE_S):
            await asyncio.gather(*(follow(quota, steps, uses) for steps in users))
        return uses

    assert_kept(run(whole()), rate)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 24), st.sampled_from([0.0, 0.0, 0.1, 2.0])), min_size=60, max_size=120))
def test_the_floor_holds_by_itself(uses: list[tuple[int, float]]) -> None:
    """Below the scheduler, and whatever slots it would let go when, stands an exact sliding window."""

    async def one(quota: Quota, index: int, at: float) -> float:
        await asyncio.sleep(at)
        await quota.floor(index)
        return quota.now()

    async def whole() -> list[float]:
        quota = make(Rate(25, 5))
        starts = itertools.accumulate(wait_s for _, wait_s in uses)
        return await asyncio.gather(*(one(quota, index, at) for (index, _), at in zip(uses, starts, strict=True)))

    times = sorted(run(whole()))
    assert all(beyond - first > 5 - 1e-6 for first, beyond in zip(times, times[25:], strict=False))


def test_the_limit_is_used_to_the_full() -> None:
    """150 calls of an account with 25 per 5 s, the first alone, take 0.97 of the ideal."""

    async def whole() -> float:
        quota = make(Rate(25, 5))
        await use(quota, alone=True)
        await asyncio.sleep(0.2)  # its answer
        first = quota.now()
        return max(await asyncio.gather(*(use(quota) for _ in range(149)))) - first

    took_s = run(whole())
    assert 25.0 / took_s >= 0.97


def test_the_first_call_gets_its_slot_back_with_the_first_burst() -> None:
    """Else every later burst would begin with one call ahead of the others, and straddle two windows."""

    async def whole() -> list[float]:
        quota = make(Rate(5, 5))
        await use(quota, alone=True)
        await asyncio.sleep(2)
        return await asyncio.gather(*(use(quota) for _ in range(14)))

    uses = sorted(run(whole()))
    cycle_s = 5 + DEFAULT_MARGIN_S
    assert uses == pytest.approx([2.0] * 4 + [2.0 + cycle_s] * 5 + [2.0 + 2 * cycle_s] * 5, abs=1e-3)


def test_a_slot_that_is_given_back_does_not_free_that_of_the_first_call() -> None:
    """Only a use says when the burst is; a withdrawn call says nothing."""

    async def whole() -> list[float]:
        quota = make(Rate(2, 5))
        first = await use(quota, alone=True)
        for _ in range(3):
            await asyncio.sleep(1)
            (await quota.reserve()).release()
        return [first, *await asyncio.gather(*(use(quota) for _ in range(3)))]

    uses = run(whole())
    assert uses == pytest.approx([0.0, 3.0, 8.1, 8.1], abs=1e-3)


@pytest.mark.parametrize("rate", [Rate(1, 5), Rate(2, 5), Rate(25, 5), Rate(1500, 1)], ids=str)
def test_calls_that_go_alone_again_and_again_never_run_out_of_slots(rate: Rate) -> None:
    """Each is answered 429 and holds the quota back; the next one finds a slot all the same, soon after the pause."""

    async def whole() -> list[float]:
        quota = make(rate)
        uses = []
        for _ in range(40):
            uses.append(await use(quota, alone=True))
            quota.pause(rate.period_s)
        return uses

    uses = run(whole())
    gaps = [later - earlier for earlier, later in itertools.pairwise(uses)]
    assert max(gaps) <= rate.period_s + DEFAULT_MARGIN_S + 1e-6
    assert min(gaps) >= rate.period_s


def test_many_calls_a_period() -> None:
    """Above a thousand, one bucket is the floor, and the scheduler still keeps the window."""
    rate = Rate(1200, 1)

    async def whole() -> list[float]:
        quota = make(rate)
        return await asyncio.gather(*(use(quota) for _ in range(3000)))

    uses = run(whole())
    assert_kept(uses, rate)
    assert max(uses) < 2.5


def test_one_call_in_a_long_period() -> None:
    """A limit of one call is one call, each a period after the other."""

    async def whole() -> list[float]:
        quota = make(Rate(1, 5))
        return [await use(quota, alone=number == 0) for number in range(4)]

    assert run(whole()) == pytest.approx([0.0, 5.1, 10.2, 15.3], abs=1e-3)


def test_a_pause_holds_back_what_was_reserved_before_it() -> None:
    """A 429 stops everything: those who have a slot, those who wait at the floor, and those who come later."""

    async def whole() -> tuple[float, float]:
        quota = make(Rate(2, 5))
        await use(quota)
        await use(quota)
        waiting = [asyncio.ensure_future(use(quota)) for _ in range(2)]
        await asyncio.sleep(5)
        quota.pause(60)
        quota.pause(1)  # a shorter one takes nothing back
        done = await asyncio.gather(*waiting)
        return min(done), max(done)

    assert run(whole()) == pytest.approx((65.0, 65.0), abs=1e-3)


def test_nobody_comes_before_the_slot_is_near() -> None:
    """A reservation is granted a second ahead, time enough for a connection, and no earlier: waiters hold sockets."""

    async def whole() -> list[float]:
        quota = make(Rate(1, 5))
        await use(quota)
        slot = await quota.reserve()
        reserved = quota.now()
        await slot.near(0.05)
        near = quota.now()
        await slot.ready()
        return [reserved, near, quota.now()]

    assert run(whole()) == pytest.approx([4.1, 5.05, 5.1], abs=1e-3)


def test_a_withdrawn_slot_is_there_for_the_next() -> None:
    """Giving back is immediate, wakes who waits, and counts once."""

    async def whole() -> float:
        quota = make(Rate(1, 5))
        slot = await quota.reserve()
        waiting = asyncio.ensure_future(use(quota))
        await asyncio.sleep(3)
        slot.release()
        slot.release()
        await waiting
        return quota.now()

    assert run(whole()) == pytest.approx(3.0, abs=1e-3)


def test_a_slot_that_passed_the_floor_unused_is_not_handed_out_too_early() -> None:
    """The floor lets it pass again a period later; until then the other slots serve."""

    async def whole() -> list[float]:
        quota = make(Rate(2, 5))
        slot = await quota.reserve()
        await slot.ready()
        slot.release()  # its connection was found closed
        return [await use(quota) for _ in range(2)]

    assert run(whole()) == pytest.approx([0.0, 5.0], abs=1e-3)


def test_a_pause_that_comes_while_the_floor_is_waited_for_holds() -> None:
    """The slot is ready only when both have let it go."""

    async def whole() -> float:
        quota = make(Rate(2, 5))
        slot = Slot(quota, 0, 0.0)
        await quota.floor(0)
        waiting = asyncio.ensure_future(slot.ready())
        await asyncio.sleep(1)
        quota.pause(30)
        await waiting
        return quota.now()

    assert run(whole()) >= 31.0
