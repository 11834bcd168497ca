"""Shows the progress of one or more runs: a bar on a terminal, a log line every ten seconds elsewhere."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from importer.cli.output import log
from importer.models import Rate, Status
from importer.runtime.display_text import duration, limit_text
from importer.runtime.events import CallEnded, Event, RowSettled, SendingEnded, SendingGoesOn, SendingStarted

_LINE_EVERY_S = 10.0
_RATE_OVER_S = 30.0
_SHOWN = (Status.CREATED, Status.FAILED, Status.UNKNOWN)


@dataclass
class Figures:
    """Counts and rates of the runs that send at the same time. ``clock`` returns seconds."""

    total: int
    limit: Rate
    clock: Callable[[], float]
    done: Counter[Status] = field(default_factory=Counter)
    calls: deque[float] = field(default_factory=deque)
    calls_left: float | None = None  # calls per period, if other programs use the account

    def __post_init__(self) -> None:
        self._started = self.clock()

    def add_run(self, rows: int, limit: Rate) -> None:
        """Add the rows and the limit of a run that sends at the same time."""
        self.total += rows
        self.limit = Rate(
            self.limit.calls + round(limit.calls * self.limit.period_s / limit.period_s), self.limit.period_s
        )

    def called(self) -> None:
        """Count a call."""
        self.calls.append(self.clock())

    def text(self) -> str:
        """Return the time left at this rate, the counts, and the rate beside the limit."""
        counts = ", ".join(f"{self.done[status]:,} {status}" for status in _SHOWN)
        others = "" if self.calls_left is None else f", other programs leave {self.calls_left:.0f}"
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
        """Return the rate of the last half minute, or ``None`` at the start, when there are too few calls."""
        now = self.clock()
        while self.calls and now - self.calls[0] >= _RATE_OVER_S:
            self.calls.popleft()
        over_s, period_s = min(_RATE_OVER_S, now - self._started), self.limit.period_s
        if over_s <= 2 * period_s:
            return None
        # Calls go out in bursts at the start of each period, so a period that has begun counts as a whole one.
        return len(self.calls) / (math.ceil(over_s / period_s) * period_s)

    @property
    def _limit_per_s(self) -> float:
        return self.limit.calls / self.limit.period_s


class ProgressLines:
    """Listens to the events of sending: a log line at most every ten seconds, without a terminal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._figures = Figures(total=0, limit=Rate(1, 1.0), clock=clock)
        self._runs = 0  # that send now
        self._next_at = 0.0

    def listen(self, event: Event) -> None:
        """Count calls and rows, and show them now and then."""
        match event:
            case SendingStarted(rows, limit):
                self._runs += 1
                if self._runs == 1:
                    self._figures = Figures(total=rows, limit=limit, clock=self._clock)
                    self._start()
                else:
                    self._figures.add_run(rows, limit)
            case CallEnded():
                self._figures.called()
            case RowSettled():
                self._figures.done[event.status] += 1
                self._advance()
            case SendingGoesOn(calls_left):
                self._figures.calls_left = calls_left if self._runs == 1 else None
                self._show()
            case SendingEnded():
                self._runs -= 1
                if not self._runs:
                    self._end()

    def _start(self) -> None:
        self._next_at = self._clock() + _LINE_EVERY_S

    def _advance(self) -> None:
        """Show that one more row is done."""

    def _show(self) -> None:
        if self._clock() >= self._next_at:
            self._next_at = self._clock() + _LINE_EVERY_S
            done, total = self._figures.done.total(), self._figures.total
            log.info("%s of %s rows: %s", f"{done:,}", f"{total:,}", self._figures.text())

    def _end(self) -> None:
        """Show that no row is in flight any more."""


class ProgressBar(ProgressLines):
    """A tqdm bar on standard error, below the log lines. If the terminal is closed, the run goes on without it."""

    _bar: tqdm[Any] | None = None
    _redirect: contextlib.AbstractContextManager[None] = contextlib.nullcontext()

    def _start(self) -> None:
        self._redirect = logging_redirect_tqdm(loggers=[log])
        self._redirect.__enter__()
        layout = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"
        with self._until_closed():
            self._bar = tqdm(total=self._figures.total, bar_format=layout, dynamic_ncols=True, mininterval=0.2)

    def _advance(self) -> None:
        with self._until_closed():
            if self._bar is not None:
                self._bar.update(1)  # redraws now and then; `_show` updates the text

    def _show(self) -> None:
        with self._until_closed():
            if self._bar is not None:
                self._bar.total = self._figures.total
                self._bar.set_postfix_str(self._figures.text())

    def _end(self) -> None:
        self._show()
        with self._until_closed():
            if self._bar is not None:
                self._bar.close()
        self._redirect.__exit__(None, None, None)

    @contextlib.contextmanager
    def _until_closed(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            if self._bar is not None:
                self._bar.disable = True
            self._bar = None
