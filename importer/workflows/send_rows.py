"""Sends the rows of one import, through the account's rate limit and with a record of each request in the ledger."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from importer.errors import ImporterError
from importer.leadsquared.client import open_client
from importer.leadsquared.transport import Timeouts
from importer.ledger.records import Outcome
from importer.ledger.store import Ledger
from importer.ledger.ticket_numbers import greatest_number, has_ticket
from importer.rate_limit.shared_slots import shared_rate_limiter
from importer.rate_limit.status import LimitStatus
from importer.reports.summary import Summary
from importer.results import PartFile
from importer.runtime.events import Emit, Noted, SendingEnded, SendingStarted, to_all
from importer.runtime.signals import Interruptions
from importer.settings import AccountSettings
from importer.submission.context import SubmissionContext
from importer.submission.journal import Journal
from importer.submission.send_queue import QueuedRow
from importer.submission.submit import Submission
from importer.workflows.account_access import open_endpoint
from importer.workflows.import_job import ImportJob
from importer.workflows.preflight import Preflight
from importer.workflows.send_options import SendOptions
from importer.workflows.send_pass import queued_rows
from importer.workflows.stage import Stage

_GIVE_UP_AFTER_S = 2.0  # how long after the grace time the last commits may take


@dataclass
class RowSender:
    """Sends the checked rows of an import.

    ``account`` is ``None`` for the embedded sandbox. ``unsettled``: see ``Journal``.
    """

    job: ImportJob
    preflight: Preflight
    stage: Stage
    ledger: Ledger
    options: SendOptions
    account: AccountSettings | None
    unsettled: Mapping[str, Outcome] = field(default_factory=dict, init=False)

    async def send(self, emit: Emit, signals: Interruptions, summary: Summary) -> ImporterError | None:
        """Send every row to send; return the error that stopped it early, or ``None``."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        info, options = self.preflight.info, self.options
        assert self.job.results is not None
        part = PartFile(self.job.results, self.preflight.rows.header, account=info.account, run=info.id)
        emit = to_all(summary.listen, emit, part.listen)
        total = self.preflight.rows.plan.to_send(self.job.options.limit)
        submission_options = options.submission_options(account_known=self._account_known())
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(part.close)
            last_number = self._greatest_number() if self.account is None else 0
            endpoint = await stack.enter_async_context(
                open_endpoint(
                    self.account,
                    self.preflight.mapping,
                    options.rate,
                    last_number=last_number,
                    fields=self.job.fields,
                )
            )
            timeouts = Timeouts(answer_s=self.job.options.answer_timeout_s)
            client = await stack.enter_async_context(
                open_client(endpoint, timeouts, connections=submission_options.concurrency)
            )
            journal = await stack.enter_async_context(Journal(self.ledger, info))
            self.unsettled = journal.unsettled
            emit(SendingStarted(total, options.rate))
            stack.callback(emit, SendingEnded())
            limiter = await stack.enter_async_context(
                shared_rate_limiter(self.ledger, info.account, options.limiter_options(info.id, total))
            )
            context = SubmissionContext(client=client, limiter=limiter, journal=journal, emit=emit)
            submission = Submission(context, submission_options)

            def stop(why: ImporterError, at_once: bool) -> None:  # noqa: FBT001 - see `Interruptions.stopping`
                grace_s = 0.0 if at_once else submission_options.grace_s
                self.ledger.outage.hurry(grace_s)
                loop.call_later(grace_s + _GIVE_UP_AFTER_S, self.ledger.give_up)
                submission.stop(why, at_once=at_once)

            stack.enter_context(signals.stopping(stop))
            limit_status = LimitStatus(limiter, emit)
            await stack.enter_async_context(_ticking(limit_status))
            ending = await submission.run(self._queued_rows())
            summary.limit = limit_status.text()
            emit(Noted(f"rate limit: {summary.limit}", is_detail=True))
        summary.seconds = loop.time() - started
        return ending

    def _account_known(self) -> bool:
        """Return whether the ledger has a ticket of the account, so that its settings were right once."""
        with self.ledger.reading() as db:
            return has_ticket(db, self.preflight.info.account)

    def _greatest_number(self) -> int:
        """Return the greatest ticket number in the ledger: a new sandbox must not give it again."""
        with self.ledger.reading() as db:
            return greatest_number(db, self.preflight.info.account)

    async def _queued_rows(self) -> AsyncIterator[QueuedRow]:
        """Yield the rows to send. Files are read in a thread, so that the event loop never waits for a disk."""
        chunks = queued_rows(self.preflight.rows, self.stage, self.job.options.limit)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            for row in chunk:
                yield row


@contextlib.asynccontextmanager
async def _ticking(limit_status: LimitStatus) -> AsyncIterator[None]:
    """Update the limit's status once a second."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            limit_status.update()

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
