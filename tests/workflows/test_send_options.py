"""What follows from the terms of sending: how long so many calls take, and on how many days they are made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.models import Rate
from importer.submission.retry import RetryPolicy
from importer.workflows.options import Options
from importer.workflows.send_options import SendOptions


def sending(**changes: Any) -> SendOptions:
    rate = changes.pop("rate", Rate(25, 5.0))
    return SendOptions(rate=rate, policy=RetryPolicy(), options=Options(**changes))


@given(st.integers(1, 10_000), st.integers(0, 20_000), st.integers(0, 100_000))
def test_days_follow_from_calls_and_cap(cap: int, made_today: int, calls: int) -> None:
    """Day by day, the first with what is left of it, the others whole; a first day without a call left is one, too."""
    days, left = 1, calls - min(calls, max(0, cap - made_today))
    while left > 0:
        days, left = days + 1, left - cap
    assert sending(daily_cap=cap).days(calls, made_today) == days


def test_without_a_cap_it_is_one_day() -> None:
    """However many calls there are."""
    assert sending().days(1_000_000, 1_000_000) == 1


@pytest.mark.parametrize(("share", "usable"), [(1.0, 25), (0.6, 15), (0.28, 7), (0.5, 12), (0.01, 1)])
def test_a_share_is_of_whole_calls_and_at_least_one(share: float, usable: int) -> None:
    """Rounded down, since the rest is somebody else's; and the time is reckoned by it."""
    part, whole = sending(rate_share=share), sending(rate=Rate(usable, 5.0))
    assert part.usable_rate == Rate(usable, 5.0)
    assert part.seconds(1_000) == whole.seconds(1_000)


@pytest.mark.parametrize(("calls", "spread"), [(25, 0.0), (1_000_000, 0.95 * 5.0)])
def test_a_long_run_spreads_its_bursts_and_a_short_one_does_not(calls: int, spread: float) -> None:
    """Others can get a call in between, at the price of a small part of the time; never over more than the period."""
    assert sending().limiter_options("run", calls).spacing_s * 25 == pytest.approx(spread)
