"""What a person sees while a run goes on: a bar on a terminal, a line every ten seconds elsewhere, or nothing."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from importer.models import Rate, Status

_LINE_EVERY_S = 10.0
_RATE_OVER_S = 30.0

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


class Silent:
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


@dataclass
class Figures:
    """Counts and rates of one run. ``clock`` gives seconds."""

    total: int
    limit: Rate
    clock: Callable[[], float]
    done: Counter[Status] = field(default_factory=Counter)
    calls: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def called(self) -> None:
        """Count a call."""
        now = self.clock()
        self.calls.append(now)
        while now - self.calls[0] > _RATE_OVER_S:
            self.calls.popleft()

    def text(self) -> str:
        """The counts, the rate against the limit, and how long it will still take at this rate."""
        done, now = self.done.total(), self.clock()
        over_s = min(_RATE_OVER_S, now - self._started)
        calls_per_period = len(self.calls) / over_s * self.limit.period_s if over_s > self.limit.period_s else 0.0
        shown = [f"{self.done[status]} {status}" for status in (Status.CREATED, Status.FAILED, Status.UNKNOWN)]
        rate = f"{calls_per_period:.1f}/{self.limit}" if calls_per_period else f"limit {self.limit}"
        return f"{', '.join(shown)}, {rate} s, {duration(self._left_s(done, over_s))} left"

    def _left_s(self, done: int, over_s: float) -> float:
        """By the calls of the last half minute; by the limit while there are too few of them."""
        left = self.total - done
        per_s = len(self.calls) / over_s if over_s > 2 * self.limit.period_s else 0.0
        return left / (per_s or self.limit.calls / self.limit.period_s)


class Bar:
    """A tqdm bar on standard error; log lines go above it."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._bar: tqdm[Any] | None = None
        self._redirect = logging_redirect_tqdm(loggers=[log])

    def __enter__(self) -> Self:
        self._redirect.__enter__()
        layout = "{percentage:3.0f}%|{bar:24}| {n_fmt}/{total_fmt} [{elapsed}] {postfix}"
        self._bar = tqdm(total=self._figures.total, bar_format=layout, dynamic_ncols=True, mininterval=0.2, unit="row")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self._figures.text())
            self._bar.close()
        self._redirect.__exit__(None, None, None)

    def called(self) -> None:
        """Count a call."""
        self._figures.called()

    def finished(self, status: Status) -> None:
        """Move the bar."""
        self._figures.done[status] += 1
        self._show(1)

    def tick(self) -> None:
        """Show what has changed by time alone."""
        if self._bar is not None:
            self._bar.set_postfix_str(self._figures.text())

    def _show(self, rows: int) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self._figures.text(), refresh=False)
            self._bar.update(rows)


class Lines:
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
            log.info("%d of %d rows: %s", self._figures.done.total(), self._figures.total, self._figures.text())

    def finished(self, status: Status) -> None:
        """Count."""
        self._figures.done[status] += 1


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
