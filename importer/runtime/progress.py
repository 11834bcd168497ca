"""What a person sees while a run goes on: a bar on a terminal, a line every ten seconds elsewhere, or nothing."""

from __future__ import annotations

import contextlib
import logging
import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from importer.models import Rate, Status

_LINE_EVERY_S = 10.0
_RATE_OVER_S = 30.0
_SHOWN = (Status.CREATED, Status.FAILED, Status.UNKNOWN)

log = logging.getLogger("importer")


class Progress(Protocol):
    """How far a run is. Used as a context manager; does nothing by default."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def called(self) -> None:
        """One call to the API ended."""

    def finished(self, status: Status) -> None:
        """One row is done."""

    def tick(self) -> None:
        """About a second has passed."""

    def left_for_us(self, calls: float | None) -> None:
        """Others use the account, too, and leave so many calls a period; ``None``: nobody else does."""


class SilentProgress:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def called(self) -> None:
        """Do nothing."""

    def finished(self, status: Status) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""

    def left_for_us(self, calls: float | None) -> None:
        """Do nothing."""


@dataclass
class Figures:
    """Counts and rates of one run. ``clock`` gives seconds."""

    total: int
    limit: Rate
    clock: Callable[[], float]
    done: Counter[Status] = field(default_factory=Counter)
    calls: deque[float] = field(default_factory=deque)
    left_for_us: float | None = None  # calls per period, where others use the account, too

    def __post_init__(self) -> None:
        self._started = self.clock()

    def called(self) -> None:
        """Count a call."""
        self.calls.append(self.clock())

    def text(self) -> str:
        """The time still to go at this rate, the counts, and the rate against the limit."""
        counts = ", ".join(f"{self.done[status]:,} {status}" for status in _SHOWN)
        others = "" if self.left_for_us is None else f", giving way to others: {self.left_for_us:.0f} for us"
        rate = self._calls_per_s()
        if rate is None:
            return f"{self._time_left(self._limit_per_s)}, {counts}, limit {limit_text(self.limit)}{others}"
        shown = f"{rate * self.limit.period_s:.1f} of {limit_text(self.limit)}"
        return f"{self._time_left(rate)}, {counts}, {shown}{others}"

    def _time_left(self, calls_per_s: float) -> str:
        if left := self.total - self.done.total():
            return f"{duration(left / calls_per_s)} left" if calls_per_s else "waiting"
        return "done"

    def _calls_per_s(self) -> float | None:
        """By the calls of the last half minute; ``None`` in the beginning, when there are too few of them."""
        now = self.clock()
        while self.calls and now - self.calls[0] >= _RATE_OVER_S:
            self.calls.popleft()
        over_s, period_s = min(_RATE_OVER_S, now - self._started), self.limit.period_s
        if over_s <= 2 * period_s:
            return None
        # Calls go out in bursts, one at the start of each period: a period that has begun counts as a whole one.
        return len(self.calls) / (math.ceil(over_s / period_s) * period_s)

    @property
    def _limit_per_s(self) -> float:
        return self.limit.calls / self.limit.period_s


class ProgressBar:
    """A tqdm bar on standard error; log lines go above it. It vanishes with its terminal, and the run goes on."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._bar: tqdm[Any] | None = None
        self._redirect = logging_redirect_tqdm(loggers=[log])

    def __enter__(self) -> Self:
        self._redirect.__enter__()
        layout = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"
        with self._while_there():
            self._bar = tqdm(total=self._figures.total, bar_format=layout, dynamic_ncols=True, mininterval=0.2)
        return self

    def __exit__(self, *_: object) -> None:
        self.tick()
        with self._while_there():
            if self._bar is not None:
                self._bar.close()
        self._redirect.__exit__(None, None, None)

    def called(self) -> None:
        """Count a call."""
        self._figures.called()

    def finished(self, status: Status) -> None:
        """Move the bar."""
        self._figures.done[status] += 1
        with self._while_there():
            if self._bar is not None:
                self._bar.update(1)  # draws at times; `tick` sees to the text

    def tick(self) -> None:
        """Show what has changed by time alone."""
        with self._while_there():
            if self._bar is not None:
                self._bar.set_postfix_str(self._figures.text())

    def left_for_us(self, calls: float | None) -> None:
        """Show whether others are given way to."""
        self._figures.left_for_us = calls

    @contextlib.contextmanager
    def _while_there(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            if self._bar is not None:
                self._bar.disable = True
            self._bar = None


class ProgressLines:
    """A log line at most every ten seconds, for where there is no terminal."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._next_at = figures.clock() + _LINE_EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def called(self) -> None:
        """Count a call."""
        self._figures.called()

    def tick(self) -> None:
        """Log if it is time."""
        if self._figures.clock() >= self._next_at:
            self._next_at = self._figures.clock() + _LINE_EVERY_S
            done, total = self._figures.done.total(), self._figures.total
            log.info("%s of %s rows: %s", f"{done:,}", f"{total:,}", self._figures.text())

    def left_for_us(self, calls: float | None) -> None:
        """Say whether others are given way to, when it is time for a line."""
        self._figures.left_for_us = calls

    def finished(self, status: Status) -> None:
        """Count."""
        self._figures.done[status] += 1


def limit_text(limit: Rate) -> str:
    """Write a limit as people do: ``25 per 5 s``."""
    return f"{limit.calls:,} per {limit.period_s:g} s"


def duration(seconds: float) -> str:
    """Write a duration as people do: ``45 s``, ``12 min``, ``5 h 36 min``, ``2 d 7 h``."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds, minutes, hours
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:  # noqa: PLR2004
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
