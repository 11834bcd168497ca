"""The requests in flight, and why and when the run ends."""

from __future__ import annotations

import asyncio
import contextlib
import math

from importer.errors import CapReached, ImporterError, as_ending
from importer.submission.gate import RowGate


class RequestsInFlight:
    """The requests in flight: those at their gates, and those that were sent and have no outcome yet."""

    def __init__(self) -> None:
        self._gates: dict[asyncio.Task[None], RowGate] = {}

    def __len__(self) -> int:
        return len(self._gates)

    def add(self, task: asyncio.Task[None], gate: RowGate) -> None:
        """Add the task that sends a request."""
        self._gates[task] = gate

    def remove(self, task: asyncio.Task[None]) -> RowGate:
        """Remove a task that has ended; return its gate."""
        return self._gates.pop(task)

    def withdraw_unsent(self) -> None:
        """Cancel the requests that are not sent yet."""
        self._cancel(sent_too=False)

    def abort(self) -> None:
        """Cancel all requests; those that were sent become unknown."""
        self._cancel(sent_too=True)

    def _cancel(self, *, sent_too: bool) -> None:
        for task, gate in self._gates.items():
            if not gate.call_ended and (sent_too or not gate.sent):
                task.cancel()


class Ending:
    """Why the run ends. The sending loop waits for ``changed``, which every change sets that concerns it."""

    def __init__(self, in_flight: RequestsInFlight, grace_s: float) -> None:
        self.reason: ImporterError | None = None
        self.changed = asyncio.Event()
        self._in_flight = in_flight
        self._grace_s = grace_s
        self._drain_until = math.inf
        self._now = asyncio.get_running_loop().time

    def end(self, error: BaseException) -> None:
        """End the run because of an error. Rows in flight are waited for."""
        # A used-up daily cap must not hide an error that would also stop the next day's run.
        if self.reason is None or isinstance(self.reason, CapReached):
            self.reason = as_ending(error)
        if not isinstance(error, CapReached):  # the last calls of the day are booked, and are sent
            self._in_flight.withdraw_unsent()
        self.changed.set()

    def stop(self, reason: ImporterError, *, at_once: bool) -> None:
        """Send no new row. Rows in flight get the grace time, or none with ``at_once``."""
        if self.reason is None:
            self.reason = reason
        now = self._now()
        self._drain_until = min(self._drain_until, now if at_once else now + self._grace_s)
        self._in_flight.withdraw_unsent()
        self.changed.set()

    async def wait_until(self, moment: float) -> None:
        """Wait until something changes, or until a time on the event loop's clock."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(None if math.isinf(moment) else moment):
                await self.changed.wait()
        self.changed.clear()

    async def drain(self) -> None:
        """Wait for the rows in flight. After the grace time they are cancelled, and are unknown."""
        while self._in_flight and self._now() < self._drain_until:
            await self.wait_until(self._drain_until)
        self._in_flight.abort()
        while self._in_flight:
            await self.wait_until(math.inf)
