"""The open ledger. Each operation is one transaction.

The intent of a request is committed before its first byte is sent, the outcome before the row counts as done. A ticket
with an intent but no outcome has the state ``sending``; it becomes ``unknown`` when the lease of its run has expired.
All calls block; an event loop calls them from a thread (``submission.journal``).
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
    """One open ledger. Open it with ``Ledger.open`` or ``Ledger.create``, and close it with ``close``."""

    def __init__(self, engine: sa.Engine, path: Path | None) -> None:
        self._engine = engine
        self._path = path
        self._file = LedgerFile(path) if path is not None else None
        self._lock: leases.RunLock | None = None
        self._recorder = RequestRecorder(engine.dialect)

    @classmethod
    def create(cls, url: str) -> Ledger:
        """Create the ledger, or open it if it exists. Raises LedgerError."""
        return cls(*opening.create_ledger(url))

    @classmethod
    def exists(cls, url: str) -> bool:
        """Return whether the ledger exists."""
        return opening.exists(url)

    @classmethod
    def open(cls, url: str) -> Ledger:
        """Open an existing ledger. Raises LedgerError if it is missing, damaged, or of a newer version."""
        return cls(*opening.open_ledger(url))

    @property
    def url(self) -> sa.URL:
        """The database's address."""
        return self._engine.url

    def close(self) -> None:
        """Close the connections, and release the lock of a run that could not be ended."""
        self._engine.dispose()
        self._drop_lock()

    # -- runs -------------------------------------------------------------------------------------------------------

    def begin_run(self, run: RunInfo) -> None:
        """Record a run with a new lease. First end all runs whose lease has expired."""
        if self._path is not None and self._file is not None:
            with self._translated_errors():
                self._lock = leases.RunLock(self._path, run.id)
                self._lock.take()
                self._file.checkpoint()  # data that a killed run left in the log
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
        """Extend the lease. Raises StoppedEarly if another run has taken over."""
        with self.writing() as db:
            leases.renew(db, run_id)

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

    def end_run(self, run_id: str, exit_code: int) -> None:
        """Record how a run ended and release its rows; its requests in flight become unknown."""
        with self.writing() as db:
            alive = (schema.runs.c.id == run_id) & schema.runs.c.ended_at.is_(None)
            db.execute(schema.runs.update().where(alive).values(ended_at=utc_now(), exit_code=exit_code))
            leases.release_rows(db, run_id)
        if self._file is not None:
            self._file.checkpoint()
        self._drop_lock()

    # -- rows before sending ----------------------------------------------------------------------------------------

    def look_up(self, account: str, source: str, keys: Sequence[str]) -> dict[str, LedgerEntry]:
        """Return the tickets of any number of keys, by key."""
        found: dict[str, LedgerEntry] = {}
        columns = schema.tickets.c
        with self._translated_errors(), self._engine.connect() as db:
            wanted = database.column_is_in(db, columns.key, keys)
            where = (columns.account == account) & (columns.source == source) & wanted
            for row in db.execute(sa.select(*_ENTRY).where(where)):
                found[row[1]] = _entry(row)
        return found

    def states(self, account: str, source: str, keys: Sequence[str]) -> dict[str, str]:
        """Return the states of the tickets of these keys; much faster than ``look_up``.

        A pending row that the account refused, or that the user set to pending, is ``refused``; see ``LedgerEntry``.
        """
        columns = schema.tickets.c
        with self._translated_errors(), self._engine.connect() as db:
            wanted = database.column_is_in(db, columns.key, keys)
            where = (columns.account == account) & (columns.source == source) & wanted
            found = db.execute(sa.select(columns.key, columns.state, columns.error_code).where(where))
            return {key: effective_state(state, code) for key, state, code in found}

    def claim(self, run: RunInfo, claims: Sequence[Claim]) -> dict[str, str]:
        """Reserve rows for this run, and renew its lease.

        Returns the states of the rows that are not pending: another run may have sent them since they were validated.
        From now on no other run can send them. Raises HeldByAnotherRun, and reserves none of the rows, if a live run
        holds one of them; StoppedEarly if another run has taken over this run's rows.
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
        """Add rows of a results file that this ledger does not know; known rows stay unchanged."""
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
            state = schema.tickets.c.state  # single comparisons: IN is not possible in an executemany
            unsent_here = ((state == "pending") | (state == "failed")) & (schema.tickets.c.attempts == 0)
            # A ticket that was created with another ledger exists, whatever the outcome of requests here.
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
        """Record rows that validation rejected."""
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
        """Return the rejections of a run by row, in a range of rows with both ends included."""
        columns = schema.rejections.c
        where = (columns.run == run_id) & columns.manifest_row.between(*rows)
        with self._translated_errors(), self._engine.connect() as db:
            return {
                row.manifest_row: Rejection(
                    manifest_row=row.manifest_row, key=row.key, code=row.code, error=row.error, hint=row.hint
                )
                for row in db.execute(schema.rejections.select().where(where))
            }

    # -- requests ---------------------------------------------------------------------------------------------------

    def commit(self, run: RunInfo, records: Sequence[Intent | Outcome]) -> dict[Outcome, Outcome]:
        """Commit a batch of intents and outcomes, all or none.

        Returns the replacements of outcomes whose ticket belongs to another row of the account.
        Raises StoppedEarly if the run has lost its lease or one of the rows; then nothing may be sent.
        """
        keyed_hash = self.keyed_hash
        with self.writing() as db:
            if any(isinstance(record, Intent) for record in records):
                leases.renew(db, run.id)
            return self._recorder.record(db, run, records, keyed_hash)

    def give_reserve_back(self) -> None:
        """Free the reserved space of a full disk, to record outcomes. Nothing more may be sent after this."""
        if self._file is not None:
            self._file.give_reserve_back()

    # -- connections ------------------------------------------------------------------------------------------------

    @functools.cached_property
    def keyed_hash(self) -> KeyedHash:
        """The hash function with this ledger's secret."""
        with self.reading() as db:
            secret = db.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == "secret"))
        if secret is None:
            raise LedgerError(
                f"the secret is missing in the ledger {database.safe_url(str(self._engine.url))}",
                hint="it is damaged; restore it from a backup",
            )
        return KeyedHash(bytes.fromhex(secret))

    @property
    def path(self) -> Path | None:
        """The file of an SQLite ledger; ``None`` for a server."""
        return self._path

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection for queries. Raises LedgerError."""
        with self._translated_errors(), self._engine.connect() as db:
            yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in one transaction that may write. Raises LedgerError."""
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
