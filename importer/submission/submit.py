"""Send rows: each takes a slot, writes its intent, is sent, and has its answer handled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from importer.errors import ImporterError
from importer.rate_limit.limiter import RateLimiter, Slot
from importer.submission.account_health import AccountHealth
from importer.submission.answer_handler import AnswerHandler
from importer.submission.context import SubmissionContext, SubmissionOptions
from importer.submission.in_flight import Ending, RequestsInFlight
from importer.submission.request_sender import RequestSender
from importer.submission.row_input import RowInput
from importer.submission.send_queue import QueuedRow, SendQueue

# The least and the longest wait before the loop checks again whether a row may be sent, if nothing changes.
_MIN_WAIT_S = 0.02
_MAX_WAIT_S = 1.0


class Submission:
    """One run that sends the rows of one plan. Use each object once."""

    def __init__(self, context: SubmissionContext, options: SubmissionOptions) -> None:
        self._context = context
        self._queue = SendQueue()
        self._in_flight = RequestsInFlight()
        self._ending = ending = Ending(self._in_flight, options.grace_s)
        self._health = AccountHealth(
            context.limiter, options, on_stop=ending.end, on_outage=self._in_flight.withdraw_unsent
        )
        self._answers = AnswerHandler(context, options, self._queue, self._health, on_stop=ending.end)
        self._sender = RequestSender(
            context=context,
            queue=self._queue,
            health=self._health,
            answers=self._answers,
            in_flight=self._in_flight,
            ending=ending,
        )

    async def run(self, rows: AsyncIterator[QueuedRow]) -> ImporterError | None:
        """Send ``rows``. Return why the run ended before all were done, or ``None``.

        When this returns, the ledger has the outcome of every row that was sent.
        """
        try:
            async with RowInput(rows, self._ending, self._fail) as source:
                while self._ending.reason is None and not self._all_done(source):
                    await self._send_next(source)
        except Exception as error:  # noqa: BLE001 - a bug ends the run; rows in flight still get their outcome
            self._ending.end(error)
        await self._ending.drain()
        return self._ending.reason

    def stop(self, reason: ImporterError, *, at_once: bool = False) -> None:
        """Send no new row. Rows in flight get the grace time, or none with ``at_once``."""
        self._ending.stop(reason, at_once=at_once)

    async def _fail(self, row: QueuedRow) -> None:
        (await self._answers.fail_unsent(row)).emit_to(self._context.emit)

    def _all_done(self, source: RowInput) -> bool:
        return source.is_done and not self._queue and not self._in_flight

    async def _send_next(self, source: RowInput) -> None:
        """Send the next row, or wait until one may be sent."""
        row = self._take(source)
        if row is None:
            await self._wait()
            return
        slot = await self._reserve_slot(self._context.limiter)
        if slot is not None and self._may_send():
            self._sender.start(row, slot)
            return
        self._queue.put_back(row)
        if slot is not None:
            slot.release()

    def _take(self, source: RowInput) -> QueuedRow | None:
        """Take the next row that may be sent now, if there is one."""
        if not self._may_send():
            return None
        row = self._queue.take(asyncio.get_running_loop().time())
        while row is None and self._queue.accepts_new_rows and (row := source.take()) is not None:
            if not self._queue.reserve_leads(row):
                self._queue.park(row)
                row = None
        return row

    def _may_send(self) -> bool:
        if self._context.journal.failure is not None:
            self._ending.end(self._context.journal.failure)
        for reason in self._health.stop_reasons():
            self._ending.end(reason)
        return self._ending.reason is None and self._health.may_send(len(self._in_flight))

    async def _wait(self) -> None:
        """Wait until something changes or is due."""
        due_at = min(self._queue.next_due_at(), self._health.next_event_at())
        # A row can be due and not allowed, such as a second probe. The minimum keeps the loop from spinning then.
        now = asyncio.get_running_loop().time()
        await self._ending.wait_until(min(max(due_at, now + _MIN_WAIT_S), now + _MAX_WAIT_S))

    async def _reserve_slot(self, limiter: RateLimiter) -> Slot | None:
        """Wait for a slot, until the run ends or no row may be sent."""
        if (slot := limiter.reserve_now()) is not None:
            return slot
        waiting = asyncio.ensure_future(limiter.reserve())
        while not waiting.done():
            changed = asyncio.ensure_future(self._ending.changed.wait())
            await asyncio.wait((waiting, changed), timeout=_MAX_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            self._ending.changed.clear()
            if self._ending.reason is not None or not self._may_send():
                break
        if waiting.done():
            try:
                return waiting.result()
            except ImporterError as error:  # the slots can't be read
                self._ending.end(error)
                return None
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError, ImporterError):
            return await waiting
        return None
