"""The results as a projection of manifest, plan and ledger: what became of each row, in the manifest's order. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from importer.error_codes import ERROR_CODES
from importer.ledger.records import LedgerEntry, Rejection
from importer.models import Status
from importer.results.columns import ResultRow

_EDITED_HINT = (
    "The row's content has changed since this ticket was made; the ticket was not changed. "
    "Change it in the account, or give the row a key of its own for a new ticket."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRow:
    """One row with everything that its result depends on. ``content`` is the hash of its cells as they are now."""

    row: int
    key: str
    content: str
    entry: LedgerEntry | None
    rejection: Rejection | None


def project(judged: JudgedRow, *, account: str, run: str) -> ResultRow:
    """Say what became of a row."""
    entry = judged.entry
    if judged.rejection is not None:
        return _rejected(judged, judged.rejection, account, run)
    if entry is None or entry.state == Status.PENDING:
        code = (entry.error_code if entry else "") or "not-reached"
        return _row(judged, Status.PENDING, code, account, run)
    state = Status.UNKNOWN if entry.state == "sending" else Status(entry.state)
    if state is Status.CREATED and entry.run != run:
        state = Status.SKIPPED
    code = "interrupted" if entry.state == "sending" else entry.error_code
    return _row(judged, state, code, account, entry.run or run)


def _rejected(judged: JudgedRow, rejection: Rejection, account: str, run: str) -> ResultRow:
    return ResultRow(
        row=judged.row,
        key=rejection.key,
        status=Status.REJECTED,
        code=rejection.code,
        error=rejection.error,
        hint=rejection.hint,
        account=account,
        run=run,
    )


def _row(judged: JudgedRow, status: Status, code: str, account: str, run: str) -> ResultRow:
    entry = judged.entry
    hint = ERROR_CODES[code].advice if code in ERROR_CODES else ""
    if status is Status.SKIPPED and entry is not None and entry.content not in ("", judged.content):
        hint = _EDITED_HINT
    return ResultRow(
        row=judged.row,
        key=judged.key,
        status=status,
        ids=entry.ids if entry else None,
        code=code,
        error=entry.error if entry else "",
        hint=hint,
        attempts=entry.attempts if entry else 0,
        finished_at=entry.finished_at if entry else "",
        account=account,
        run=run,
    )
