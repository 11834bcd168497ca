"""What is shown while a run goes on, under a clock that the tests turn."""

from __future__ import annotations

import logging

import pytest

from importer.cli.progress import Figures, ProgressLines
from importer.models import Rate, Status
from importer.runtime.display_text import duration
from importer.runtime.events import CallEnded, RowSettled, SendingGoesOn, SendingStarted


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def figures(clock: Clock) -> Figures:
    return Figures(total=1000, limit=Rate(25, 5), clock=clock)


def work(figures: Figures, clock: Clock, *, seconds: int, calls_per_s: int) -> None:
    """So many seconds pass, every call makes a ticket."""
    for _ in range(seconds):
        clock.now += 1
        for _ in range(calls_per_s):
            figures.called()
            figures.done[Status.CREATED] += 1


def test_the_first_estimate_comes_from_the_limit(figures: Figures):
    """Before there is a rate to speak of, the time left is what the limit allows, and no rate is made up."""
    assert figures.text() == "3 min 20 s left, 0 created, 0 failed, 0 unknown, limit 25 per 5 s"


def test_the_rate_is_that_of_the_last_half_minute(figures: Figures, clock: Clock):
    """Rate and time left follow from the calls of the last 30 s, not from the whole run."""
    work(figures, clock, seconds=100, calls_per_s=5)
    assert figures.text() == "1 min 40 s left, 500 created, 0 failed, 0 unknown, 25.0 of 25 per 5 s"
    work(figures, clock, seconds=40, calls_per_s=1)
    assert figures.text() == "7 min 40 s left, 540 created, 0 failed, 0 unknown, 5.0 of 25 per 5 s"


def test_a_standstill_shows_no_estimate(figures: Figures, clock: Clock):
    """When nothing has moved for half a minute, no old rate is shown and no time left is promised."""
    work(figures, clock, seconds=20, calls_per_s=5)
    clock.now += 31
    assert figures.text() == "waiting, 100 created, 0 failed, 0 unknown, 0.0 of 25 per 5 s"


def test_a_finished_run_shows_done(figures: Figures, clock: Clock):
    """When the last row is done there is no time left, whatever the rate."""
    work(figures, clock, seconds=20, calls_per_s=49)
    figures.done[Status.FAILED] += 15
    figures.done[Status.UNKNOWN] += 5
    assert figures.text().startswith("done, 980 created, 15 failed, 5 unknown, ")


def test_a_line_every_ten_seconds(clock: Clock, caplog: pytest.LogCaptureFixture):
    """Without a terminal there is a line after ten seconds and every ten from then on, however often it ticks."""
    caplog.set_level(logging.INFO, logger="importer")
    lines = ProgressLines(clock)
    lines.listen(SendingStarted(1_000, Rate(25, 5.0)))
    settled = RowSettled(
        row=2, key="1", cells=(), status=Status.CREATED, ids=None, code="", error="", attempts=1, is_repeated=False
    )
    for _ in range(35):
        clock.now += 1
        for event in (CallEnded("created"), settled, SendingGoesOn(None), SendingGoesOn(None)):
            lines.listen(event)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "10 of 1,000 rows",
        "20 of 1,000 rows",
        "30 of 1,000 rows",
    ]
    assert caplog.records[0].getMessage().endswith("10 created, 0 failed, 0 unknown, limit 25 per 5 s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (79, "1 min 19 s"),
        (600.4, "10 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (20_160, "5 h 36 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations_are_readable(seconds: float, text: str):
    """A duration has readable units, never 60 of the smaller one, and is never rounded up to a longer one."""
    assert duration(seconds) == text
