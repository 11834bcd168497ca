"""The open ledger. Each operation is one transaction.

The intent of a request is committed before its first byte is sent, the outcome before the row counts as done. A ticket
with an intent but no outcome has the state ``sending``; it becomes ``unknown`` when the lease of its run has expired.
All calls block; an event loop calls them from a thread (``submission.journal``).
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa

from importer.errors import ImporterError, LedgerError
from importer.ledger import database, leases, opening, postgres, schema
from importer.ledger.host_note import HostNote
from importer.ledger.leads_under_way import commit_the_sendable
from importer.ledger.moved_ledgers import refuse_moved
from importer.ledger.outbox import keep_ending
from importer.ledger.records import (
    Claim,
    Intent,
    Outcome,
    RunInfo,
    utc_now,
)
from importer.ledger.recovery import Recovery
from importer.ledger.request_recorder import RequestRecorder
from importer.ledger.rows import LedgerRows
from importer.ledger.server_outage import USUAL_PATIENCE_S

shared_connections = postgres.shared_engines
_CLOSING_S = 2.0  # how long the end waits for a server that is away


class Ledger(LedgerRows):
    """One open ledger. Open it with ``Ledger.open`` or ``Ledger.create``, and close it with ``close``."""

    def __init__(self, engine: sa.Engine, path: Path | None) -> None:
        super().__init__(engine, path)
        self._lock: leases.RunLock | None = None
        self._recorder = RequestRecorder(engine.dialect)
        self.recovery = Recovery(self, self._recorder)
        self._run: RunInfo | None = None
        self.note: HostNote | None = None  # where this host notes what it has sent

    @classmethod
    def create(cls, url: str) -> Ledger:
        """Create the ledger, or open it if it exists. Raises LedgerError."""
        return cls(*opening.create_ledger(url))

    @classmethod
    def exists(cls, url: str, patience_s: float = USUAL_PATIENCE_S) -> bool:
        """Return whether the ledger exists."""
        return opening.exists(url, patience_s)

    @classmethod
    def open(cls, url: str, patience_s: float = USUAL_PATIENCE_S) -> Ledger:
        """Open an existing ledger. Raises LedgerError if it is missing, damaged, or of a newer version.

        ``patience_s``: how long to wait for a server that does not answer, now and later.
        """
        ledger = cls(*opening.open_ledger(url, patience_s))
        ledger.outage.patience_s = patience_s
        return ledger

    def close(self) -> None:
        """Close the connections, and release the lock of a run that could not be ended."""
        self.outage.hurry(_CLOSING_S)
        self.forget_mark()
        postgres.close_engine(self._engine)
        self._release_lock()

    # -- runs -------------------------------------------------------------------------------------------------------

    def begin_run(self, run: RunInfo) -> None:
        """Record a run with a new lease. First record what ended runs kept, and end those whose lease has expired."""
        self.recovery.of_ended_runs()
        self._run = run
        if self.path is not None and self._file is not None:
            with self._translated_errors():
                self._lock = leases.RunLock(self.path, run.id)
                self._lock.acquire()
                self._file.checkpoint()  # data that a killed run left in the log
                self._file.take_reserve()
        with self.writing() as db:
            refuse_moved(db)  # it may have been moved since it was opened
            leases.end_expired_runs(db, self.path, run)
            db.execute(
                schema.runs.insert().values(
                    **asdict(run),
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    user_name=database.user_name(),
                    started_at=utc_now(),
                    boot_id=database.boot_id(),
                    lease_until=leases.now(db) + leases.LEASE_S,
                )
            )

    def renew(self, run_id: str) -> None:
        """Extend the lease. Raises StoppedEarly if another run has taken over."""
        self.transaction(lambda db: leases.renew(db, run_id, self._recorder.last_attempt(run_id)))

    def check_sent(self, run_id: str) -> None:
        """Raise LedgerError if the ledger has lost the last request of this run."""
        with self.reading() as db:
            leases.check_sent(db, run_id, self._recorder.last_attempt(run_id))

    @contextlib.contextmanager
    def renewing(self, run_id: str, *, every_s: float = leases.LEASE_S / 4) -> Iterator[None]:
        """Renew a run's lease while the block lasts, such as a question to the user or the writing of a large file.

        If it can't be renewed, the run's next operation on the ledger raises the error.
        """
        over = threading.Event()

        def renew() -> None:
            while not over.wait(every_s):
                with contextlib.suppress(ImporterError):
                    self.renew(run_id)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def end_run(self, run_id: str, exit_code: int, stopped: str = "") -> None:
        """Record how a run ended and release its rows; its requests in flight become unknown.

        ``stopped``: why it ended before all of its rows were done. Raises LedgerError; then the run's outbox has it.
        """
        try:
            self.transaction(lambda db: leases.end_run(db, run_id, exit_code, stopped))
        except LedgerError:
            if self._run is not None:
                keep_ending(self._run, exit_code, stopped)
            raise
        self.forget_mark()
        if self._file is not None:
            self._file.checkpoint()
        self._release_lock()

    # -- rows before sending ----------------------------------------------------------------------------------------

    def claim(self, run: RunInfo, claims: Sequence[Claim]) -> dict[str, str]:
        """Reserve rows for this run, and renew its lease.

        Returns the states of the rows that are not pending: another run may have sent them since they were validated.
        From now on no other run can send them. Raises HeldByAnotherRun, and reserves none of the rows, if a live run
        holds one of them; StoppedEarly if another run has taken over this run's rows.
        """
        # Two claims in different orders could wait for each other.
        ordered = sorted(claims, key=lambda claim: claim.key)

        def reserve(db: sa.Connection) -> dict[str, str]:
            leases.renew(db, run.id)
            states = leases.claim_rows(db, run, ordered) if ordered else {}
            if len(states) < len(ordered):
                raise leases.held_by_another_run(db, run, [each.key for each in ordered if each.key not in states])
            return {key: state for key, state in states.items() if state != "pending"}

        return self.transaction(reserve)

    def commit(self, run: RunInfo, records: Sequence[Intent | Outcome]) -> dict[Intent | Outcome, Outcome | None]:
        """Commit a batch of intents and outcomes, all or none, except intents whose lead another run is creating.

        Returns these intents, and the replacements of outcomes whose ticket belongs to another row of the account.
        Raises StoppedEarly if the run has lost its lease or one of the rows; then nothing may be sent.
        """
        keyed_hash, note = self.keyed_hash, self.note
        if note is not None and any(isinstance(record, Intent) for record in records):
            note.begin(run, self.id, database.safe_url(str(self.url)))
        changed = commit_the_sendable(
            records, lambda left: self.transaction(lambda db: self._recorder.record(db, run, left, keyed_hash))
        )
        if None in changed.values():  # rows wait for a run that may be dead
            self.transaction(lambda db: leases.end_expired_runs(db, self.path))
        last_attempt = self._recorder.committed(run.id)
        if note is not None:
            note.count(last_attempt, records, changed)
        return changed

    def free_reserve(self) -> None:
        """Free the reserved space of a full disk, to record outcomes. Nothing more may be sent after this."""
        if self._file is not None:
            self._file.free_reserve()

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
