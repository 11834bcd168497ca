"""The slot pool keeps the limit and uses it fully, for any runs that share it, even if they are killed."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.models import Rate
from importer.rate_limit import AHEAD_S, ON_TIME_S, Booking, DailyCapReached, NotYet, SlotPool, SlotRequest
from importer.rate_limit.pool_text import pool_from_text, pool_to_text
from importer.rate_limit.slots import SlotList
from tests.rate_limit.crowd import LONGEST_PAUSE_S, Crowd, Run, Step, Use, assert_kept

MARGIN_S = 0.1
HUNGRY = Step()  # uses its slot at once, and request for the next


def request(
    run: str = "A",
    calls: int = 25,
    *,
    period_s: float = 5.0,
    margin_s: float = MARGIN_S,
    ceiling: float | None = None,
    spacing_s: float = 0.0,
    daily_cap: int | None = None,
) -> SlotRequest:
    return SlotRequest(
        run=run,
        rate=Rate(calls, period_s),
        margin_s=margin_s,
        ceiling=calls if ceiling is None else ceiling,
        spacing_s=spacing_s,
        daily_cap=daily_cap,
    )


def booked(pool: SlotPool, who: SlotRequest, now: float) -> Booking:
    booking = pool.book(who, now)
    assert isinstance(booking, Booking), booking
    return booking


def spend(pool: SlotPool, who: SlotRequest, now: float, calls: int = 1, *, alone: bool = False) -> None:
    for _ in range(calls):
        pool.mark_used(booked(pool, who, now), who.run, now, alone=alone)


def next_at(pool: SlotPool, who: SlotRequest, now: float) -> float:
    """Return when this run gets its next slot, if it retries at the times that the pool returns."""
    for _ in range(20):
        answer = pool.book(who, now)
        if isinstance(answer, Booking):
            return answer.at
        assert isinstance(answer, NotYet)
        now = max(answer.at - AHEAD_S, now + 1e-6)
    raise AssertionError("always later")


def counts(uses: list[Use]) -> Counter[str]:
    return Counter(use.run for use in uses)


_STEPS = st.builds(
    Step,
    ending=st.sampled_from(["used", "used", "used", "used", "alone", "late", "given back", "throttled", "dies"]),
    delay=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    thinks_s=st.sampled_from([0.0, 0.0, 0.0, 0.2, 0.9, 6.0]),
    pause_s=st.sampled_from([0.0, 1.0, 7.0, 40.0]),
)


@st.composite
def crowds(draw: st.DrawFn) -> tuple[Crowd, float]:
    """Up to five runs with limits, ceilings and margins of their own, and one period."""
    period_s = draw(st.sampled_from([0.5, 1.0, 5.0]))
    runs = []
    for number in range(draw(st.integers(1, 5))):
        calls = draw(st.sampled_from([1, 2, 3, 5, 8]))
        who = request(
            f"run {number}",
            calls,
            period_s=period_s,
            margin_s=draw(st.sampled_from([0.04, 0.1, 0.15])),
            ceiling=draw(st.integers(1, calls)),
            spacing_s=draw(st.sampled_from([0.0, 0.0, 0.02])),
        )
        starts_at = draw(st.sampled_from([0.0, 0.0, 0.3, 4.9, 12.0]))
        runs.append(Run(who, steps=draw(st.lists(_STEPS, max_size=25)), starts_at=starts_at))
    return Crowd([run for run in runs if run.steps], as_text=draw(st.booleans())), period_s


@settings(max_examples=300, deadline=None)
@given(crowds())
def test_no_window_exceeds_the_smallest_limit_of_all_runs(case: tuple[Crowd, float]) -> None:
    """For any pattern of using, being late, withdrawing, pausing, leaving and dying; and no run waits forever."""
    crowd, period_s = case
    uses = crowd.go(until=20_000.0)
    assert_kept(uses, period_s)
    for run in crowd.runs:
        dead = any(step.ending == "dies" for step in run.steps[: run.done + 1])
        assert dead or run.done == len(run.steps), "it got all its turns"
    steps = sum(len(run.steps) for run in crowd.runs)
    assert crowd.asked <= 40 * steps + 40, "waiting runs don't poll"


@settings(max_examples=300, deadline=None)
@given(crowds())
def test_no_calls_during_a_pause(case: tuple[Crowd, float]) -> None:
    """A 429 of one run pauses all runs, including those that had booked before."""
    crowd, _ = case
    uses = crowd.go(until=20_000.0)
    assert not [(use, pause) for use in uses for pause in crowd.held_back if pause[0] < use.at < pause[1] - 1e-9]


@settings(max_examples=200, deadline=None)
@given(crowds())
def test_pool_survives_json(case: tuple[Crowd, float]) -> None:
    """The same slots, runs, pause and share, at any moment."""
    crowd, _ = case
    crowd.go(until=15.0)
    pool = crowd.pool
    again = pool_from_text(pool_to_text(pool), crowd.now, LONGEST_PAUSE_S)
    again.calls_last_day, again.new_calls = pool.calls_last_day, pool.new_calls  # which its storage has elsewhere
    assert again == pool
    json.loads(pool_to_text(pool), parse_constant=pytest.fail)  # no infinity: a database may look into it


@pytest.mark.parametrize("runs", [1, 2, 3, 5])
@pytest.mark.parametrize("calls", [5, 10, 25])
def test_the_limit_is_used_to_the_full(runs: int, calls: int) -> None:
    """For any number of runs: all slots of a period are used at once."""
    crowd = Crowd([Run(request(f"run {number}", calls), forever=HUNGRY) for number in range(runs)])
    seconds = 20 * (5 + MARGIN_S)
    uses = crowd.go(until=seconds - 1e-3)
    assert_kept(uses, 5.0)
    assert len(uses) >= 0.97 * 20 * calls


@pytest.mark.parametrize("runs", [2, 3, 5])
def test_runs_that_want_all_of_it_get_the_same(runs: int) -> None:
    """Also a run that starts later."""
    crowd = Crowd(
        [
            Run(request(f"run {number}"), forever=HUNGRY, starts_at=13.0 if number == runs - 1 else 0.0)
            for number in range(runs)
        ]
    )
    uses = [use for use in crowd.go(until=200.0) if use.at > 25.0]
    got = counts(uses)
    assert len(got) == runs
    assert min(got.values()) >= 0.8 * max(got.values())


def test_run_that_had_its_part_gives_way_to_a_waiting_run() -> None:
    """It asked first, and gets its part of the next burst; the rest is for the other run, without a pause."""
    pool, first, second = SlotPool(), request("first"), request("second")
    spend(pool, first, 0.0, 25)
    assert isinstance(pool.book(second, 1.0), NotYet)
    for _ in range(13):
        assert booked(pool, first, 5.0).at == pytest.approx(5.1)
    assert isinstance(pool.book(first, 5.0), NotYet)
    for _ in range(12):
        assert booked(pool, second, 5.0).at == pytest.approx(5.1)


def test_run_that_had_its_part_continues_if_no_run_waits() -> None:
    """No slot stays unused."""
    pool, hungry, content = SlotPool(), request("hungry"), request("content")
    spend(pool, content, 0.0)
    spend(pool, hungry, 0.0, 24)
    assert [booked(pool, hungry, 5.0).at for _ in range(25)] == pytest.approx([5.1] * 25)


def test_bursts_do_not_count_for_the_next_burst() -> None:
    """All slots were used within half a second, and no run holds slots back for others."""
    pool, runs = SlotPool(), [request(f"run {number}") for number in range(4)]
    moments = [number * 0.02 for number in range(25)]
    for number, at in enumerate(moments):
        spend(pool, runs[number % 4], at)
    for who in runs:
        assert isinstance(pool.book(who, 1.0), NotYet)  # from here on it waits
    for number, at in enumerate(moments):
        assert booked(pool, runs[-1 - number % 4], at + 4.9).at == pytest.approx(at + 5.1)


def test_runs_that_share_a_pool_queue_for_their_turns() -> None:
    """With three other runs, the seventh call of a run is in this burst and the eighth in the next."""
    pool, runs = SlotPool(), [request(f"run {number}") for number in range(4)]
    for who in runs:
        spend(pool, who, 0.0, 6)
    assert pool.forecast(runs[0], 4.0, 6) == pytest.approx(5.1)
    assert pool.forecast(runs[0], 4.0, 7) == pytest.approx(4.0 + 5.1)


def test_a_slot_that_is_booked_counts_among_the_calls_at_its_time() -> None:
    """Not at its last possible moment, which would make the margin too wide."""
    pool, who = SlotPool(), request(calls=3)
    spend(pool, who, 1.0, 2)
    assert booked(pool, who, 1.1).at == pytest.approx(1.1)
    assert pool.recent_uses(who, 1.1) == pytest.approx([1.0, 1.0, 1.1])


def test_a_pool_of_an_earlier_version_is_read() -> None:
    """It does not say who waits: then nobody does."""
    pool, who = SlotPool(), request()
    spend(pool, who, 1.0)
    pool.new_calls = 0
    known = json.loads(pool_to_text(pool))
    known["users"] = {run: user[:4] for run, user in known["users"].items()}
    assert pool_from_text(json.dumps(known), 2.0, LONGEST_PAUSE_S) == pool


def test_unused_part_goes_to_other_runs() -> None:
    """Beside a run that makes a call now and then, a hungry one uses nearly all the rest."""
    rare = Run(request("rare"), forever=Step(thinks_s=2.0))
    crowd = Crowd([rare, Run(request("hungry"), forever=HUNGRY)])
    uses = crowd.go(until=204.0 - 1e-3)
    got = counts(uses)
    assert got["rare"] >= 204.0 / (2.0 + 5.1), "it waits for less than a period each time"
    assert sum(got.values()) >= 0.95 * 40 * 25


def test_killed_run_blocks_its_slots_for_one_period_only() -> None:
    """It booked all of them and was killed: they count as used at the last moment at which they might have been."""
    pool = SlotPool()
    for _ in range(25):
        booked(pool, request("dead"), 100.0)
    assert next_at(pool, request("alive"), 100.1) == pytest.approx(100.0 + ON_TIME_S + 5.0 + MARGIN_S)
    spend(pool, request("alive"), 105.5, 24)


def test_killed_run_gets_no_share() -> None:
    """Two periods after its last sign, the other one has the whole limit, without patience for the dead."""
    dead = Run(request("dead"), steps=[HUNGRY] * 30 + [Step(ending="dies")], forever=HUNGRY)
    crowd = Crowd([dead, Run(request("alive"), forever=HUNGRY)])
    uses = crowd.go(until=200.0)
    died_at = max(use.at for use in uses if use.run == "dead")
    later = [use.at for use in uses if use.at > died_at + 2 * 5.1]
    assert len(later) / (200.0 - later[0]) * 5.1 >= 0.98 * 25


def test_a_call_counts_although_its_pool_was_lost() -> None:
    """A server that lost the last transactions has an empty pool."""
    pool = SlotPool()
    booking = booked(SlotPool(), request(), 100.0)
    pool.mark_used(booking, request().run, 100.0)
    spend(pool, request(), 100.1, 24)
    assert next_at(pool, request(), 100.2) == pytest.approx(100.0 + 5.0 + MARGIN_S)


def test_removed_run_is_not_waited_for() -> None:
    """The one that stays request once, and has the slot."""
    pool = SlotPool()
    spend(pool, request("A", 4), 0.0, 2)
    spend(pool, request("B", 4), 0.0, 2)
    pool.remove_run("B")
    answers = [pool.book(request("A", 4), 5.1) for _ in range(4)]
    assert all(isinstance(answer, Booking) and answer.at == 5.1 for answer in answers)


def test_the_smallest_limit_holds_for_all() -> None:
    """A run whose owner knows of a smaller plan is believed, for as long as it is there."""
    pool = SlotPool()
    spend(pool, request("small", 5), 0.0)
    assert pool.rate(request("large", 25), 0.0) == Rate(5, 5.0)
    spend(pool, request("large", 25), 0.0, 4)
    assert next_at(pool, request("large", 25), 0.0) == pytest.approx(5.0 + MARGIN_S, abs=0.2)
    pool.remove_run("small")
    assert pool.rate(request("large", 25), 0.0) == Rate(25, 5.0)


def test_the_smallest_limit_holds_after_a_long_pause() -> None:
    """Nobody request while all are held back, and yet nobody is gone."""
    pool = SlotPool()
    small, large = request("small", 5), request("large", 25)
    spend(pool, small, 0.0)
    pool.pause_after_429(small, 0.0, sent_at=0.0, wait_s=600.0)
    assert pool.rate(large, 600.0) == Rate(5, 5.0)
    booked(pool, large, 600.0)
    assert "small" in pool.runs
    assert pool.rate(large, 609.0) == Rate(25, 5.0)


def test_ceiling_leaves_the_rest_to_others() -> None:
    """Runs that may use 60 % of the limit make no more calls than that together; one that may use all of it does."""
    pool = SlotPool()
    first, second = request("modest", 10, ceiling=6), request("modest, too", 10, ceiling=6)
    spend(pool, first, 0.0, 3)
    spend(pool, second, 0.0, 3)
    assert {type(pool.book(modest, 0.0)) for modest in (first, second)} == {NotYet}
    spend(pool, request("other", 10), 0.0, 4)


@pytest.mark.parametrize("ceiling", [1, 3, 6])
@pytest.mark.parametrize("others", [1, 2])
@pytest.mark.parametrize("noticed", [False, True])
def test_run_with_a_ceiling_gets_its_part(ceiling: int, others: int, *, noticed: bool) -> None:
    """It does not starve because they use all of the rest, nor where people are noticed who have some of it."""
    throttled = [Step(ending="throttled")] if noticed else []
    hungry = [Run(request(f"run {number}", 10), steps=throttled, forever=HUNGRY) for number in range(others)]
    crowd = Crowd([Run(request("modest", 10, ceiling=ceiling), forever=HUNGRY, starts_at=7.0), *hungry])
    uses = crowd.go(until=300.0)
    assert_kept(uses, 5.0)
    part = min(ceiling, 10 // (1 + others))
    assert counts([use for use in uses if use.at > 100.0])["modest"] >= 0.8 * part * 200 / 5.1


def test_slot_of_first_call_gets_free_with_its_burst() -> None:
    """Its slot is free when those of the first burst are; else every burst would straddle two windows."""
    pool, who = SlotPool(), request(calls=5)
    spend(pool, who, 0.0, alone=True)
    spend(pool, who, 2.0, 4)
    assert [next_at(pool, who, 2.0) for _ in range(5)] == pytest.approx([2.0 + 5 + MARGIN_S] * 5)


def test_returned_slot_is_free_at_once() -> None:
    """With the time of its last use, so that the one who comes next need not wait for longer than that."""
    pool, who = SlotPool(), request(calls=2)
    spend(pool, who, 0.0, 2)
    first = booked(pool, who, 5.0)
    pool.give_back(first, who.run)
    second, third = booked(pool, who, 5.0), booked(pool, who, 5.0)
    assert first.at == second.at == third.at == pytest.approx(5 + MARGIN_S)


def test_a_use_counts_from_when_it_was_made() -> None:
    """Not from the moment of its booking, nor from the last at which it would have been on time."""
    pool, who = SlotPool(), request(calls=1)
    booking = booked(pool, who, 0.0)
    pool.mark_used(booking, who.run, 0.2)
    assert next_at(pool, who, 0.2) == pytest.approx(0.2 + 5 + MARGIN_S)


def test_late_use_of_a_rebooked_slot_counts() -> None:
    """A process that was stopped between its last look at the clock and the write: the call was made, and takes a slot."""
    pool, slow, quick = SlotPool(), request("slow", 2), request("quick", 2)
    late = booked(pool, slow, 0.0)
    spend(pool, quick, 0.0)
    spend(pool, quick, 10.0)  # a slot each, that of the slow one among them
    spend(pool, quick, 10.2)
    pool.mark_used(late, slow.run, 11.0)
    assert next_at(pool, quick, 12.0) == pytest.approx(10.2 + 5 + MARGIN_S, abs=0.2)
    assert next_at(pool, slow, 15.4) == pytest.approx(11.0 + 5 + MARGIN_S, abs=0.2)


def test_calls_keep_the_spacing() -> None:
    """``spacing_s`` is the least time between two calls of any runs."""
    pool = SlotPool()
    moments = [next_at(pool, request(run, spacing_s=0.04), 0.0) for run in "ABABAB"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert min(gaps) >= 0.04 - 1e-9


def test_where_others_use_the_limit_calls_go_evenly() -> None:
    """A 429 costs one call then, and not a burst."""
    pool, who = SlotPool(), request()
    spend(pool, who, 0.0)
    pool.pause_after_429(who, 0.0, sent_at=0.0, wait_s=1.0)
    moments = [next_at(pool, who, 1.0)]
    for _ in range(4):
        moments.append(next_at(pool, who, moments[-1]))
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert gaps == pytest.approx([5.0 / 10] * 4, rel=0.05)


def test_the_day_has_so_many_calls_and_no_more() -> None:
    """What others had of it counts, what was given back does not, and a cap says how many there were."""
    pool, who = SlotPool(calls_last_day=7), request(daily_cap=10)
    first = booked(pool, who, 0.0)
    spend(pool, who, 0.0, 2)
    assert pool.book(who, 0.0) == DailyCapReached(10)
    pool.give_back(first, who.run)
    spend(pool, who, 0.0)
    assert pool.book(who, 0.0) == DailyCapReached(10)
    assert isinstance(pool.book(request("uncapped"), 0.0), Booking)


@pytest.mark.parametrize("ahead", range(5))
def test_forecast_is_right(ahead: int) -> None:
    """A run behind many others gets a time for its next try within a period."""
    pool, who = SlotPool(), request(calls=5, spacing_s=0.1)
    spend(pool, who, 0.0, 1)
    forecast = pool.forecast(who, 0.0, ahead)
    now, moments = 0.0, list[float]()
    for _ in range(ahead + 1):
        now = next_at(pool, who, now)
        moments.append(now)
    assert forecast == pytest.approx(moments[-1], abs=ON_TIME_S)


def test_impossible_times_are_replaced_by_now() -> None:
    """Slots, last call and runs from the far future: a period later all is as it should be."""
    pool, who = SlotPool(), request(calls=2)
    spend(pool, who, 1e9, 2)
    pool.pause_after_429(who, 1e9, sent_at=1e9, wait_s=60)
    again = pool_from_text(pool_to_text(pool), 50.0, LONGEST_PAUSE_S)
    assert again.last_at == again.paused_until == again.share.since == 50.0
    assert [slot.used_at for slot in again.slots] == [50.0, 50.0]
    assert next_at(again, who, 50.0) == pytest.approx(50.0 + 5 + MARGIN_S)


def test_possible_pauses_and_bookings_are_loaded() -> None:
    """What lies ahead by no more than it may is no error of any clock."""
    pool, who = SlotPool(), request(calls=2)
    booking = booked(pool, who, 50.0)
    pool.pause_after_429(who, 50.0, sent_at=50.0, wait_s=LONGEST_PAUSE_S)
    again = pool_from_text(pool_to_text(pool), 50.0, LONGEST_PAUSE_S)
    assert again.paused_until == 50.0 + LONGEST_PAUSE_S
    again.give_back(booking, who.run)
    assert [slot.used_at for slot in again.slots] == [-math.inf] * 2


def test_fully_used_pool_is_free_after_a_period() -> None:
    """That of another boot: its slots may have been used just now, and no more than that."""
    pool, who = SlotPool(slots=SlotList.all_used(3, 7.0)), request(calls=3)
    assert isinstance(pool.book(who, 7.0), NotYet)
    assert [next_at(pool, who, 7.0) for _ in range(3)] == pytest.approx([7.0 + 5 + MARGIN_S] * 3)
