"""What the tests of this room share: rows, a real ledger in a file, and a submission to a server or an account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.leadsquared.client import Client, open_client
from importer.leadsquared.ticket_request import create_request
from importer.leadsquared.transport import Endpoint, Timeouts, Transport
from importer.ledger.records import LedgerEntry, RunInfo
from importer.ledger.store import Ledger
from importer.models import Attachment, Rate, Ticket
from importer.rate_limit import Margin
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.runtime.events import CallEnded, Event, RowSettled, Warned
from importer.runtime.redaction import Redactor
from importer.sandbox import Sandbox
from importer.submission.context import SubmissionContext, SubmissionOptions
from importer.submission.failure_limit import FailureLimit
from importer.submission.journal import Journal
from importer.submission.operations import CREATE
from importer.submission.retry import RetryPolicy
from importer.submission.send_queue import QueuedRow
from importer.submission.submit import Submission
from tests.ledger.ledgers import copied_ledger, live_run
from tests.submission.account import Account

LEAD_ID = "8eee83bb-0462-4d6b-b396-6afb9a4608f2"
FAST = Rate(1000, 0.05)  # a pause for a whole period, as after a 429, is short, too


@dataclass
class Watcher:
    """A listener that keeps all events. Its callbacks, such as ``on_finished``, may raise."""

    finished_rows: list[tuple[str, RowSettled]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    on_finished: Callable[[RowSettled], None] = lambda _: None
    on_called: Callable[[CallEnded], None] = lambda _: None
    on_note: Callable[[str], None] = lambda _: None

    def listen(self, event: Event) -> None:
        """Keep an event."""
        match event:
            case RowSettled():
                self.finished_rows.append((event.key, event))
                self.on_finished(event)
            case CallEnded(answer):
                self.answers.append(answer)
                self.on_called(event)
            case Warned(text):
                self.notes.append(text)
                self.on_note(text)


@dataclass
class Sending:
    """One run that is about to be sent."""

    submission: Submission
    ledger: Ledger
    run: RunInfo
    watcher: Watcher
    keys: list[str]

    async def of(self, rows: Iterable[QueuedRow]) -> ImporterError | None:
        """Send these rows; whatever happens, it has to end."""
        async with asyncio.timeout(30):
            return await self.submission.run(each(rows))

    def entries(self) -> dict[str, LedgerEntry]:
        """What the ledger knows of each row."""
        return self.ledger.look_up(self.run.account, self.run.source, self.keys)

    def states(self) -> list[str]:
        """The state of each row, in order."""
        found = self.entries()
        return [found[key].state for key in self.keys]


async def each(rows: Iterable[QueuedRow]) -> AsyncIterator[QueuedRow]:
    for row in rows:
        yield row


def row(number: int, *files: Attachment, **changes: Any) -> QueuedRow:
    """A good row; its key and its ticket's title are its number."""
    fields = changes.pop("fields", (("Title", str(number)),))
    lead_id = changes.pop("lead_id", LEAD_ID)
    ticket = Ticket(fields=fields, lead_id=lead_id, attachments=files)
    return QueuedRow(
        row=number,
        key=str(number),
        cells=(str(number),),
        content=f"content {number}",
        operation=CREATE,
        request=create_request(ticket),
        **changes,
    )


def rows(count: int, *files: Attachment) -> list[QueuedRow]:
    """Good rows, from 2 on, as a spreadsheet counts."""
    return [row(number, *files) for number in range(2, count + 2)]


def of_one_lead(count: int, email: str = "ann@example.com") -> list[QueuedRow]:
    """Rows of a lead that is not there yet."""
    return [
        row(number, fields=(("Title", str(number)), ("LeadDetail.EmailAddress", email)), lead_id=None, leads=(email,))
        for number in range(2, count + 2)
    ]


def address(server: Sandbox | Endpoint) -> Endpoint:
    """Where the rows go."""
    if isinstance(server, Endpoint):
        return server
    return Endpoint(
        base_url=server.url,
        tenant_id=server.tenant_id,
        access_key=server.access_key,
        secret_key=server.secret_key,
    )


@asynccontextmanager
async def client_of(server: Sandbox | Endpoint | Transport, answer_s: float, connections: int) -> AsyncIterator[Client]:
    """A client of a server, or of an account without a network."""
    if isinstance(server, Sandbox | Endpoint):
        async with open_client(address(server), Timeouts(answer_s=answer_s), connections=connections) as client:
            yield client
        return
    if isinstance(server, Account):
        server.answer_s = answer_s
    yield Client(server, Redactor(()))


@asynccontextmanager
async def sending(
    folder: Path,
    server: Sandbox | Endpoint | Transport,
    claimed: Sequence[QueuedRow],
    *,
    rate: Rate = FAST,
    daily_cap: int | None = None,
    answer_s: float = 20.0,
    slots: MemorySlots | None = None,
    **terms: Any,
) -> AsyncIterator[Sending]:
    """Everything that a run needs, with short waits; the rows are claimed, as before a run."""
    known: dict[str, Any] = {
        "policy": RetryPolicy(),
        "failure_limit": FailureLimit("1000"),
        "give_up_after_s": 20.0,
        "grace_s": 10.0,
        "concurrency": 20,
        "jitter": lambda: 0.0,
        "first_probe_s": 0.02,
    }
    settled = SubmissionOptions(**{**known, **terms})
    keys = [each_row.key for each_row in claimed]
    ledger = copied_ledger(folder)
    try:
        run = live_run(ledger, *keys)
        watcher = Watcher()
        slots = slots or MemorySlots(asyncio.get_running_loop().time)
        margin = Margin(first_s=0.001, least_s=0.001)
        async with (
            client_of(server, answer_s, settled.concurrency) as client,
            Journal(ledger, run) as journal,
            RateLimiter(LimiterOptions(rate=rate, daily_cap=daily_cap), slots, margin) as limiter,
        ):
            means = SubmissionContext(client=client, limiter=limiter, journal=journal, emit=watcher.listen)
            yield Sending(Submission(means, settled), ledger, run, watcher, keys)
        ledger.end_run(run.id, 0)
    finally:
        ledger.close()
