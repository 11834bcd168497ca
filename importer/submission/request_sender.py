"""Send one request per task, and have its answer handled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from importer.errors import ImporterError
from importer.leadsquared.answers import Answer, Unclear
from importer.rate_limit.limiter import Slot
from importer.submission.account_health import AccountHealth
from importer.submission.answer_handler import AnswerHandler
from importer.submission.context import SubmissionContext
from importer.submission.gate import RowGate
from importer.submission.in_flight import Ending, RequestsInFlight
from importer.submission.journal import LeadUnderWay
from importer.submission.reports import Report
from importer.submission.send_queue import QueuedRow, SendQueue

# How long a row waits before it asks again whether another run has created its lead.
_LEAD_WAIT_S = 0.5


@dataclass(frozen=True, kw_only=True)
class RequestSender:
    """Sends the requests of one submission."""

    context: SubmissionContext
    queue: SendQueue
    health: AccountHealth
    answers: AnswerHandler
    in_flight: RequestsInFlight
    ending: Ending

    def start(self, row: QueuedRow, slot: Slot) -> None:
        """Start a task that sends the request of a row."""
        gate = RowGate(row, slot, self.context.journal, self.health.confirmation, probe=self.health.is_outage)
        task = asyncio.create_task(self._send(row, slot, gate))
        self.in_flight.add(task, gate)
        task.add_done_callback(self._finished)

    async def _send(self, row: QueuedRow, slot: Slot, gate: RowGate) -> None:
        answer: Answer | None = None
        waits = False
        try:
            answer = await self.context.client.send(row.request, gate, row.operation.read_answer)
        except asyncio.CancelledError:
            if gate.sent:
                answer = Unclear("interrupted", "the program was stopped while the request was in flight")
        except LeadUnderWay:
            waits = True
        except ImporterError as error:  # of the gate: nothing was sent
            gate.call_ended = True  # or this task would be cancelled, too, before it has written its outcome
            self.ending.end(error)
        finally:
            gate.call_ended = True
            slot.release()
        if waits:
            self.queue.postpone(row, asyncio.get_running_loop().time() + _LEAD_WAIT_S)
            return
        if answer is None:
            await self.answers.put_back_unsent(row, gate)
            return
        others, stopping = len(self.in_flight) - 1, self.ending.reason is not None
        report: Report | None = await self.answers.handle(row, gate, answer, others=others, stopping=stopping)
        while report is not None:
            report.emit_to(self.context.emit)
            report = await self.answers.settle_refused()

    def _finished(self, task: asyncio.Task[None]) -> None:
        gate = self.in_flight.remove(task)
        self.health.confirmation.call_ended(gate)
        self.ending.changed.set()
        if task.cancelled():  # before its first step
            gate.slot.release()
            self.queue.put_back(gate.row)
        elif (error := task.exception()) is not None:
            self.ending.end(error)
