"""The simulated account: counts calls, creates tickets, fails sometimes, and has foreign traffic."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from importer.leadsquared.answers import Answer, Created, Throttled, Unclear
from importer.models import TicketIds
from importer.sandbox.limiter import make_limiter
from tests.simulation.scenario import HOUR_S, Foreign, Scenario

Reply = Callable[[Answer], None]
_GATEWAY_ERROR = Unclear("server-error", "503 Service Unavailable", 503)


@dataclass
class Calls:
    """Numbers of accepted and refused (429) calls; ``by_day``: in the hours of foreign traffic."""

    taken: int = 0
    refused: int = 0
    taken_by_day: int = 0
    refused_by_day: int = 0

    def note(self, *, taken: bool, by_day: bool) -> None:
        """Count one call."""
        self.taken += taken
        self.refused += not taken
        self.taken_by_day += taken and by_day
        self.refused_by_day += by_day and not taken


class Account:
    """Receives calls, even if their sender has been killed."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._loop = asyncio.get_running_loop()
        self._chance = random.Random(f"{scenario.seed}/account")
        self._limiter = make_limiter("sliding", scenario.rate)
        self._window: deque[float] = deque()
        self.made = bytearray(scenario.tickets)  # how many tickets each row has become
        self.ours = Calls()
        self.theirs = Calls()
        self.errors = 0
        self.most_in_window = 0  # of our calls, those refused included; both ends of a window belong to it
        self.last_made_at = 0.0
        if scenario.foreign is not None:
            self._rest(scenario.foreign)

    def arrive(self, row: int, reply: Reply) -> None:
        """Receive a call whose headers arrive now; ``reply`` is called when its answer is back."""
        now = self._loop.time()
        self._count(now)
        taken = self._limiter.take(now)
        self.ours.note(taken=taken, by_day=self._scenario.is_day(now))
        answer: Answer
        if not taken:
            answer = Throttled(None)
        elif self._chance.random() < self._scenario.errors:
            self.errors += 1
            answer = _GATEWAY_ERROR
        else:
            self.made[row] += 1
            self.last_made_at = now
            answer = Created(TicketIds(number=str(row)))
        network = self._scenario.network
        takes_s = self._chance.uniform(*network.way_s) + (self._chance.uniform(*network.server_s) if taken else 0.0)
        self._loop.call_later(takes_s, reply, answer)

    def _count(self, now: float) -> None:
        window = self._window
        window.append(now)
        while now - window[0] > self._scenario.rate.period_s:
            window.popleft()
        self.most_in_window = max(self.most_in_window, len(window))

    # -- foreign traffic --------------------------------------------------------------------------------------------

    def _rest(self, foreign: Foreign) -> None:
        self._loop.call_later(foreign.rest_s, self._begin, foreign)

    def _begin(self, foreign: Foreign) -> None:
        now = self._loop.time()
        if not self._scenario.is_day(now):
            self._loop.call_later(HOUR_S / 60, self._begin, foreign)
            return
        self._work(foreign, now + self._chance.uniform(*foreign.work_s))

    def _work(self, foreign: Foreign, until_s: float) -> None:
        next_at = self._loop.time() + self._chance.expovariate(foreign.rate.calls / foreign.rate.period_s)
        if next_at >= until_s or not self._scenario.is_day(next_at):
            self._rest(foreign)
            return
        self._loop.call_at(next_at, self._call, foreign, until_s)

    def _call(self, foreign: Foreign, until_s: float) -> None:
        now = self._loop.time()
        self.theirs.note(taken=self._limiter.take(now), by_day=True)
        self._work(foreign, until_s)
