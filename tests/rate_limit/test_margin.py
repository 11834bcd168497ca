"""The margin is what the calls of a period need on this network, within bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.rate_limit import Margin
from importer.rate_limit.margin import MAX_MARGIN_S, MIN_MARGIN_S

BURST = [0.0] * 25


def learnt(margin: Margin, times_s: list[float], uses: list[float]) -> Margin:
    """Return the margin after calls of these durations at these times."""
    for seconds in times_s:
        margin.note(seconds)
    margin.learn(uses)
    return margin


def jitter(most_s: float, calls: int = 400, seed: int = 1) -> list[float]:
    return list(np.random.default_rng(seed).uniform(0.05, 0.05 + most_s, calls))


def too_early(margin_s: float, most_s: float, uses: list[float], periods: int = 10_000) -> int:
    """Return in how many periods an n-th arrival was too early after the n-th of the period before."""
    chance = np.random.default_rng(2)
    arrivals = np.sort(np.array(uses) + chance.uniform(0, most_s, (periods, len(uses))), axis=1)
    return int(((arrivals[:-1] - arrivals[1:]).max(axis=1) > margin_s).sum())


def test_margin_starts_at_its_maximum() -> None:
    """A few calls are not enough to learn from."""
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
    """If all calls take the same time, whatever their times."""
    margin = learnt(Margin(least_s=least_s), [0.05] * 50, uses)
    assert margin.seconds == pytest.approx(max(least_s, 0.005))


@pytest.mark.parametrize("most_s", [0.05, 0.1])
@pytest.mark.parametrize("uses", [BURST, [0.04 * call for call in range(25)], [0.2 * call for call in range(25)]])
def test_margin_is_what_the_calls_of_a_period_need(most_s: float, uses: list[float]) -> None:
    """It is too small for less than one period in a thousand, and at most the jitter."""
    margin = learnt(Margin(), jitter(most_s), uses)
    assert too_early(margin.seconds, most_s, uses) < 10
    assert margin.seconds <= most_s * 1.15 + 0.01


def test_bursts_need_a_smaller_margin() -> None:
    """The n-th arrival of a burst is early only if most of the burst is."""
    together = learnt(Margin(), jitter(0.12), BURST)
    one_by_one = learnt(Margin(), jitter(0.12), [0.2 * call for call in range(25)])
    assert together.seconds < one_by_one.seconds


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 10), max_size=200).map(sorted),
    st.lists(st.one_of(st.floats(0, 100), st.sampled_from(["429", "learn"])), max_size=60),
)
def test_margin_stays_in_bounds_and_above_refused_values(uses: list[float], events: list[float | str]) -> None:
    """For any durations and any 429."""
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
    """The times to the server may vary where the answers do not."""
    margin = learnt(Margin(), [0.05] * 25, BURST)
    assert margin.seconds == MIN_MARGIN_S
    margin.refused()
    assert learnt(margin, [0.05] * 1_000, BURST).seconds == pytest.approx(2 * MIN_MARGIN_S)


def test_margin_falls_when_the_network_gets_quiet() -> None:
    """Old durations are forgotten."""
    margin = learnt(Margin(), jitter(0.1), BURST)
    noisy_s = margin.seconds
    assert noisy_s > MIN_MARGIN_S
    assert learnt(margin, [0.05] * 400, BURST).seconds == noisy_s
    for _ in range(7):
        learnt(margin, [0.05] * 25, BURST)
    assert margin.seconds == MIN_MARGIN_S


def test_the_same_times_make_the_same_margin() -> None:
    """Its random numbers are always the same."""
    first, second = (learnt(Margin(), jitter(0.1), BURST).seconds for _ in range(2))
    assert first == second
