"""Reads one sheet of a workbook in batches of records, with a separate process."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.manifest.chunks import Batch
from importer.manifest.file_type import FileType
from importer.manifest.header import Header
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.records import BlankRecords
from importer.manifest.workbooks.process_messages import BlankRows
from importer.manifest.workbooks.row_cache import RowCache
from importer.manifest.workbooks.sheet_reader import SheetReader
from importer.models import ManifestOptions


@dataclass(frozen=True, kw_only=True)
class WorkbookFile:
    """One sheet of a workbook."""

    format: ManifestFormat
    header: Header
    rows: RowCache

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the records below the header, at most ``size`` at a time. Raises ManifestError."""
        first_row = self.header.row + 1
        for rows in self.rows:
            if isinstance(rows, BlankRows):
                yield Batch(first_row=first_row, records=BlankRecords(size=rows.size))
                first_row += rows.size
                continue
            grid, problems = rows.grid(), rows.problems
            for start in range(0, len(grid), size):
                records = grid.part(start, start + size)
                end_row = first_row + len(records)
                in_batch = tuple(problem for problem in problems if first_row <= problem.row < end_row)
                yield Batch(first_row=first_row, records=records, problems=in_batch)
                first_row = end_row


def open_workbook(
    path: Path, kind: FileType, options: ManifestOptions, expected: Collection[str], file_name: str
) -> WorkbookFile:
    """Choose the sheet and find its header. Raises ManifestError if there is none, or if a limit is reached."""
    reader = SheetReader(path, kind, options, expected, file_name)
    opened = reader.opened
    return WorkbookFile(format=opened.format, header=opened.header, rows=RowCache(reader))
