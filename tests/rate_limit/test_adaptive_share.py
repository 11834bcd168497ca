"""The share of a limit that others use too: lowered at once after a 429, and raised slowly up to the limit."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.models import Rate
from importer.rate_limit import AdaptiveShare

RATE = Rate(25, 5.0)
_RATES = st.builds(Rate, st.integers(1, 1000), st.sampled_from([0.1, 1.0, 5.0, 60.0]))
_SHARES = st.builds(AdaptiveShare, st.floats(1, 1000), st.floats(-1e6, 1e6)) | st.just(AdaptiveShare())


def refused_until(share: AdaptiveShare, moments: list[float], rate: Rate = RATE) -> AdaptiveShare:
    for moment in moments:
        share = share.after_429(moment, rate, sent_at=moment)
    return share


def test_without_a_429_it_is_the_whole_limit() -> None:
    """Even long after the start."""
    assert [AdaptiveShare().calls_at(now, RATE) for now in (-1e9, 0.0, 1e9)] == [25.0] * 3


@given(_SHARES, _RATES, st.floats(-1e6, 1e6))
def test_share_is_between_one_call_and_the_limit(share: AdaptiveShare, rate: Rate, now: float) -> None:
    """Also for a smaller limit."""
    assert 1.0 <= share.calls_at(now, rate) <= rate.calls
    assert 1.0 <= share.after_429(now, rate, sent_at=now).calls_at(now, rate) <= rate.calls


@given(_SHARES, _RATES, st.floats(0, 1e6))
def test_429_lowers_the_share_at_once(share: AdaptiveShare, rate: Rate, now: float) -> None:
    """By at least a seventh of the tried share, as far as possible."""
    tried = share.calls_at(now, rate)
    left = share.after_429(now, rate, sent_at=now).calls_at(now, rate)
    assert left <= tried
    assert share.since > now or left == 1.0 or left <= max(6 / 7 * tried, 1.0) + 1e-9


@given(_SHARES, _RATES, st.lists(st.floats(0, 1e4), min_size=2))
def test_share_does_not_fall_without_another_429(share: AdaptiveShare, rate: Rate, moments: list[float]) -> None:
    share = share.after_429(0.0, rate, sent_at=0.0)
    calls = [share.calls_at(moment, rate) for moment in sorted(moments)]
    assert calls == sorted(calls)


def test_first_429_lowers_the_share_for_unknown_programs() -> None:
    """The other program gets more than half of the limit for two periods."""
    share = refused_until(AdaptiveShare(), [100.0])
    assert [share.calls_at(now, RATE) for now in (100.0, 107.0, 110.0)] == pytest.approx([10.0] * 3)
    assert share.calls_at(111.0, RATE) > 10.0


def test_share_grows_ever_faster_to_the_limit() -> None:
    """First by a call or two; within a minute of the last 429 it is the whole limit."""
    share = refused_until(AdaptiveShare(), [0.0])
    grown = [share.calls_at(10.0 + 5.0 * periods, RATE) for periods in range(4)]
    steps = [later - earlier for earlier, later in itertools.pairwise(grown)]
    assert steps == sorted(steps)
    assert steps[0] <= 2.0
    assert share.calls_at(60.0, RATE) == 25.0


def test_calls_sent_before_the_last_429_change_nothing() -> None:
    """A refused burst counts as one 429."""
    share = refused_until(AdaptiveShare(), [100.0])
    for sent_at in (99.0, 99.9):
        assert share.after_429(100.4, RATE, sent_at=sent_at) is share
    assert share.after_429(101.0, RATE, sent_at=100.5).calls < share.calls


def test_safe_share_is_the_next_start() -> None:
    """A failed trial lowers the share only to what was safe before."""
    share = AdaptiveShare(10.0, 0.0)
    tried_at = next(now for now in itertools.count(10.0, 0.5) if share.calls_at(now, RATE) > 15.0)
    after = share.after_429(tried_at, RATE, sent_at=tried_at)
    assert 10.0 <= after.calls <= 10.0 + 0.02 * RATE.calls


def test_refused_safe_share_is_lowered() -> None:
    """Other programs use more now. It may be lowered repeatedly, down to one call."""
    share = AdaptiveShare(10.0, 0.0)
    assert share.after_429(1.0, RATE, sent_at=1.0).calls == pytest.approx(8.5)
    assert refused_until(share, [float(second) for second in range(1, 40)]).calls_at(40.0, RATE) == 1.0


def test_share_refused_at_the_whole_limit_starts_again() -> None:
    """The safe share of an hour ago is not used."""
    share = AdaptiveShare(20.0, 0.0)
    assert share.calls_at(3600.0, RATE) == 25.0
    assert share.after_429(3600.0, RATE, sent_at=3600.0).calls == pytest.approx(10.0)


def test_a_limit_of_one_call_is_one_call() -> None:
    """The share can't be lowered, and the run continues."""
    share = refused_until(AdaptiveShare(), [0.0, 1.0, 2.0], Rate(1, 5.0))
    assert share.calls_at(2.0, Rate(1, 5.0)) == 1.0
    assert not math.isinf(share.calls)
