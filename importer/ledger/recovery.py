"""Records what the outboxes of ended runs have: answers that came while the ledger could not take them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from importer.ledger import database, leases, request_bodies, schema
from importer.ledger.connection import LedgerConnection
from importer.ledger.outbox import Kept, outbox_path, taken
from importer.ledger.records import Outcome, RunInfo, utc_now
from importer.ledger.request_recorder import RequestRecorder
from importer.runtime.atomic_files import sync_folder

log = logging.getLogger("importer")
_runs, _tickets, _attempts = schema.runs.c, schema.tickets.c, schema.attempts.c
_INFO = ("id", "account", "source", "command", "manifest", "manifest_sha256", "mapping_sha256", "key_field", "results")
_REPLACEABLE = ("pending", "failed", "unknown")


class Recovery:
    """Looks for outboxes of the ledger's runs. A file that can't be read stays, and a warning names it."""

    def __init__(self, ledger: LedgerConnection, recorder: RequestRecorder) -> None:
        self._ledger = ledger
        self._recorder = recorder

    def of_ended_runs(self) -> None:
        """Record the outboxes of runs whose process has ended, and end these runs. Raises LedgerError."""
        statement = schema.runs.select().where(_runs.exit_code.is_(None) & (_runs.results != ""))
        with self._ledger.reading() as db:
            runs = [run for run in db.execute(statement).all() if _has_outbox(run)]
            ended = [run for run in runs if _may_have_ended(db, run)]
        for run in ended:
            self._take(_info(run), ends=True)

    def of_run(self, run: RunInfo) -> None:
        """Record the outbox of this process's own run, which goes on. Raises LedgerError."""
        self._take(run, ends=False)

    def _take(self, run: RunInfo, *, ends: bool) -> None:
        path = outbox_path(run.results, run.id)
        try:
            if path is None or not path.exists():
                return
            with taken(path) as kept:
                if kept is not None:
                    self._record(run, kept, path, ends=ends)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            log.warning("%s has answers of run %s that the ledger lacks, and can't be read: %s", path, run.id, reason)

    def _record(self, run: RunInfo, kept: Kept, path: Path, *, ends: bool) -> None:
        keyed_hash = self._ledger.keyed_hash

        def record(db: sa.Connection) -> list[str]:
            outcomes = _not_recorded(db, run, kept.outcomes)
            doubtful = self._recorder.record(db, run, outcomes, keyed_hash)
            twice = _adopt(db, run, [each for each in outcomes if each.ids is not None and each not in doubtful])
            if ends:
                _end(db, run, kept)
            return twice

        for warning in self._ledger.transaction(record):
            log.warning("%s", warning)
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
        if count := len(kept.outcomes):
            log.warning(
                "recorded %d answer%s of run %s that the ledger could not take before (from %s)",
                count,
                "" if count == 1 else "s",
                run.id,
                path,
            )


def _has_outbox(run: sa.Row[Any]) -> bool:
    path = outbox_path(run.results, run.id)
    return path is not None and path.exists()


def _may_have_ended(db: sa.Connection, run: sa.Row[Any]) -> bool:
    """Return whether the lock of the outbox decides: that of another host may not be seen here, so its lease does."""
    return run.ended_at is not None or run.host == socket.gethostname() or leases.is_expired(db, run, None)


def _info(run: sa.Row[Any]) -> RunInfo:
    return RunInfo(**{name: getattr(run, name) for name in _INFO})


def _of_keys(db: sa.Connection, run: RunInfo, outcomes: Sequence[Outcome]) -> sa.ColumnElement[bool]:
    keys = database.column_is_in(db, _tickets.key, [each.key for each in outcomes])
    return (_tickets.account == run.account) & (_tickets.source == run.source) & keys


def _not_recorded(db: sa.Connection, run: RunInfo, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes that the ledger lacks: a commit may have succeeded although its answer was lost."""
    if not outcomes:
        return []
    is_open = sa.exists().where(
        (_attempts.ticket == _tickets.id) & (_attempts.run == run.id) & _attempts.outcome.is_(None)
    )
    is_pending = (_tickets.state == "pending") & (_tickets.run == run.id)
    found = db.execute(
        sa.select(_tickets.key, is_open.label("open"), is_pending.label("pending")).where(_of_keys(db, run, outcomes))
    ).all()
    has_open, has_pending = ({row.key for row in found if getattr(row, name)} for name in ("open", "pending"))
    return [each for each in outcomes if each.key in (has_pending if each.late else has_open)]


def _adopt(db: sa.Connection, run: RunInfo, outcomes: Sequence[Outcome]) -> list[str]:
    """Enter tickets of rows that were settled otherwise since; return a warning for each row that was sent again."""
    warnings: list[str] = []
    if not outcomes:
        return warnings
    found = db.execute(schema.tickets.select().where(_of_keys(db, run, outcomes)).with_for_update())
    entries = {row.key: row for row in found}
    for each in outcomes:
        entry, ids = entries[each.key], each.ids
        assert ids is not None
        if entry.state in _REPLACEABLE:
            values = {"number": ids.number, "ticket_id": ids.ticket_id, "ticket_key": ids.key, "error_code": ""}
            values |= {"state": each.state, "error": "", "run": run.id, "finished_at": utc_now()}
            db.execute(schema.tickets.update().where(_tickets.id == entry.id).values(values))
            db.execute(request_bodies.erase_bodies(_tickets.id == entry.id))
        elif entry.number != ids.number:
            warnings.append(
                f"row {entry.manifest_row} (key {each.key!r}): run {run.id} created ticket {ids.number}, and run "
                f"{entry.run} sent the row again: look for a second ticket in the account"
            )
    return warnings


def _end(db: sa.Connection, run: RunInfo, kept: Kept) -> None:
    values = {"ended_at": sa.func.coalesce(_runs.ended_at, utc_now()), "exit_code": kept.exit_code}
    db.execute(schema.runs.update().where(_runs.id == run.id).values(**values, stopped=kept.stopped or None))
    leases.release_rows(db, run.id)
