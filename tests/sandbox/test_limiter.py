"""The three ways of counting calls, with a simulated clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.models import Rate
from importer.sandbox.limiter import Algorithm, make_limiter

RATE = Rate(3, 5)


def allowed_calls(algorithm: Algorithm, times: list[float]) -> list[bool]:
    limiter = make_limiter(algorithm, RATE)
    return [limiter.take(now_s) for now_s in times]


@pytest.mark.parametrize(
    ("algorithm", "times", "expected"),
    [
        pytest.param("sliding", [0, 0, 0, 0], [True, True, True, False], id="sliding: the burst is the limit"),
        pytest.param("sliding", [0, 4, 4, 5], [True, True, True, False], id="sliding: both ends count"),
        pytest.param("sliding", [0, 4, 4, 5.1, 5.2], [True, True, True, True, False], id="sliding: one leaves"),
        pytest.param("fixed", [4, 4, 4, 4.9, 5], [True, True, True, False, True], id="fixed: a new window"),
        pytest.param("fixed", [4, 4, 4, 5, 5, 5, 9.9], [True] * 6 + [False], id="fixed: two bursts at the seam"),
        pytest.param("bucket", [100, 100, 100, 100], [True, True, True, False], id="bucket: full at first"),
        pytest.param("bucket", [0, 0, 0, 1.6, 1.7], [True, True, True, False, True], id="bucket: a token in 5/3 s"),
        pytest.param("bucket", [0, 100, 100, 100, 100], [True, True, True, True, False], id="bucket: never overfull"),
    ],
)
def test_each_algorithm_allows_exactly_its_calls(
    algorithm: Algorithm, times: list[float], expected: list[bool]
) -> None:
    """As its kind of gateway does."""
    assert allowed_calls(algorithm, times) == expected


@pytest.mark.parametrize(
    ("algorithm", "later_s"), [("sliding", 5.01), ("fixed", 5.0), ("bucket", 5 / 3)], ids=["sliding", "fixed", "bucket"]
)
def test_a_refused_call_consumes_nothing(algorithm: Algorithm, later_s: float) -> None:
    """Refused calls never delay the next allowed one."""
    limiter = make_limiter(algorithm, RATE)
    refused = [limiter.take(0) for _ in range(100)][3:]
    assert not any(refused)
    assert limiter.take(later_s + 1e-9)


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_sliding_window_has_more_calls_than_the_limit(gaps_s: list[float]) -> None:
    """At any start of the window."""
    limiter, now_s, taken = make_limiter("sliding", RATE), 0.0, list[float]()
    for gap_s in gaps_s:
        now_s += gap_s
        if limiter.take(now_s):
            taken.append(now_s)
    assert all(sum(start <= time <= start + RATE.period_s for time in taken) <= RATE.calls for start in taken)
