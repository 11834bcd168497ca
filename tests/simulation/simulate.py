"""Simulates a scenario: one process after another, until every row has a final state."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from importer.rate_limit import SlotPool
from tests import fake_time
from tests.simulation.account import Account, Calls
from tests.simulation.disk import RowStates, State, reread
from tests.simulation.process import Process
from tests.simulation.scenario import HOUR_S, Scenario

Progress = Callable[[float, int], None]
"""Told the simulated seconds and how many rows are tickets, once a simulated hour."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The result of a scenario. Rows are counted in the ledger, tickets and calls in the account; times in seconds."""

    scenario: Scenario
    took_s: float
    rows: dict[State, int]
    twice: int  # rows that became more than one ticket
    untrue: int  # rows that are a ticket in one place, and surely none in the other
    broken: tuple[str, ...]  # how the protocol of intents was broken
    endings: tuple[str, ...]  # why a process ended by itself before it was done
    crashes: int
    given_up: int  # rows that crashes left without an end
    errors: int
    ours: Calls
    theirs: Calls
    most_in_window: int

    @property
    def calls(self) -> int:
        """The number of calls of the importer that arrived."""
        return self.ours.taken + self.ours.refused

    @property
    def ideal_s(self) -> float:
        """The shortest time for the accepted calls: one burst, and one more each period."""
        rate = self.scenario.rate
        return (self.ours.taken - 1) // rate.calls * rate.period_s

    @property
    def longer(self) -> float:
        """By which part of the ideal time it took longer."""
        return self.took_s / self.ideal_s - 1

    @property
    def lost(self) -> int:
        """The number of rows without an outcome, and of unknown rows that no crash or error explains."""
        explained = self.given_up + (0 if self.scenario.repeats else self.errors)
        unexplained = max(0, self.rows[State.UNKNOWN] - explained)
        return self.rows[State.PENDING] + self.rows[State.SENDING] + self.rows[State.FAILED] + unexplained

    @property
    def reached_by_day(self) -> float:
        """The importer's calls by day, as a part of what others left."""
        rate = self.scenario.rate
        left = self.scenario.day_s(self.took_s) * rate.calls / rate.period_s - self.theirs.taken
        return self.ours.taken_by_day / left if left > 0 else 1.0


def simulate(scenario: Scenario, progress: Progress = lambda _at, _made: None) -> Facts:
    """Simulate to the end. Raises fake_time.Stuck if all tasks wait and no timer is set."""
    return fake_time.run(_simulate(scenario, progress))


async def _simulate(scenario: Scenario, progress: Progress) -> Facts:
    loop = asyncio.get_running_loop()
    chance = random.Random(f"{scenario.seed}/crashes")
    account, row_states, pool = Account(scenario), RowStates(scenario.tickets), SlotPool()
    endings: list[str] = []
    crashes = given_up = 0

    def report() -> None:
        progress(loop.time(), row_states.states.count(State.CREATED))
        loop.call_later(HOUR_S, report)

    loop.call_later(HOUR_S, report)
    while True:
        process = Process(scenario, account, row_states, pool, number=crashes)
        working = asyncio.create_task(process.run())
        await asyncio.wait({working}, timeout=chance.expovariate(1 / scenario.crash_every_s))
        if working.done():
            if (ending := working.result()) is not None:
                endings.append(str(ending))
            break
        await process.die()
        crashes += 1
        given_up += row_states.crashed()
        pool = reread(pool, loop.time())
        await asyncio.sleep(chance.uniform(*scenario.restart_s))
    return Facts(
        scenario=scenario,
        took_s=loop.time(),
        rows={state: row_states.states.count(state) for state in State},
        twice=len(account.made) - account.made.count(0) - account.made.count(1),
        untrue=_untrue(row_states, account),
        broken=tuple(row_states.broken),
        endings=tuple(endings),
        crashes=crashes,
        given_up=given_up,
        errors=account.errors,
        ours=replace(account.ours),
        theirs=replace(account.theirs),
        most_in_window=account.most_in_window,
    )


def _untrue(row_states: RowStates, account: Account) -> int:
    """Return the rows whose state contradicts the account. Unknown rows may be a ticket or not."""
    return sum(
        state != State.UNKNOWN and (state == State.CREATED) != (made > 0)
        for state, made in zip(row_states.states, account.made, strict=True)
    )
