"""The rows of a results file that a user names by their numbers, for commands that need no mapping."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from importer.ledger.records import source_of_run
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.snapshot import private_copy, private_folder
from importer.models import ManifestOptions, RowNumbers
from importer.results import (
    COLUMNS,
    ResultRow,
    check_results,
    data_columns,
    has_only_open_rows,
    read_result_rows,
    with_other_rows,
)
from importer.validation import content_hashes


@dataclass(frozen=True, kw_only=True)
class NamedRows:
    """Rows of a results file, each with the hash of its cells."""

    account: str
    source: str
    rows: list[tuple[ResultRow, str]]


def read_named_rows(results: Path, named: RowNumbers | None) -> NamedRows:
    """Read the rows that ``named`` has, or all rows. Raises ImporterError for a file that is no results file.

    The rows that a workbook with only the rows to work on lacks come from the CSV file beside it.
    """
    options = ManifestOptions().for_results()
    with private_folder() as folder:
        manifest = open_manifest(private_copy(results, folder).path, options, COLUMNS, original=results)
        if has_only_open_rows(manifest):
            manifest = with_other_rows(manifest, results, options, folder)
        account, source = _owner(manifest)
        check_results(manifest, str(results), account=account, source=source)
        columns = list(data_columns(manifest.columns))
        rows = []
        for chunk in manifest.chunks():
            contents = content_hashes(columns, chunk.cells(columns))
            pairs = zip(read_result_rows(chunk.frame), contents, strict=True)
            rows += [(row, content) for row, content in pairs if named is None or row.row in named]
    return NamedRows(account=account, source=source, rows=rows)


def _owner(manifest: Manifest) -> tuple[str, str]:
    """Return the account and source of the first row; ``check_results`` compares the other rows with them."""
    first = next(manifest.chunks(1), None)
    if first is None or not {"import_account", "import_run"} <= set(manifest.columns):
        return "", ""  # not a results file, or one without rows
    cells = first.frame.iloc[0]
    return cells["import_account"], source_of_run(cells["import_run"])
