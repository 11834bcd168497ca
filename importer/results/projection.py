"""Derives the result of a row from the manifest, the rejections and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace

from importer.error_codes import ERROR_CODES
from importer.ledger.records import Acknowledgement, LedgerEntry, Rejection
from importer.models import Status
from importer.results.columns import ResultRow

# A row that was rejected is pending if the mapping has changed: it is valid now, and still not sent.
_MAY_BE_ACKNOWLEDGED = (Status.REJECTED, Status.FAILED, Status.PENDING)
_EDITED_HINT = (
    "The row has changed since this ticket was created; the ticket was not changed. "
    "Change the ticket in the account, or give the row a new key to create another ticket."
)
NUMBER_IN_LEDGER = (
    "An earlier run created the ticket. Its number is in the ledger, which could not be read. "
    "Run the same command again to get complete results."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RowState:
    """Everything that the result of one row depends on. ``content`` is the hash of its current cells."""

    row: int
    key: str
    content: str
    entry: LedgerEntry | None
    rejection: Rejection | None
    exclusion: str = ""  # why the mapping's `rows` leave it out
    is_left_out: bool = False  # by ``--rows``, ``--where`` or ``--sample``


def result_of_row(row: RowState, *, account: str, run: str) -> ResultRow:
    """Return the result of a row."""
    entry = row.entry
    if row.rejection is not None:
        return _rejected(row, row.rejection, account, run)
    if row.exclusion and (entry is None or entry.state not in ("sending", Status.UNKNOWN)):
        return _excluded(row, account, run)
    if entry is None or entry.state == Status.PENDING:
        code = (entry.error_code if entry else "") or ("not-selected" if row.is_left_out else "not-reached")
        return _row(row, Status.PENDING, code, account, run)
    state = Status.UNKNOWN if entry.state == "sending" else Status(entry.state)
    if state is Status.CREATED and entry.run != run:
        state = Status.SKIPPED
    code = "interrupted" if entry.state == "sending" else entry.error_code
    return _row(row, state, code, account, entry.run or run)


def with_acknowledgement(result: ResultRow, found: Acknowledgement | None) -> ResultRow:
    """Return the result of a row that a user has acknowledged as ``found`` says, if it still is not a ticket."""
    if found is None or result.status not in _MAY_BE_ACKNOWLEDGED:
        return result
    hint = (
        f"Acknowledged by {found.user_name} at {found.acknowledged_at}: {found.reason} "
        "The row is not sent until its cells change."
    )
    return replace(result, hint=hint, acknowledged=True)


def _rejected(row: RowState, rejection: Rejection, account: str, run: str) -> ResultRow:
    return ResultRow(
        row=row.row,
        key=rejection.key,
        status=Status.REJECTED,
        code=rejection.code,
        error=rejection.error,
        hint=rejection.hint,
        account=account,
        run=run,
    )


def _excluded(row: RowState, account: str, run: str) -> ResultRow:
    """Return the result of a row that the mapping leaves out. If it is a ticket already, it keeps the ticket's IDs."""
    entry = row.entry if row.entry is not None and row.entry.ids is not None else None
    return ResultRow(
        row=row.row,
        key=row.key,
        status=Status.EXCLUDED,
        ids=entry.ids if entry else None,
        hint=f"Left out by {row.exclusion}.",
        attempts=entry.attempts if entry else 0,
        finished_at=entry.finished_at if entry else "",
        account=account,
        run=(entry.run if entry else "") or run,
    )


def _row(row: RowState, status: Status, code: str, account: str, run: str) -> ResultRow:
    entry = row.entry
    hint = ERROR_CODES[code].advice if code in ERROR_CODES else ""
    if status is Status.SKIPPED and entry is not None and entry.content not in ("", row.content):
        hint = _EDITED_HINT
    elif status is Status.SKIPPED and entry is not None and entry.ids is None:
        hint = NUMBER_IN_LEDGER
    return ResultRow(
        row=row.row,
        key=row.key,
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
