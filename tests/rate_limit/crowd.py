"""Simulated runs that share a pool: each books, uses, is late, withdraws, pauses or is killed."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from importer.rate_limit import AHEAD_S, ON_TIME_S, Booking, DailyCapReached, NotYet, SlotPool, SlotRequest
from importer.rate_limit.pool_text import pool_from_text, pool_to_text

LONGEST_PAUSE_S = 3600.0
Ending = Literal["used", "alone", "late", "given back", "throttled", "dies"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a run does with one booking. ``delay``: how late it is, as a part of the allowed delay."""

    ending: Ending = "used"
    delay: float = 0.0
    thinks_s: float = 0.0  # before it request
    pause_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Use:
    """A call. ``order``: the position of its booking among all. ``limit``, ``ceiling``: what it had to keep."""

    run: str
    at: float
    order: int
    limit: int
    ceiling: int


@dataclass
class Run:
    """One run and its steps. After them it continues as ``forever`` says, or leaves."""

    request: SlotRequest
    steps: Sequence[Step] = ()
    forever: Step | None = None
    starts_at: float = 0.0
    asked_at: float = float("-inf")
    done: int = 0

    def next_step(self) -> Step | None:
        """Return the next step; ``None`` at the end."""
        return self.steps[self.done] if self.done < len(self.steps) else self.forever


@dataclass
class Crowd:
    """Some runs and their pool. ``as_text``: the pool is written as text and read again at every change."""

    runs: Sequence[Run]
    as_text: bool = False
    pool: SlotPool = field(default_factory=SlotPool)
    now: float = 0.0
    uses: list[Use] = field(default_factory=list)
    held_back: list[tuple[float, float]] = field(default_factory=list)  # pauses, from and to
    asked: int = 0

    def go(self, until: float) -> list[Use]:
        """Let time pass, and return all calls, the earliest first."""
        order = itertools.count()
        agenda: list[tuple[float, int, Run, tuple[Booking, int, int] | None]] = []
        for run in self.runs:
            heapq.heappush(agenda, (run.starts_at + self._thinks(run), next(order), run, None))
        bookings = itertools.count()
        while agenda and agenda[0][0] <= until:
            self.now, _, run, held = heapq.heappop(agenda)
            self._reread()
            if held is None:
                answer = self._ask(run)
                if isinstance(answer, NotYet):
                    due = max(answer.at - AHEAD_S, self.now + 1e-6)
                    heapq.heappush(agenda, (due, next(order), run, None))
                elif isinstance(answer, Booking):
                    held = (answer, next(bookings), self._limit(run))
                    heapq.heappush(agenda, (self._acts_at(run, answer), next(order), run, held))
            elif (asks_at := self._act(run, *held)) is not None:
                heapq.heappush(agenda, (asks_at, next(order), run, None))
        self.now = until
        return sorted(self.uses, key=lambda use: use.at)

    def _ask(self, run: Run) -> Booking | NotYet | DailyCapReached:
        run.asked_at = self.now
        self.asked += 1
        answer = self.pool.book(run.request, self.now)
        if isinstance(answer, Booking):
            assert self.now <= answer.at <= self.now + AHEAD_S + 1e-9
            assert answer.at >= self.pool.paused_until
        return answer

    def _limit(self, run: Run) -> int:
        """Return the smallest limit of the runs that asked for a slot within a period, and of the run itself."""
        period_s = run.request.rate.period_s
        live = [other.request.rate.calls for other in self.runs if self.now - other.asked_at <= period_s]
        return min(*live, run.request.rate.calls)

    @staticmethod
    def _acts_at(run: Run, booking: Booking) -> float:
        step = run.next_step()
        assert step is not None
        if step.ending == "late":
            return booking.at + ON_TIME_S * (1 + step.delay) + 1e-6
        return booking.at + ON_TIME_S * step.delay

    def _act(self, run: Run, booking: Booking, order: int, limit: int) -> float | None:
        """Carry out the step of a booking; return when the run asks again."""
        step = run.next_step()
        assert step is not None
        if step.ending == "dies":
            return None
        paused = self.pool.paused_until > self.now
        if paused or step.ending in {"given back", "late"}:
            self.pool.give_back(booking, run.request.run)
            if step.ending != "given back":
                run.done += step.ending == "late"
                return self.now if run.next_step() is not None else None
        else:
            self.pool.mark_used(booking, run.request.run, self.now, alone=step.ending == "alone")
            ceiling = int(run.request.ceiling)
            self.uses.append(Use(run=run.request.run, at=self.now, order=order, limit=limit, ceiling=ceiling))
            if step.ending == "throttled":
                self.pool.pause_after_429(run.request, self.now, sent_at=self.now, wait_s=step.pause_s)
                self.held_back.append((self.now, self.now + step.pause_s))
        run.done += 1
        if run.next_step() is None:
            self.pool.remove_run(run.request.run)
            run.asked_at = float("-inf")
            return None
        return self.now + self._thinks(run)

    @staticmethod
    def _thinks(run: Run) -> float:
        step = run.next_step()
        return step.thinks_s if step is not None else 0.0

    def _reread(self) -> None:
        if self.as_text:
            counted = self.pool.new_calls
            self.pool = pool_from_text(pool_to_text(self.pool), self.now, LONGEST_PAUSE_S)
            self.pool.new_calls = counted


def assert_kept(uses: Sequence[Use], period_s: float) -> None:
    """Check that no window of a period, both ends included, has more calls than its last booking allows.

    Nor more calls than the ceiling of its last call, among runs with no higher ceiling.
    """
    uses = sorted(uses, key=lambda use: use.at)
    for index, first in enumerate(uses):
        window = [use for use in uses[index:] if use.at - first.at <= period_s]
        last = max(window, key=lambda use: use.order)
        assert len(window) <= last.limit, (len(window), last.limit, first.at)
        modest = sum(use.ceiling <= last.ceiling for use in window)
        assert modest <= last.ceiling, (modest, last.ceiling, first.at)
