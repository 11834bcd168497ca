"""The margin: what the calls of a period need on this network, no less than is proven, and no more than a bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.rate_limit import Margin
from importer.rate_limit.margin import MAX_MARGIN_S, MIN_MARGIN_S

BURST = [0.0] * 25


def learnt(margin: Margin, times_s: list[float], uses: list[float]) -> Margin:
    """Let it learn from calls that took so long, and went out at these moments."""
    for seconds in times_s:
        margin.note(seconds)
    margin.learn(uses)
    return margin


def jitter(most_s: float, calls: int = 400, seed: int = 1) -> list[float]:
    return list(np.random.default_rng(seed).uniform(0.05, 0.05 + most_s, calls))


def too_early(margin_s: float, most_s: float, uses: list[float], periods: int = 10_000) -> int:
    """In how many periods an n-th arrival came earlier than it may after the n-th of the period before."""
    chance = np.random.default_rng(2)
    arrivals = np.sort(np.array(uses) + chance.uniform(0, most_s, (periods, len(uses))), axis=1)
    return int(((arrivals[:-1] - arrivals[1:]).max(axis=1) > margin_s).sum())


def test_margin_starts_at_its_maximum() -> None:
    """A handful of calls tell nothing; so many are waited for that there is something to learn."""
    margin = Margin()
    for seconds in jitter(0.1, 24):
        margin.note(seconds)
        assert not margin.is_due
    assert margin.seconds == MAX_MARGIN_S
    margin.note(0.05)
    assert margin.is_due
    margin.learn(BURST)
    assert not margin.is_due


@pytest.mark.parametrize("least_s", [MIN_MARGIN_S, 0.001])
@pytest.mark.parametrize("uses", [BURST, [0.2 * call for call in range(25)], [0.0], []])
def test_quiet_network_gives_the_minimum(least_s: float, uses: list[float]) -> None:
    """Calls that all take the same time need nothing, however they go out."""
    margin = learnt(Margin(least_s=least_s), [0.05] * 50, uses)
    assert margin.seconds == pytest.approx(max(least_s, 0.005))


@pytest.mark.parametrize("most_s", [0.05, 0.1])
@pytest.mark.parametrize("uses", [BURST, [0.04 * call for call in range(25)], [0.2 * call for call in range(25)]])
def test_margin_is_what_the_calls_of_a_period_need(most_s: float, uses: list[float]) -> None:
    """It is too little for less than one period in a thousand, and it is no more than the jitter."""
    margin = learnt(Margin(), jitter(most_s), uses)
    assert too_early(margin.seconds, most_s, uses) < 10
    assert margin.seconds <= most_s * 1.15 + 0.01


def test_bursts_need_a_smaller_margin() -> None:
    """Of a burst the n-th arrival is early only if most of it is; one by one, each call is for itself."""
    together = learnt(Margin(), jitter(0.12), BURST)
    one_by_one = learnt(Margin(), jitter(0.12), [0.2 * call for call in range(25)])
    assert together.seconds < one_by_one.seconds


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 10), max_size=200).map(sorted),
    st.lists(st.one_of(st.floats(0, 100), st.sampled_from(["429", "learn"])), max_size=60),
)
def test_margin_stays_in_bounds_and_above_refused_values(uses: list[float], events: list[float | str]) -> None:
    """Whatever times are measured and whenever a 429 comes: what was too little is not gone back to."""
    margin, proven_s = Margin(), MIN_MARGIN_S
    margin.note(0.1)
    for event in events:
        if event == "429":
            before_s = margin.seconds
            margin.refused()
            assert margin.seconds >= min(2 * before_s, MAX_MARGIN_S)
            proven_s = max(proven_s, margin.seconds)
        elif event == "learn":
            margin.learn(uses)
        else:
            margin.note(float(event))
        assert proven_s <= margin.seconds <= MAX_MARGIN_S


def test_after_a_429_it_stays_wide_on_a_quiet_network() -> None:
    """The times measured are not all there is: the way there may spread where the answers don't."""
    margin = learnt(Margin(), [0.05] * 25, BURST)
    assert margin.seconds == MIN_MARGIN_S
    margin.refused()
    assert learnt(margin, [0.05] * 1_000, BURST).seconds == pytest.approx(2 * MIN_MARGIN_S)


def test_margin_falls_when_the_network_gets_quiet() -> None:
    """Old times are forgotten, and the worst of the last few draws with them; what it came to is no proof."""
    margin = learnt(Margin(), jitter(0.1), BURST)
    noisy_s = margin.seconds
    assert noisy_s > MIN_MARGIN_S
    assert learnt(margin, [0.05] * 400, BURST).seconds == noisy_s
    for _ in range(7):
        learnt(margin, [0.05] * 25, BURST)
    assert margin.seconds == MIN_MARGIN_S


def test_the_same_times_make_the_same_margin() -> None:
    """It draws by chance, and the chance is always the same: a run can be told again."""
    first, second = (learnt(Margin(), jitter(0.1), BURST).seconds for _ in range(2))
    assert first == second
