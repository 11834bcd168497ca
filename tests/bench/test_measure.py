"""The bench measures what it says it does."""

from __future__ import annotations

import pytest

from importer.models import Rate
from tests.bench.measure import Run, ideal_s, judge, most_in_a_window, table

RATE = Rate(25, 5)


@pytest.mark.parametrize(("rows", "seconds"), [(1, 0), (25, 0), (26, 5), (150, 25), (151, 30)])
def test_ideal_is_one_period_per_full_window_before_the_last_call(rows: int, seconds: float) -> None:
    """A sliding window lets the first 25 go at once, and every further 25 a period later."""
    assert ideal_s(rows, RATE) == seconds


def test_a_window_ends_before_its_period_has_passed() -> None:
    """Calls exactly one period apart are in two windows."""
    assert most_in_a_window([0, 1, 4.9, 5, 5.5], 5) == 4
    assert most_in_a_window([], 5) == 0


def test_a_run_is_timed_from_its_second_call() -> None:
    """The first call goes alone, and how long its answer takes is the server's business."""
    run = judge([(100, 200), (3, 200), (120, 429), (103, 200)], tickets=3, rows=26, rate=RATE)
    assert run == Run(refused=1, tickets=3, most_in_a_window=2, actual_s=20, ideal_s=5)
    assert run.ratio == 0.25


def test_too_few_calls_are_no_measurement() -> None:
    """A client that failed to start must not look infinitely fast."""
    with pytest.raises(ValueError, match="2 calls arrived"):
        judge([(1, 200), (2, 200)], tickets=2, rows=2, rate=RATE)


def test_the_table_shows_medians() -> None:
    """One slow run of three does not colour the line."""
    runs = [
        Run(refused=refused, tickets=150, most_in_a_window=25, actual_s=actual, ideal_s=25.0)
        for refused, actual in [(0, 25.0), (9, 50.0), (0, 25.0)]
    ]
    assert table({"ours": runs}).splitlines()[-1] == "| ours | 0 | 150 | 25 | 25.00 | 25.0 | 1.000 |"
