"""Send rows: each takes a slot, writes its intent, is sent, and has its answer handled."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator

from importer.errors import CapReached, ImporterError, as_ending
from importer.leadsquared.answers import Answer, Unclear
from importer.rate_limit.limiter import Slot
from importer.submission.account_health import AccountHealth
from importer.submission.answer_handler import AnswerHandler
from importer.submission.context import SubmissionContext, SubmissionOptions
from importer.submission.gate import RowGate
from importer.submission.send_queue import QueuedRow, SendQueue

# The least and the longest wait before the loop checks again whether a row may be sent, if nothing changes.
_MIN_WAIT_S = 0.02
_MAX_WAIT_S = 1.0


class Submission:
    """One run that sends the rows of one plan. Use each object once."""

    def __init__(self, context: SubmissionContext, options: SubmissionOptions) -> None:
        self._context = context
        self._options = options
        self._now = asyncio.get_running_loop().time
        self._incoming: asyncio.Queue[QueuedRow] = asyncio.Queue(maxsize=100)
        self._all_read = False
        self._queue = SendQueue()
        self._in_flight: dict[asyncio.Task[None], RowGate] = {}
        self._changed = asyncio.Event()
        self._ending: ImporterError | None = None
        self._drain_until = math.inf
        self._health = AccountHealth(context.limiter, options, on_stop=self._end, on_outage=self._withdraw_unsent)
        self._answers = AnswerHandler(context, options, self._queue, self._health, on_stop=self._end)

    async def run(self, rows: AsyncIterator[QueuedRow]) -> ImporterError | None:
        """Send ``rows``. Return why the run ended before all were done, or ``None``.

        When this returns, the ledger has the outcome of every row that was sent.
        """
        reader = asyncio.create_task(self._read(rows))
        reader.add_done_callback(self._read_ended)
        try:
            while self._ending is None and not self._all_done():
                row = self._take()
                if row is None:
                    await self._wait()
                    continue
                slot = await self._reserve_slot()
                if slot is not None and self._may_send():
                    self._start(row, slot)
                    continue
                self._queue.put_back(row)
                if slot is not None:
                    slot.release()
        except Exception as error:  # noqa: BLE001 - a bug ends the run; rows in flight still get their outcome
            self._end(error)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        await self._drain()
        return self._ending

    def stop(self, reason: ImporterError, *, at_once: bool = False) -> None:
        """Send no new row. Rows in flight get the grace time, or none with ``at_once``."""
        if self._ending is None:
            self._ending = reason
        now = self._now()
        self._drain_until = min(self._drain_until, now if at_once else now + self._options.grace_s)
        self._withdraw_unsent()
        self._changed.set()

    # -- choosing the next row --------------------------------------------------------------------------------------

    async def _read(self, rows: AsyncIterator[QueuedRow]) -> None:
        async for row in rows:
            if row.unsendable_reason:
                await self._answers.fail_unsent(row)
                continue
            await self._incoming.put(row)
            self._changed.set()

    def _read_ended(self, reader: asyncio.Task[None]) -> None:
        self._all_read = True
        self._changed.set()
        if not reader.cancelled() and (error := reader.exception()) is not None:
            self._end(error)

    def _all_done(self) -> bool:
        return self._all_read and self._incoming.empty() and not self._queue and not self._in_flight

    def _take(self) -> QueuedRow | None:
        """Take the next row that may be sent now, if there is one."""
        if not self._may_send():
            return None
        row = self._queue.take(self._now())
        while row is None and self._queue.accepts_new_rows and not self._incoming.empty():
            row = self._incoming.get_nowait()
            if not self._queue.reserve_leads(row):
                self._queue.park(row)
                row = None
        return row

    def _may_send(self) -> bool:
        if self._context.journal.failure is not None:
            self._end(self._context.journal.failure)
        for reason in self._health.stop_reasons():
            self._end(reason)
        return self._ending is None and self._health.may_send(len(self._in_flight))

    async def _wait(self) -> None:
        """Wait until something changes or is due."""
        due_at = min(self._queue.next_due_at(), self._health.next_event_at())
        # A row can be due and not allowed, such as a second probe. The minimum keeps the loop from spinning then.
        now = self._now()
        await self._wait_until(min(max(due_at, now + _MIN_WAIT_S), now + _MAX_WAIT_S))

    async def _wait_until(self, moment: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(None if math.isinf(moment) else moment):
                await self._changed.wait()
        self._changed.clear()

    async def _reserve_slot(self) -> Slot | None:
        """Wait for a slot, until the run ends or no row may be sent."""
        if (slot := self._context.limiter.reserve_now()) is not None:
            return slot
        waiting = asyncio.ensure_future(self._context.limiter.reserve())
        while not waiting.done():
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait((waiting, changed), timeout=_MAX_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            self._changed.clear()
            if self._ending is not None or not self._may_send():
                break
        if waiting.done():
            try:
                return waiting.result()
            except ImporterError as error:  # the slots can't be read
                self._end(error)
                return None
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError, ImporterError):
            return await waiting
        return None

    # -- sending one row --------------------------------------------------------------------------------------------

    def _start(self, row: QueuedRow, slot: Slot) -> None:
        gate = RowGate(row, slot, self._context.journal, self._health.confirmation, probe=self._health.is_outage)
        task = asyncio.create_task(self._send(row, slot, gate))
        self._in_flight[task] = gate
        task.add_done_callback(self._finished)

    async def _send(self, row: QueuedRow, slot: Slot, gate: RowGate) -> None:
        answer: Answer | None = None
        try:
            answer = await self._context.client.send(row.request, gate, row.operation.read_answer)
        except asyncio.CancelledError:
            if gate.sent:
                answer = Unclear("interrupted", "the program was stopped while the request was in flight")
        except ImporterError as error:  # of the gate: nothing was sent
            gate.call_ended = True  # or this task would be cancelled, too, before it has written its outcome
            self._end(error)
        finally:
            gate.call_ended = True
            slot.release()
        if answer is None:
            await self._answers.put_back_unsent(row, gate)
            return
        others = len(self._in_flight) - 1
        await self._answers.handle(row, gate, answer, others=others, stopping=self._ending is not None)

    def _finished(self, task: asyncio.Task[None]) -> None:
        gate = self._in_flight.pop(task)
        self._health.confirmation.call_ended(gate)
        self._changed.set()
        if task.cancelled():  # before its first step
            gate.slot.release()
            self._queue.put_back(gate.row)
        elif (error := task.exception()) is not None:
            self._end(error)

    # -- the end ----------------------------------------------------------------------------------------------------

    def _end(self, error: BaseException) -> None:
        """End the run because of an error. Rows in flight are waited for."""
        # A used-up daily cap must not hide an error that would also stop the next day's run.
        if self._ending is None or isinstance(self._ending, CapReached):
            self._ending = as_ending(error)
        if not isinstance(error, CapReached):  # the last calls of the day are booked, and are sent
            self._withdraw_unsent()
        self._changed.set()

    def _withdraw_unsent(self) -> None:
        """Cancel the requests that are not sent yet."""
        for task, gate in self._in_flight.items():
            if not gate.sent and not gate.call_ended:
                task.cancel()

    async def _drain(self) -> None:
        """Wait for the rows in flight. After the grace time they are cancelled, and are unknown."""
        while self._in_flight and self._now() < self._drain_until:
            await self._wait_until(self._drain_until)
        for task, gate in self._in_flight.items():
            if not gate.call_ended:
                task.cancel()
        while self._in_flight:
            await self._wait_until(math.inf)
