"""Refuses a ledger that lacks what this host has sent: an older copy, or another ledger than before.

Rows that such a ledger does not know would be sent again as new ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from importer.errors import LedgerError
from importer.ledger.database import safe_url
from importer.ledger.host_note import HostNote, NotedRun
from importer.ledger.identity import lacking, record_known
from importer.ledger.records import RunInfo
from importer.ledger.store import Ledger
from importer.runtime.events import Emit, Warned
from importer.workflows.import_job import ImportJob

_SHOWN = 10


class LedgerGuard:
    """Compares the ledger of one import with the note of this host. Without ledger or note it does nothing."""

    def __init__(self, job: ImportJob, ledger: Ledger | None, info: RunInfo) -> None:
        self._job = job
        self._info = info
        self._ledger = ledger
        self._noted: Sequence[NotedRun] = ()
        self._lacking: list[NotedRun] = []
        self._reason = job.options.accept_ledger or ""
        if ledger is not None and job.notes is not None:
            ledger.note = HostNote(job.notes, info.account)
            self._noted = ledger.note.runs()
            self._lacking = lacking(ledger, self._noted)

    def check(self, emit: Emit, *, only_warn: bool = False) -> None:
        """Raise LedgerError if the ledger of a `run` lacks what this host has sent, unless the user accepts that."""
        if self._reason and not self._lacking:
            emit(Warned("--accept-ledger has no effect: the ledger has all that this host has sent; remove the flag"))
        if self._lacking and not self._reason and not self._job.is_rerun:
            error = self._error(self._lacking)
            if not only_warn:
                raise error
            emit(Warned(f"a run would stop: {error.message}; {error.hint}"))

    def close(self) -> None:
        """Write the note to the disk."""
        if self._ledger is not None and self._ledger.note is not None:
            self._ledger.note.close()

    def accept(self) -> None:
        """Record that the user accepts the ledger, if it lacks anything; from now on it is not refused."""
        if self._reason:
            self._record(self._lacking, self._reason)

    def check_results(self, recorded: Mapping[str, int]) -> None:
        """Take runs as known whose tickets the results file has brought to the ledger.

        ``recorded``: see ``CheckPass``. Raises LedgerError if this host has sent rows of this source later than the
        file was written, and the ledger lacks them: rows that are open in the file may be tickets now.
        """
        brought = [each for each in self._lacking if recorded.get(each.run, 0) >= each.tickets + each.unclear]
        self._record(brought)
        self._lacking = [each for each in self._lacking if each not in brought]
        newest = max((at for at, each in enumerate(self._noted) if each.run in recorded), default=-1)
        later = [
            each for each in self._noted[newest + 1 :] if each in self._lacking and each.source == self._info.source
        ]
        if later and not self._reason:
            raise self._error(later)

    def _record(self, runs: Sequence[NotedRun], reason: str = "") -> None:
        if runs and self._ledger is not None:
            record_known(self._ledger, runs, self._info.id, reason)

    def _error(self, runs: Sequence[NotedRun]) -> LedgerError:
        assert self._ledger is not None, "a ledger that does not exist lacks nothing"
        newest_first = list(reversed(runs))
        others = dict.fromkeys(each.place for each in newest_first if each.ledger != self._ledger.id)
        why = (
            f"this host has sent with another ledger, {', '.join(others)}"
            if others
            else "it is an older copy, such as a restored backup, or its server has lost the last transactions"
        )
        return LedgerError(
            f"the ledger {safe_url(str(self._ledger.url))} lacks tickets that this host has created in account "
            f"{self._info.account}: {why}",
            details=[*map(_described, newest_first[:_SHOWN]), *_more(newest_first)],
            hint="if it is the wrong ledger, correct LSQ_LEDGER or --ledger. If it is the right one, `rerun` these "
            "results, the newest first: that records their tickets in it. --accept-ledger REASON goes on without "
            "them: rows that the ledger does not know are sent as new ones",
        )


def _described(run: NotedRun) -> str:
    tickets = f"{run.tickets:,} ticket{'' if run.tickets == 1 else 's'}"
    unclear = f", {run.unclear:,} without a clear answer" if run.unclear else ""
    missing = "" if Path(run.results).exists() else " (not found)"
    return f"run {run.run}, begun at {run.began_at}: {tickets}{unclear}; results: {run.results}{missing}"


def _more(runs: Sequence[NotedRun]) -> list[str]:
    return [f"… and {len(runs) - _SHOWN:,} earlier runs"] if len(runs) > _SHOWN else []
