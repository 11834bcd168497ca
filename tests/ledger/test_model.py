"""Any sequence of operations of two processes on one ledger, compared with a small model."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from importer.errors import HeldByAnotherRun, StoppedEarly
from importer.ledger.forgetting import forget_rows
from importer.ledger.records import Outcome, RunInfo
from importer.ledger.store import Ledger
from tests.ledger.ledgers import claims, copied_ledger, expire_lease, ids_of, intent, new_run, reopened

KEYS = st.sampled_from(["A", "B", "C"])
SIDES = st.integers(0, 1)
ANSWERS = st.sampled_from(["created", "failed", "unknown", "pending"])


@dataclass
class Known:
    state: str = "pending"
    held_by: str | None = None
    run: str | None = None
    attempts: int = 0


class TwoProcesses(RuleBasedStateMachine):
    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.ledgers: list[Ledger] = [copied_ledger(self.folder), reopened(self.folder)]
        self.runs: list[RunInfo | None] = [None, None]
        self.live: set[str] = set()  # not ended in the ledger
        self.dead: set[str] = set()  # those of them whose process is gone or whose lease has expired
        self.tickets: dict[str, Known] = {}
        self.forgotten: set[tuple[str, str]] = set()  # by which run, and which row

    def teardown(self) -> None:
        """Close both connections."""
        for ledger in self.ledgers:
            ledger.close()
        self.stack.close()

    def release(self, run_id: str) -> None:
        """Model the end of a run: its rows are free, requests in flight are unknown."""
        self.live.discard(run_id)
        self.dead.discard(run_id)
        for ticket in self.tickets.values():
            if ticket.held_by == run_id:
                ticket.held_by = None
                if ticket.state == "sending":
                    ticket.state = "unknown"

    @rule(side=SIDES)
    def begin(self, side: int) -> None:
        """Start a run, which ends all expired runs."""
        if self.runs[side] is None:
            run = self.runs[side] = new_run()
            self.ledgers[side].begin_run(run)
            for dead in list(self.dead):
                self.release(dead)
            self.live.add(run.id)

    @rule(side=SIDES)
    def end(self, side: int) -> None:
        """End a run as the program does."""
        if (run := self.runs[side]) is not None:
            self.ledgers[side].end_run(run.id, 0)
            self.release(run.id)
            self.runs[side] = None

    @rule(side=SIDES)
    def crash(self, side: int) -> None:
        """End a process without any further operation."""
        self.ledgers[side].close()
        self.ledgers[side] = reopened(self.folder)
        if (run := self.runs[side]) is not None and run.id in self.live:
            self.dead.add(run.id)
        self.runs[side] = None

    @rule(side=SIDES)
    def pause(self, side: int) -> None:
        """Pause a process for longer than its lease."""
        if (run := self.runs[side]) is not None and run.id in self.live:
            expire_lease(self.folder, run)
            self.dead.add(run.id)

    @precondition(lambda self: any(self.runs))
    @rule(side=SIDES, key=KEYS)
    def claim(self, side: int, key: str) -> None:
        """Claim a row, or get the error."""
        run = self.runs[side]
        if run is None:
            return
        ticket = self.tickets.get(key, Known())
        try:
            self.ledgers[side].claim(run, claims(key))
        except StoppedEarly:
            assert run.id not in self.live
        except HeldByAnotherRun:
            assert ticket.held_by not in (None, run.id)
        else:
            assert run.id in self.live
            assert ticket.held_by in (None, run.id)
            self.tickets[key] = ticket
            ticket.held_by = run.id
            self.dead.discard(run.id)

    @precondition(lambda self: any(self.runs))
    @rule(target=requests, side=SIDES, key=KEYS)
    def intend(self, side: int, key: str) -> tuple[str, str] | None:
        """Record the intent for a row, or get the error."""
        run = self.runs[side]
        if run is None:
            return None
        ticket = self.tickets.get(key, Known())
        may = run.id in self.live and ticket.held_by == run.id and ticket.state not in ("created", "sending")
        try:
            self.ledgers[side].commit(run, [intent(key)])
        except StoppedEarly:
            assert not may
            return None
        assert may
        ticket.state, ticket.run, ticket.attempts = "sending", run.id, ticket.attempts + 1
        self.dead.discard(run.id)
        return run.id, key

    @precondition(lambda self: any(self.runs))
    @rule(side=SIDES, key=KEYS)
    def forget(self, side: int, key: str) -> None:
        """Make a row new again, if the run holds it, or get the error. Late answers to its requests change nothing.

        A run of `ledger forget` forgets a row once.
        """
        run, ticket = self.runs[side], self.tickets.get(key)
        if run is None or (run.id, key) in self.forgotten or (ticket is not None and ticket.state == "sending"):
            return
        try:
            forget_rows(self.ledgers[side], run, [key], [])
        except StoppedEarly:
            assert run.id not in self.live
            return
        assert run.id in self.live
        self.dead.discard(run.id)
        if ticket is not None and ticket.held_by == run.id:
            self.tickets[key] = Known()
            self.forgotten.add((run.id, key))

    @rule(request=requests, state=ANSWERS, counted=st.booleans())
    def answer(self, request: tuple[str, str] | None, state: str, counted: bool) -> None:  # noqa: FBT001 - drawn
        """Record the answer to a request, perhaps a late one."""
        if request is None:
            return
        run_id, key = request
        side = next((side for side, run in enumerate(self.runs) if run is not None and run.id == run_id), None)
        ticket = self.tickets[key]
        mine = ticket.run == run_id and ticket.state in ("sending", "unknown")
        if side is None or (ticket.held_by == run_id and ticket.state != "sending"):
            return  # the process is gone, or the request was answered already
        run = self.runs[side]
        assert run is not None
        ids = ids_of(key) if state == "created" else None
        self.ledgers[side].commit(run, [Outcome(key=key, state=state, outcome="answer", ids=ids, counted=counted)])
        if mine:
            ticket.state, ticket.attempts = state, ticket.attempts - (not counted)

    @invariant()
    def ledger_is_as_the_model(self) -> None:
        """Both connections see what the model contains."""
        for ledger in self.ledgers:
            found = ledger.look_up("tenant", "old-helpdesk", ["A", "B", "C"])
            seen = {key: Known(each.state, each.held_by, each.run, each.attempts) for key, each in found.items()}
            assert seen == self.tickets
            assert all((each.ids is not None) or each.state != "created" for each in found.values())


TestTwoProcesses = TwoProcesses.TestCase
TestTwoProcesses.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
