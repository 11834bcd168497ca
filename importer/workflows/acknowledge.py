"""The workflow of `ledger acknowledge`: takes known bad rows of a results file out of the exit code. Prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from importer.errors import LedgerError, UsageError
from importer.ledger.acknowledgements import acknowledge
from importer.ledger.database import user_name
from importer.ledger.records import Acknowledgement, utc_now
from importer.ledger.store import Ledger
from importer.models import RowNumbers, Status
from importer.results import ResultRow
from importer.workflows.named_rows import read_named_rows

_MAY_BE_ACKNOWLEDGED = (Status.REJECTED, Status.FAILED)


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """The rows that were acknowledged, and why other named rows were not; both by ``import_row``."""

    account: str
    rows: tuple[int, ...]
    others: tuple[tuple[int, str], ...]


def acknowledge_rows(results: Path, named: RowNumbers, reason: str, ledger: Ledger) -> Acknowledged:
    """Acknowledge the rejected and failed ones of the named rows. Raises UsageError if there are none."""
    read = read_named_rows(results, named)
    chosen: list[Acknowledgement] = []
    others: list[tuple[int, str]] = []
    for row, content in read.rows:
        if row.status not in _MAY_BE_ACKNOWLEDGED:
            others.append((row.row, f"is {row.status}"))
        elif (recorded := _recorded_content(ledger, read.source, row)) is None:
            others.append((row.row, f"is {row.status} in this file, and not any more in the ledger"))
        else:
            chosen.append(_acknowledgement(row, recorded or content, reason))
    if not chosen:
        raise UsageError(
            f"none of the rows {named} of {results} is rejected or failed",
            details=[f"row {row} {why}" for row, why in others],
            hint="name the import_row of rejected or failed rows with --rows",
        )
    acknowledge(ledger, read.account, read.source, chosen)
    return Acknowledged(account=read.account, rows=tuple(each.manifest_row for each in chosen), others=tuple(others))


def _recorded_content(ledger: Ledger, source: str, row: ResultRow) -> str | None:
    """Return the hash of the row's cells as the run read them: a spreadsheet may have changed those in the file.

    It is empty if it was not recorded, and ``None`` if the row is not failed any more. Raises LedgerError if the
    ledger does not know the row's run.
    """
    if row.status is Status.REJECTED:
        rejection = ledger.rejections(row.run, (row.row, row.row)).get(row.row)
        if rejection is None:
            raise LedgerError(
                f"row {row.row} was rejected by run {row.run}, which this ledger does not know",
                hint="name the ledger of that run with --ledger or LSQ_LEDGER",
            )
        return rejection.content
    entry = ledger.look_up(row.account, source, [row.key]).get(row.key)
    return entry.content if entry is not None and entry.state == Status.FAILED else None


def _acknowledgement(row: ResultRow, content: str, reason: str) -> Acknowledgement:
    return Acknowledgement(
        key=row.key,
        content=content,
        manifest_row=row.row,
        state=row.status.value,
        code=row.code,
        reason=reason,
        user_name=user_name(),
        acknowledged_at=utc_now(),
    )
