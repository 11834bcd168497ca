"""Statistics of calls are computed from their arrival times."""

from __future__ import annotations

import pytest

from importer.models import Rate
from tests.bench.call_statistics import (
    RunStatistics,
    SharedStatistics,
    ideal_s,
    most_in_a_window,
    per_second,
    run_statistics,
    shared_statistics,
)

RATE = Rate(25, 5)


@pytest.mark.parametrize(("rows", "seconds"), [(1, 0), (25, 0), (26, 5), (150, 25), (151, 30)])
def test_ideal_is_one_period_per_full_window_before_the_last_call(rows: int, seconds: float) -> None:
    """A sliding window allows the first 25 at once, and another 25 after each period."""
    assert ideal_s(rows, RATE) == seconds


def test_a_window_ends_before_its_period_has_passed() -> None:
    """Calls exactly one period apart are in different windows."""
    assert most_in_a_window([0, 1, 4.9, 5, 5.5], 5) == 4
    assert most_in_a_window([], 5) == 0


def test_a_run_is_timed_from_its_second_call() -> None:
    """The first call goes alone, and the time of its answer depends on the server."""
    run = run_statistics([(100, 200), (3, 200), (120, 429), (103, 200)], tickets=3, rows=26, rate=RATE)
    assert run == RunStatistics(refused=1, tickets=3, most_in_a_window=2, actual_s=20, ideal_s=5)
    assert run.ratio == 0.25


def test_too_few_calls_are_an_error() -> None:
    """A client that did not start must not look infinitely fast."""
    with pytest.raises(ValueError, match="2 calls arrived"):
        run_statistics([(1, 200), (2, 200)], tickets=2, rows=2, rate=RATE)
    with pytest.raises(ValueError, match="2 calls arrived"):
        per_second([(1, 200), (2, 200)])


def test_what_is_left_is_the_limit_minus_all_calls_of_others() -> None:
    """From our first ticket to our last: 100 s at 5 a second, less 100 of theirs, refused or not, leave 400."""
    theirs = [(float(second), 429 if second < 10 else 200) for second in range(101)]
    made_s = [second / 2 for second in range(201)]
    ours = [*((at_s, 200) for at_s in made_s), *((float(second), 429) for second in range(50))]
    outside = [(-1.0, 429), (101.0, 429)]
    shared = shared_statistics([*ours, *theirs, *outside], [*theirs, *outside], made_s, RATE)
    assert shared == SharedStatistics(of_what_was_left=201 / 399, ours_refused=50 / 251, theirs_refused=10 / 101)


def test_shared_statistics_need_calls_of_both() -> None:
    """Without calls of others, or without tickets of ours, it raises ValueError."""
    ours = [(float(second), 200) for second in range(10)]
    with pytest.raises(ValueError, match="0 of theirs"):
        shared_statistics(ours, [], [at_s for at_s, _ in ours], RATE)
    with pytest.raises(ValueError, match="0 calls of ours"):
        shared_statistics(ours, ours, [], RATE)


def test_speed_is_calls_per_second_after_the_first() -> None:
    """Five calls in two seconds are four gaps in two seconds."""
    assert per_second([(12, 200), (10, 200), (10.5, 200), (11, 429), (11.5, 200)]) == 2
