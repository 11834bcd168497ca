"""Sends rows: each takes a slot, leaves an intent, goes out, and comes back with what became of it.

The loop is ``Submission.run``; the way of one row is ``_send`` and ``_conclude``.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from dataclasses import replace

from importer.errors import CapReached, ImporterError, StoppedEarly, as_ending
from importer.leadsquared.answers import Answer, Created, NotSendable, NotSent, Refused, Throttled, Unclear, is_accepted
from importer.models import Status
from importer.rate_limit.exhausted import ExhaustedLimit
from importer.rate_limit.limiter import Slot
from importer.submission import outcomes
from importer.submission.context import SubmissionContext, SubmissionOptions
from importer.submission.gate import AccountConfirmation, TicketGate
from importer.submission.refusals import AccountRefusals
from importer.submission.retry import ConcurrencyLimit, Outage, Retry, Settled, StopRun, WaitForFirstTicket, next_step
from importer.submission.send_queue import QueuedRow, SendQueue

# A call with files up to this size takes as long as the network and the server, not as its upload.
_SMALL_BYTES = 1 << 16
_CALLS_REMEMBERED = 200
# Under way at once are at most so many times the calls that go out while one call takes.
_ROOM = 2
# How soon, at the soonest and at the latest, it is looked again whether a row may go, if nothing has happened.
_PACE_S = 0.02
_LOOKS_EVERY_S = 1.0


class Submission:
    """Sends every row of one plan. One object, one run."""

    def __init__(self, means: SubmissionContext, terms: SubmissionOptions) -> None:
        self._means = means
        self._terms = terms
        self._line = SendQueue()
        self._outage = Outage(terms.give_up_after_s, terms.first_probe_s)
        self._under_way: dict[asyncio.Task[None], TicketGate] = {}
        self._changed = asyncio.Event()
        self._proof = AccountConfirmation()
        self._called = False  # a request has gone out
        self._refusals = AccountRefusals(account_known=terms.account_known)
        self._call_s = 0.0  # about the longest that calls took of late
        self._exhausted = ExhaustedLimit(terms.give_up_after_s)
        self._at_once = ConcurrencyLimit(terms.concurrency)
        self._drain_until = math.inf
        self._ending: ImporterError | None = None
        self._now = asyncio.get_running_loop().time
        self._incoming: asyncio.Queue[QueuedRow] = asyncio.Queue(maxsize=100)
        self._all_read = False

    async def run(self, rows: AsyncIterator[QueuedRow]) -> ImporterError | None:
        """Send ``rows``; say why it ended before all were done, or nothing.

        Every row that was sent is settled in the ledger when this returns.
        """
        reader = asyncio.create_task(self._read(rows))
        reader.add_done_callback(self._read_through)
        try:
            while self._ending is None and not self._all_done():
                row = self._take()
                if row is None:
                    await self._wait()
                    continue
                slot = await self._reserve()
                if slot is not None and self._may_send():
                    self._start(row, slot)
                    continue
                self._line.put_back(row)
                if slot is not None:
                    slot.release()
        except Exception as error:  # noqa: BLE001 - a bug ends the run, and costs no row under way its outcome
            self._halt(error)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        await self._drain()
        return self._ending

    def stop(self, reason: ImporterError, *, at_once: bool = False) -> None:
        """Send no new row. Those under way have the grace time, or none with ``at_once``."""
        if self._ending is None:
            self._ending = reason
        now = self._now()
        self._drain_until = min(self._drain_until, now if at_once else now + self._terms.grace_s)
        self._withdraw_waiting()
        self._changed.set()

    # -- which row, and when ----------------------------------------------------------------------------------------

    async def _read(self, rows: AsyncIterator[QueuedRow]) -> None:
        async for row in rows:
            if row.unsendable_reason:
                await self._fail_unsent(row)
                continue
            await self._incoming.put(row)
            self._changed.set()

    def _read_through(self, reader: asyncio.Task[None]) -> None:
        self._all_read = True
        self._changed.set()
        if not reader.cancelled() and (error := reader.exception()) is not None:
            self._halt(error)

    async def _fail_unsent(self, row: QueuedRow) -> None:
        settled = Settled(status=Status.FAILED, code="attachment-changed", error=row.unsendable_reason)
        await self._means.journal.write(outcomes.final_outcome(row, settled, NotSendable(settled.code, settled.error)))
        self._means.observer.row_finished(row, settled)

    def _all_done(self) -> bool:
        return self._all_read and self._incoming.empty() and not self._line and not self._under_way

    def _take(self) -> QueuedRow | None:
        """Take the next row that may be sent now, if one may."""
        if not self._may_send():
            return None
        row = self._line.take(self._now())
        while row is None and self._line.has_room and not self._incoming.empty():
            row = self._incoming.get_nowait()
            if not self._line.accept(row):
                self._line.park(row)
                row = None
        return row

    def _may_send(self) -> bool:
        if self._means.journal.failure is not None:
            self._halt(self._means.journal.failure)
        if self._outage.gave_up(self._now()):
            self._halt(
                StoppedEarly(
                    f"the server has given no answer that tells for {self._terms.give_up_after_s:g} s: "
                    f"{self._outage.reason}",
                    hint="when the server is back, run the same command again",
                )
            )
        if (too_long := self._exhausted.blocked(self._means.limiter.pause_left_s)) is not None:
            self._halt(too_long)
        if self._ending is not None:
            return False
        if self._outage.is_on:
            return not self._under_way and self._now() >= self._outage.next_probe_at
        return len(self._under_way) < self._room()

    def _room(self) -> int:
        """How many rows may be under way at once."""
        rate = self._means.limiter.rate
        if not self._proof.given:  # they wait at the gate, but for one
            return min(self._at_once.most, rate.calls, self._terms.initial_concurrency)
        needed = math.ceil(_ROOM * self._call_s * rate.calls / rate.period_s)
        return min(self._at_once.most, max(self._terms.initial_concurrency, needed))

    async def _wait(self) -> None:
        """Wait until something has changed, or it is time to look again."""
        wakes_at = min(self._line.next_due_at(), self._outage.wakes_at() if self._outage.is_on else math.inf)
        # What is due and may not go yet, such as a probe beside the one under way, must not keep this loop spinning.
        now = self._now()
        await self._wait_until(min(max(wakes_at, now + _PACE_S), now + _LOOKS_EVERY_S))

    async def _wait_until(self, moment: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(None if math.isinf(moment) else moment):
                await self._changed.wait()
        self._changed.clear()

    async def _reserve(self) -> Slot | None:
        """Wait for a slot, but not longer than the run goes on."""
        if (slot := self._means.limiter.reserve_now()) is not None:
            return slot
        waiting = asyncio.ensure_future(self._means.limiter.reserve())
        while not waiting.done():
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait((waiting, changed), timeout=_LOOKS_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            self._changed.clear()
            if self._ending is not None or not self._may_send():
                break
        if waiting.done():
            try:
                return waiting.result()
            except ImporterError as error:  # nobody can say who may call
                self._halt(error)
                return None
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError, ImporterError):
            return await waiting
        return None

    # -- the way of one row -----------------------------------------------------------------------------------------

    def _start(self, row: QueuedRow, slot: Slot) -> None:
        gate = TicketGate(row, slot, self._means.journal, self._proof, probe=self._outage.is_on)
        task = asyncio.create_task(self._send(row, slot, gate))
        self._under_way[task] = gate
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        gate = self._under_way.pop(task)
        self._proof.over(gate)
        self._changed.set()
        if task.cancelled():  # before its first step, which would have seen to this
            gate.slot.release()
            self._line.put_back(gate.row)
        elif (error := task.exception()) is not None:
            self._halt(error)

    async def _send(self, row: QueuedRow, slot: Slot, gate: TicketGate) -> None:
        answer: Answer | None = None
        try:
            answer = await self._means.client.create_ticket(row.ticket, gate)
        except asyncio.CancelledError:
            if gate.left:
                answer = Unclear("interrupted", "the program was stopped while the request was under way")
        except ImporterError as error:  # the gate let nothing pass
            gate.ended = True  # or it would be called back itself, and not write down that it was not sent
            self._halt(error)
        finally:
            gate.ended = True
            slot.release()
        await self._conclude(row, gate, answer)

    async def _conclude(self, row: QueuedRow, gate: TicketGate, answer: Answer | None) -> None:
        """Write down what became of a request, then act on it. ``answer`` is ``None`` if it was withdrawn unsent."""
        if answer is None:
            if gate.intended:
                await self._means.journal.write(outcomes.retryable_outcome(row, "withdrawn", counted=False))
            self._line.put_back(row)
            return
        self._called = self._called or gate.left
        answer = self._terms.policy.read(answer, succeeded=self._refusals.succeeded)
        verdict = (None if self._called else outcomes.stop_for_settings(answer)) or next_step(
            answer,
            attempt=row.attempt,
            succeeded=self._refusals.succeeded,
            policy=self._terms.policy,
            jitter=self._terms.jitter(),
        )
        news = self._learn(answer, gate)
        settled = None
        match verdict:
            case Settled():
                settled = await self._settle(row, outcomes.keep_unknown(row, verdict), answer)
                self._line.done(row, made=settled.status is Status.CREATED)
            case Retry():
                await self._go_again(row, gate, verdict, answer)
            case WaitForFirstTicket():
                await self._means.journal.write(outcomes.waiting_outcome(row, verdict, answer))
                self._refusals.hold(row, verdict, answer)
                self._line.done(row, made=False)
            case StopRun():
                await self._means.journal.write(
                    outcomes.retryable_outcome(row, verdict.code, counted=False, code=verdict.code, error=verdict.error)
                )
                self._line.put_back(row)
                self._halt(outcomes.stop_error(verdict))
                news = ""  # the run's end says the same
        if (stop := self._refusals.note(answer)) is not None:
            self._halt(stop)
        # The observer comes last: an error there must not cost a row its outcome.
        self._tell(row, gate, answer, settled)
        for text in filter(None, (news, *self._refusals.news())):
            self._means.observer.message(text)
        if self._refusals.succeeded:
            await self._settle_held()

    def _tell(self, row: QueuedRow, gate: TicketGate, answer: Answer, settled: Settled | None) -> None:
        if gate.left:
            self._means.observer.call_ended(answer)
        if settled is not None:
            self._means.observer.row_finished(row, settled)

    async def _settle(self, row: QueuedRow, settled: Settled, answer: Answer, *, late: bool = False) -> Settled:
        """Write down the end of a row, and count it. Gives it as the ledger has it.

        The ledger refuses a ticket that another row has.
        """
        stored = await self._means.journal.write(replace(outcomes.final_outcome(row, settled, answer), late=late))
        if stored is not None:
            settled = Settled(
                status=Status(stored.state), code=stored.error_code, error=stored.error, counts_as_failure=True
            )
            self._proof.withdraw()
            if (stop := self._refusals.number_twice(stored.error)) is not None:
                self._halt(stop)
        elif settled.status is Status.CREATED:
            self._refusals.made()
            self._proof.give()
        self._count(row, settled)
        return settled

    async def _settle_held(self) -> None:
        """Settle the rows that were refused before the first ticket: the account was not the reason."""
        for row, verdict, answer in self._refusals.released():
            refused = Settled(status=Status.FAILED, code="refused", error=verdict.error)
            settled = await self._settle(row, outcomes.keep_unknown(row, refused), answer, late=True)
            self._means.observer.row_finished(row, settled)

    async def _go_again(self, row: QueuedRow, gate: TicketGate, verdict: Retry, answer: Answer) -> None:
        if verdict.may_have_created:
            row.prior_status = Status.UNKNOWN
        if gate.intended:
            name = type(answer).__name__.lower()
            # A limit that is used up holds all rows back.
            limiter = self._means.limiter
            wait_s = max(verdict.delay_s, limiter.pause_left_s)
            unsent = outcomes.retryable_outcome(
                row, name, counted=verdict.may_have_created, code=verdict.code, error=verdict.error
            )
            await self._means.journal.write(replace(unsent, wait_s=round(wait_s, 3)))
        if not isinstance(answer, Throttled) and not (
            isinstance(answer, NotSent) and (answer.stale or answer.out_of_resources)
        ):
            row.attempt += 1
        self._line.done(row, made=False)
        self._line.again(row, self._now() + verdict.delay_s)

    # -- what a row's end means for the others ----------------------------------------------------------------------

    def _learn(self, answer: Answer, gate: TicketGate) -> str:
        """Learn from an answer; say in words if it means that sending pauses, or goes on."""
        was_on = self._outage.is_on
        if self._ending is None:  # what is broken off at the end says nothing of the server
            self._outage.note(answer, self._now(), self._terms.jitter(), probe=gate.probe)
        self._exhausted.note(accepted=is_accepted(answer))
        if isinstance(answer, Created | Refused):
            self._note_time(gate)
        if isinstance(answer, Refused):  # a ticket shows it only when the ledger has it
            self._proof.give()
        elif self._refusals.doubted_by(answer):
            self._proof.withdraw()
        if isinstance(answer, Throttled):
            self._hold_back(answer, gate)
        if isinstance(answer, NotSent) and answer.out_of_resources:
            if (too_few := self._at_once.too_few(answer, len(self._under_way) - 1)) is not None:
                self._halt(too_few)
            return self._at_once.news()
        if self._outage.is_on and not was_on:
            self._withdraw_waiting()
            return f"sending pauses, one row at a time probes the server: {self._outage.reason}"
        if was_on and not self._outage.is_on:
            return "the server answers again, sending goes on"
        return ""

    def _note_time(self, gate: TicketGate) -> None:
        """Let the limiter know how long a call took, unless that was the time of its upload."""
        limiter, files = self._means.limiter, gate.row.ticket.attachments
        took_s = limiter.now() - (gate.slot.used_at or 0.0)
        self._call_s = max(took_s, self._call_s + (took_s - self._call_s) / _CALLS_REMEMBERED)
        if sum(file.size_bytes for file in files) <= _SMALL_BYTES:
            limiter.record_response_time(took_s)

    def _hold_back(self, answer: Throttled, gate: TicketGate) -> None:
        limiter = self._means.limiter
        wait_s = limiter.rate.period_s if answer.retry_after_s is None else answer.retry_after_s
        if (too_long := self._exhausted.refused(wait_s, self._now())) is not None:
            self._halt(too_long)
        # What the server says of a time beyond that may be wrong, and the next run is to find out by a call.
        limiter.pause(min(wait_s, self._terms.give_up_after_s), gate.slot)

    def _count(self, row: QueuedRow, settled: Settled) -> None:
        if row.failed_before and (settled.counts_as_failure or settled.status is Status.FAILED):
            return
        self._terms.failure_limit.note(settled.status, counts=settled.counts_as_failure)
        if too_many := self._terms.failure_limit.reached():
            self._halt(
                StoppedEarly(
                    f"too many failures: {too_many}",
                    hint="see the reasons in the results, correct the rows or the mapping, then run again",
                )
            )

    def _halt(self, error: BaseException) -> None:
        """End the run for a reason found on the way; what is under way is waited for."""
        # That the day is used up must not hide what would keep the next day's rows from being sent, too.
        if self._ending is None or isinstance(self._ending, CapReached):
            self._ending = as_ending(error)
        if not isinstance(error, CapReached):  # the last calls of the day are booked, and go out
            self._withdraw_waiting()
        self._changed.set()

    def _withdraw_waiting(self) -> None:
        """Call back the requests that have not left yet."""
        for task, gate in self._under_way.items():
            if not gate.left and not gate.ended:
                task.cancel()

    async def _drain(self) -> None:
        """Wait for what is under way; when the grace time is over, let it go as unknown."""
        while self._under_way and self._now() < self._drain_until:
            await self._wait_until(self._drain_until)
        for task, gate in self._under_way.items():
            if not gate.ended:
                task.cancel()
        while self._under_way:
            await self._wait_until(math.inf)
