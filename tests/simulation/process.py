"""One process of the importer until it ends or is killed: the real submission on a simulated network."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import replace
from typing import Any, cast

from importer.errors import ImporterError
from importer.leadsquared.answers import Answer, AnswerReader
from importer.leadsquared.connections import RequestGate
from importer.leadsquared.requests import Request
from importer.rate_limit import SlotPool
from importer.rate_limit.limiter import RateLimiter
from importer.runtime.events import Event, RowSettled, Warned
from importer.submission.context import SubmissionContext
from importer.submission.retry import RetryPolicy
from importer.submission.submit import Submission
from importer.workflows.options import Options
from importer.workflows.send_options import SendOptions
from tests.simulation.account import Account
from tests.simulation.disk import Disk, RowStates, SimulatedJournal, SimulatedSlotStorage, State
from tests.simulation.scenario import Scenario


class SimulatedClient:
    """Opens and keeps connections like ``leadsquared.client.Client``. Requests that have left arrive."""

    def __init__(self, scenario: Scenario, account: Account, row_states: RowStates, chance: random.Random) -> None:
        self._network = scenario.network
        self._account = account
        self._row_states = row_states
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._idle: deque[float] = deque()  # since when, the longest first

    async def send(self, request: Request, gate: RequestGate, _read: AnswerReader) -> Answer:
        """Send one ticket; its row is the title."""
        row = int(request.title)
        await self._connect()
        await gate.wait_until_allowed()
        if self._row_states.states[row] != State.SENDING:
            self._row_states.broken.append(f"row {row} went out without a durable intent")
        gate.on_first_byte()
        answered: asyncio.Future[Answer] = self._loop.create_future()

        def reply(answer: Answer) -> None:
            if not answered.done():
                answered.set_result(answer)

        self._loop.call_later(self._chance.uniform(*self._network.way_s), self._account.arrive, row, reply)
        answer = await answered
        self._idle.append(self._loop.time())
        return answer

    async def _connect(self) -> None:
        idle, now = self._idle, self._loop.time()
        while idle and now - idle[0] >= self._network.kept_s:
            idle.popleft()
        if idle:
            idle.pop()
        else:
            await asyncio.sleep(self._chance.uniform(*self._network.connect_s))


def _began(task: asyncio.Task[Any]) -> int:
    """Return the number that asyncio gave the task at its start."""
    return int(task.get_name().rpartition("-")[2])


class Process:
    """One process. ``pool`` and ``row_states`` outlive it."""

    def __init__(
        self, scenario: Scenario, account: Account, row_states: RowStates, pool: SlotPool, *, number: int
    ) -> None:
        self._scenario = scenario
        self._row_states = row_states
        self._number = number
        self._chance = random.Random(f"{scenario.seed}/process {number}")
        # Rows and slots are written down by two threads: a crash may find the one done and the other not.
        self._disks = (Disk(scenario.network.commit_s), Disk(scenario.network.commit_s))
        self._journal = SimulatedJournal(row_states, self._disks[0])
        self._slots = SimulatedSlotStorage(pool, self._disks[1])
        self._client = SimulatedClient(scenario, account, row_states, self._chance)
        self.notes: list[str] = []

    async def run(self) -> ImporterError | None:
        """Send all rows; return the reason if it stopped early, or nothing."""
        sending = SendOptions(
            rate=self._scenario.rate,
            policy=RetryPolicy(retry_statuses=frozenset({503} if self._scenario.repeats else ())),
            options=Options(concurrency=1_000),
        )
        limits = sending.limiter_options(f"run-{self._number}", self._row_states.states.count(State.PENDING))
        async with RateLimiter(limits, self._slots) as limiter:
            means = SubmissionContext(
                client=cast("Any", self._client),
                limiter=limiter,
                journal=cast("Any", self._journal),
                emit=self._listen,
            )
            submission = Submission(means, replace(sending.submission_options(), jitter=self._chance.random))
            return await submission.run(self._row_states.to_send())

    async def die(self) -> None:
        """End at once. The transaction that is being committed may be lost."""
        for disk in self._disks:
            disk.die(committed=self._chance.random() < 0.5)
        this = asyncio.current_task()
        # In the order in which they began: a set's order is another one each time, and so would be the rounds it takes.
        while tasks := sorted(asyncio.all_tasks() - {this}, key=_began):
            for task in tasks:  # again and again: what cleans up would wait for a disk that never answers
                task.cancel()
            await asyncio.sleep(0)
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.exception()  # nobody is left to be told

    def _listen(self, event: Event) -> None:
        match event:
            case RowSettled(row=row):
                self._row_states.unsettled.discard(row)
            case Warned(text):
                self.notes.append(text)
