"""The workflow of `ledger acknowledge`: takes known bad rows of a results file out of the exit code. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.errors import LedgerError, UsageError
from importer.ledger.acknowledgements import acknowledge
from importer.ledger.database import user_name
from importer.ledger.records import Acknowledgement, source_of_run, utc_now
from importer.ledger.store import Ledger
from importer.manifest.manifest import Manifest, open_manifest
from importer.models import ManifestOptions, RowNumbers, Status
from importer.results import COLUMNS, ResultRow, check_results, data_columns, read_result_rows
from importer.validation import content_hashes

_MAY_BE_ACKNOWLEDGED = (Status.REJECTED, Status.FAILED)


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """The rows that were acknowledged, and why other named rows were not; both by ``import_row``."""

    account: str
    rows: tuple[int, ...]
    others: tuple[tuple[int, str], ...]


def acknowledge_rows(results: Path, named: RowNumbers, reason: str, ledger: Ledger) -> Acknowledged:
    """Acknowledge the rejected and failed ones of the named rows. Raises UsageError if there are none."""
    manifest = open_manifest(results, ManifestOptions(), COLUMNS)
    account, source = _owner(manifest)
    check_results(manifest, str(results), account=account, source=source)
    chosen: list[Acknowledgement] = []
    others: list[tuple[int, str]] = []
    for some in _named_rows(manifest, named):
        for row, content in some:
            if row.status not in _MAY_BE_ACKNOWLEDGED:
                others.append((row.row, f"is {row.status}"))
            elif (recorded := _recorded_content(ledger, source, row)) is None:
                others.append((row.row, f"is {row.status} in this file, and not any more in the ledger"))
            else:
                chosen.append(_acknowledgement(row, recorded or content, reason))
    if not chosen:
        raise UsageError(
            f"none of the rows {named} of {results} is rejected or failed",
            details=[f"row {row} {why}" for row, why in others],
            hint="name the import_row of rejected or failed rows with --rows",
        )
    acknowledge(ledger, account, source, chosen)
    return Acknowledged(account=account, rows=tuple(each.manifest_row for each in chosen), others=tuple(others))


def _owner(manifest: Manifest) -> tuple[str, str]:
    """Return the account and source of the first row; ``check_results`` compares the other rows with them."""
    first = next(manifest.chunks(1), None)
    if first is None or not {"import_account", "import_run"} <= set(manifest.columns):
        return "", ""  # not a results file, or one without rows
    cells = first.frame.iloc[0]
    return cells["import_account"], source_of_run(cells["import_run"])


def _named_rows(manifest: Manifest, named: RowNumbers) -> Iterator[Sequence[tuple[ResultRow, str]]]:
    """Yield the named rows with the hashes of their cells, chunk by chunk."""
    columns = list(data_columns(manifest.columns))
    for chunk in manifest.chunks():
        contents = content_hashes(columns, chunk.cells(columns))
        pairs = zip(read_result_rows(chunk.frame), contents, strict=True)
        yield [(row, content) for row, content in pairs if row.row in named]


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
