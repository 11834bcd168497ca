"""The ledger's questions and answers, each in one transaction.

The intent of a request is committed before its first byte goes out, the outcome before the row counts as done. An
intent without an outcome is a ticket in state ``sending``; it becomes ``unknown`` when its run is found dead.
Synchronous: whoever runs an event loop calls it from a thread (``submission.journal``).
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from importer.errors import ImporterError, LedgerError
from importer.ledger import database, leases, opening, request_bodies, schema
from importer.ledger.keyed_hashes import KeyedHash
from importer.ledger.records import (
    Claim,
    Intent,
    LedgerEntry,
    Outcome,
    Rejection,
    RowFromResults,
    RunInfo,
    effective_state,
    utc_now,
)
from importer.ledger.request_recorder import RequestRecorder
from importer.ledger.sqlite_file import LedgerFile
from importer.models import TicketIds


class Ledger:
    """One open ledger. ``Ledger.open`` and ``Ledger.create`` make it; close it with ``close``."""

    def __init__(self, engine: sa.Engine, path: Path | None) -> None:
        self._engine = engine
        self._path = path
        self._file = LedgerFile(path) if path is not None else None
        self._lock: leases.RunLock | None = None
        self._recorder = RequestRecorder(engine.dialect)

    @classmethod
    def create(cls, url: str) -> Ledger:
        """Make the ledger, or open it if it is there. Raises LedgerError."""
        return cls(*opening.create_ledger(url))

    @classmethod
    def exists(cls, url: str) -> bool:
        """Say whether there is a ledger to open."""
        return opening.exists(url)

    @classmethod
    def open(cls, url: str) -> Ledger:
        """Open a ledger that is there. Raises LedgerError if it is not, is damaged, or of a newer version."""
        return cls(*opening.open_ledger(url))

    @property
    def url(self) -> sa.URL:
        """The database's address."""
        return self._engine.url

    def close(self) -> None:
        """Release the connections, and the lock of a run that could not be ended."""
        self._engine.dispose()
        self._drop_lock()

    # -- runs -------------------------------------------------------------------------------------------------------

    def begin_run(self, run: RunInfo) -> None:
        """Enter a run with a live lease, after every dead run was ended and what it had under way made unknown."""
        if self._path is not None and self._file is not None:
            with self._translated_errors():
                self._lock = leases.RunLock(self._path, run.id)
                self._lock.take()
                self._file.checkpoint()  # what a killed run has left in the log
                self._file.take_reserve()
        with self.writing() as db:
            leases.end_expired_runs(db, run, self._path)
            db.execute(
                schema.runs.insert().values(
                    id=run.id,
                    account=run.account,
                    source=run.source,
                    command=run.command,
                    manifest=run.manifest,
                    manifest_sha256=run.manifest_sha256,
                    mapping_sha256=run.mapping_sha256,
                    key_field=run.key_field,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    started_at=utc_now(),
                    boot_id=database.boot_id(),
                    lease_until=leases.now(db) + leases.LEASE_S,
                )
            )

    def renew(self, run_id: str) -> None:
        """Move the lease forward. Raises StoppedEarly if another run has taken over."""
        with self.writing() as db:
            leases.renew(db, run_id)

    @contextlib.contextmanager
    def renewing(self, run_id: str, *, every_s: float = leases.LEASE_S / 4) -> Iterator[None]:
        """Renew a run's lease while the block lasts, which may be long: a person is asked, or a large file is written.

        If it can't be renewed, whatever the run does next in the ledger says so.
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

    def end_run(self, run_id: str, exit_code: int) -> None:
        """Record how a run ended and let its rows go; what it still has under way is unknown."""
        with self.writing() as db:
            alive = (schema.runs.c.id == run_id) & schema.runs.c.ended_at.is_(None)
            db.execute(schema.runs.update().where(alive).values(ended_at=utc_now(), exit_code=exit_code))
            leases.release_rows(db, run_id)
        if self._file is not None:
            self._file.checkpoint()
        self._drop_lock()

    # -- rows before sending ----------------------------------------------------------------------------------------

    def look_up(self, account: str, source: str, keys: Sequence[str]) -> dict[str, LedgerEntry]:
        """Find the tickets of these keys, in any number."""
        found: dict[str, LedgerEntry] = {}
        columns = schema.tickets.c
        with self._translated_errors(), self._engine.connect() as db:
            wanted = database.column_is_in(db, columns.key, keys)
            where = (columns.account == account) & (columns.source == source) & wanted
            for row in db.execute(sa.select(*_ENTRY).where(where)):
                found[row[1]] = _entry(row)
        return found

    def states(self, account: str, source: str, keys: Sequence[str]) -> dict[str, str]:
        """The states of the tickets of these keys; see ``LedgerEntry``. A fraction of what ``look_up`` takes.

        A pending row that was refused by the account, or that a person has set to pending, is ``refused``.
        """
        columns = schema.tickets.c
        with self._translated_errors(), self._engine.connect() as db:
            wanted = database.column_is_in(db, columns.key, keys)
            where = (columns.account == account) & (columns.source == source) & wanted
            found = db.execute(sa.select(columns.key, columns.state, columns.error_code).where(where))
            return {key: effective_state(state, code) for key, state, code in found}

    def claim(self, run: RunInfo, claims: Sequence[Claim]) -> dict[str, str]:
        """Take rows for this run, and renew its lease: judging may take long.

        Gives the states of those that are not simply pending: another run may have sent them since they were judged.
        From here on nobody else does. Raises HeldByAnotherRun, and takes none of these, if a live run holds one of
        them; StoppedEarly if another run has taken over, whose rows they may be by now.
        """
        with self.writing() as db:
            leases.renew(db, run.id)
            if not claims:
                return {}
            keys = [claim.key for claim in claims]
            leases.refuse_held(db, run, keys)
            columns = schema.tickets.c
            where = (columns.account == run.account) & (columns.source == run.source) & (columns.state != "pending")
            of_these = where & database.column_is_in(db, columns.key, keys)
            states = {row[0]: row[1] for row in db.execute(sa.select(columns.key, columns.state).where(of_these))}
            statement = database.insert(db, schema.tickets)
            statement = statement.on_conflict_do_update(
                index_elements=["account", "source", "key"],
                set_={"held_by": statement.excluded.held_by, "manifest_row": statement.excluded.manifest_row},
            )
            common = {"account": run.account, "source": run.source, "state": "pending", "held_by": run.id}
            db.execute(statement, [{**common, "key": c.key, "manifest_row": c.manifest_row} for c in claims])
            return states

    def add_from_results(self, run: RunInfo, imports: Sequence[RowFromResults]) -> None:
        """Enter rows that a results file knows and this ledger does not; what the ledger knows stays."""
        if not imports:
            return
        values = [
            {
                "account": run.account,
                "source": run.source,
                "key": known.key,
                "state": known.state,
                "manifest_row": known.manifest_row,
                "number": known.ids.number if known.ids else "",
                "ticket_id": known.ids.ticket_id if known.ids else "",
                "ticket_key": known.ids.key if known.ids else "",
                "error_code": known.error_code,
                "error": known.error,
                "attempts": known.attempts,
                "finished_at": known.finished_at,
                "run": known.run,
            }
            for known in imports
        ]
        with self.writing() as db:
            statement = database.insert(db, schema.tickets)
            state = schema.tickets.c.state  # compared one by one: an IN can't be sent to many rows at once
            unsent_here = ((state == "pending") | (state == "failed")) & (schema.tickets.c.attempts == 0)
            # A ticket that was made elsewhere is one, whatever came of other requests here.
            may_be_made = (state == "pending") | (state == "failed") | (state == "unknown")
            made_there = (statement.excluded.state == "created") & may_be_made
            db.execute(
                statement.on_conflict_do_update(
                    index_elements=["account", "source", "key"],
                    set_={
                        name: statement.excluded[name] for name in values[0] if name not in ("account", "source", "key")
                    },
                    where=unsent_here | made_there,
                ),
                values,
            )
            request_bodies.erase_of_keys(db, run.account, run.source, [known.key for known in imports])

    def reject(self, run_id: str, rejections: Sequence[Rejection]) -> None:
        """Record rows that were judged and not sent."""
        if not rejections:
            return
        with self.writing() as db:
            db.execute(
                schema.rejections.insert(),
                [
                    {
                        "run": run_id,
                        "manifest_row": rejection.manifest_row,
                        "key": rejection.key,
                        "code": rejection.code,
                        "error": rejection.error,
                        "hint": rejection.hint,
                    }
                    for rejection in rejections
                ],
            )

    def rejections(self, run_id: str, rows: tuple[int, int]) -> dict[int, Rejection]:
        """The rejections of a run from one row to another, both included."""
        columns = schema.rejections.c
        where = (columns.run == run_id) & columns.manifest_row.between(*rows)
        with self._translated_errors(), self._engine.connect() as db:
            return {
                row.manifest_row: Rejection(
                    manifest_row=row.manifest_row, key=row.key, code=row.code, error=row.error, hint=row.hint
                )
                for row in db.execute(schema.rejections.select().where(where))
            }

    # -- rows under way ---------------------------------------------------------------------------------------------

    def commit(self, run: RunInfo, records: Sequence[Intent | Outcome]) -> dict[Outcome, Outcome]:
        """Make a batch of intents and outcomes durable, all or none.

        Gives what is recorded in place of an outcome whose ticket another row of the account has.
        Raises StoppedEarly if the run has lost its lease or a row is not its own: then nothing may be sent.
        """
        keyed_hash = self.keyed_hash
        with self.writing() as db:
            if any(isinstance(record, Intent) for record in records):
                leases.renew(db, run.id)
            return self._recorder.record(db, run, records, keyed_hash)

    def give_reserve_back(self) -> None:
        """Let what was sent be written down although the disk is full: nothing more must be sent then."""
        if self._file is not None:
            self._file.give_reserve_back()

    # -- inside -----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def keyed_hash(self) -> KeyedHash:
        """Hashes texts with this ledger's secret."""
        with self.reading() as db:
            secret = db.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == "secret"))
        if secret is None:
            raise LedgerError(
                f"the ledger {database.safe_url(str(self._engine.url))} has no secret for its hashes",
                hint="it is damaged; restore it from a backup",
            )
        return KeyedHash(bytes.fromhex(secret))

    @property
    def path(self) -> Path | None:
        """The file of an SQLite ledger."""
        return self._path

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for the other modules of this room."""
        with self._translated_errors(), self._engine.connect() as db:
            yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The same, in one transaction that may write."""
        with self._translated_errors(), self._engine.connect().execution_options(writes=True) as db, db.begin():
            if self._file is not None:
                self._file.check_same()
            yield db

    def _drop_lock(self) -> None:
        if self._lock is not None:
            self._lock.drop()
            self._lock = None

    def _translated_errors(self) -> contextlib.AbstractContextManager[None]:
        return database.translated_errors(str(self._engine.url))


_ENTRY = [
    schema.tickets.c[name]
    for name in (
        "id",
        "key",
        "state",
        "held_by",
        "run",
        "content",
        "error_code",
        "error",
        "attempts",
        "finished_at",
        "number",
        "ticket_id",
        "ticket_key",
    )
]


def _entry(row: Sequence[Any]) -> LedgerEntry:
    ticket, key, state, held_by, run, content, error_code, error, attempts, finished_at, number, ticket_id, shown = row
    return LedgerEntry(
        id=ticket,
        key=key,
        state=state,
        held_by=held_by,
        run=run,
        content=content,
        ids=TicketIds(number=number, ticket_id=ticket_id, key=shown) if number else None,
        error_code=error_code,
        error=error,
        attempts=attempts,
        finished_at=finished_at,
    )
