"""Record the end of a request in the ledger, then act on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from importer.errors import StoppedEarly
from importer.leadsquared.answers import Answer, NotSendable, is_accepted
from importer.models import Status
from importer.submission import outcomes
from importer.submission.account_health import AccountHealth
from importer.submission.context import SubmissionContext, SubmissionOptions
from importer.submission.gate import RowGate
from importer.submission.refusals import AccountRefusals
from importer.submission.reports import Report
from importer.submission.retry import Retry, Settled, StopRun, WaitForFirstSuccess
from importer.submission.send_queue import QueuedRow, SendQueue


class AnswerHandler:
    """Handles the answers of one submission. ``on_stop`` receives an error that ends the run."""

    def __init__(
        self,
        context: SubmissionContext,
        options: SubmissionOptions,
        queue: SendQueue,
        health: AccountHealth,
        on_stop: Callable[[BaseException], None],
    ) -> None:
        self._context = context
        self._options = options
        self._queue = queue
        self._health = health
        self._now = asyncio.get_running_loop().time
        self._on_stop = on_stop
        self._refusals = AccountRefusals(account_known=options.account_known)
        self._any_sent = False  # a request of this run was sent

    async def put_back_unsent(self, row: QueuedRow, gate: RowGate) -> None:
        """Put a row back whose request was withdrawn before it was sent."""
        if gate.intent_written:
            await self._context.journal.write(outcomes.retryable_outcome(row, "withdrawn", counted=False))
        self._queue.put_back(row)

    async def handle(self, row: QueuedRow, gate: RowGate, answer: Answer, *, others: int, stopping: bool) -> Report:
        """Record the answer to a request, and act on it.

        ``others``: rows in flight besides this one. ``stopping``: the run is being stopped.
        """
        self._any_sent = self._any_sent or gate.sent
        answer = self._options.policy.interpret(answer, succeeded=self._refusals.succeeded)
        step = (None if self._any_sent else outcomes.stop_for_settings(answer)) or self._options.policy.next_step(
            row.operation,
            answer,
            attempt=row.attempt,
            succeeded=self._refusals.succeeded,
            jitter=self._options.jitter(),
        )
        casts_doubt = self._refusals.doubt(row.operation, answer) is not None
        message = self._health.record(answer, gate, others=others, casts_doubt=casts_doubt, stopping=stopping)
        settled = None
        match step:
            case Settled():
                settled = await self._settle(row, outcomes.keep_unknown(row, step), answer)
                self._queue.finish(row, created=settled.status is Status.CREATED)
            case Retry():
                await self._retry(row, gate, step, answer)
            case WaitForFirstSuccess():
                await self._context.journal.write(outcomes.waiting_outcome(row, step, answer))
                self._refusals.add_waiting(row, step, answer)
                self._queue.finish(row, created=False)
            case StopRun():
                unsent = outcomes.retryable_outcome(row, step.code, counted=False, code=step.code, error=step.error)
                await self._context.journal.write(unsent)
                self._queue.put_back(row)
                self._on_stop(outcomes.stop_error(step))
                message = ""  # the error of the run says the same
        if (too_many := self._refusals.record(row.operation, answer)) is not None:
            self._on_stop(too_many)
        return Report(
            call=answer if gate.sent else None,
            row=row if settled is not None else None,
            settled=settled,
            messages=tuple(filter(None, (message, *self._refusals.take_messages()))),
        )

    async def fail_unsent(self, row: QueuedRow) -> Report:
        """Settle a row that can't be sent any more."""
        settled = Settled(status=Status.FAILED, code="attachment-changed", error=row.unsendable_reason)
        answer = NotSendable(settled.code, settled.error)
        await self._context.journal.write(outcomes.final_outcome(row, settled, answer))
        return Report(row=row, settled=settled)

    async def settle_refused(self) -> Report | None:
        """Settle a row that was refused before the first success, if there is one: the account was not the reason."""
        if (refused := self._refusals.take_refused()) is None:
            return None
        row, step, answer = refused
        failed = Settled(status=Status.FAILED, code="refused", error=step.error)
        return Report(row=row, settled=await self._settle(row, outcomes.keep_unknown(row, failed), answer, late=True))

    async def _settle(self, row: QueuedRow, settled: Settled, answer: Answer, *, late: bool = False) -> Settled:
        """Write the outcome of a row and count it. Return the outcome in the ledger.

        The ledger refuses a ticket that belongs to another row.
        """
        outcome = replace(outcomes.final_outcome(row, settled, answer), late=late)
        stored = await self._context.journal.write(outcome)
        if stored is not None:
            status = Status(stored.state)
            settled = Settled(status=status, code=stored.error_code, error=stored.error, counts_as_failure=True)
            self._health.confirmation.revoke()
            if (too_many := self._refusals.record_repeated_number(stored.error)) is not None:
                self._on_stop(too_many)
        elif settled.status is Status.CREATED:
            self._refusals.record_success()
            self._health.confirmation.confirm()
        self._count(row, settled)
        return settled

    async def _retry(self, row: QueuedRow, gate: RowGate, step: Retry, answer: Answer) -> None:
        if step.may_have_changed:
            row.prior_status = Status.UNKNOWN
        if gate.intent_written:
            wait_s = max(step.delay_s, self._context.limiter.pause_left_s)
            unsent = outcomes.retryable_outcome(
                row, outcomes.answer_name(answer), counted=step.may_have_changed, code=step.code, error=step.error
            )
            await self._context.journal.write(replace(unsent, wait_s=round(wait_s, 3)))
        if is_accepted(answer):
            row.attempt += 1
        self._queue.finish(row, created=False)
        self._queue.schedule(row, self._now() + step.delay_s)

    def _count(self, row: QueuedRow, settled: Settled) -> None:
        """Count a row for ``--max-failures``, unless it failed in an earlier run, too."""
        if row.failed_before and (settled.counts_as_failure or settled.status is Status.FAILED):
            return
        self._options.failure_limit.record(settled.status, counts_as_failure=settled.counts_as_failure)
        if failures := self._options.failure_limit.reached():
            self._on_stop(
                StoppedEarly(
                    f"too many failures: {failures}",
                    hint="see the reasons in the results, correct the rows or the mapping, then run again",
                )
            )
