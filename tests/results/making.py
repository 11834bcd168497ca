"""Writes and reads results for tests."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from importer.models import Status, TicketIds
from importer.results import COLUMNS, ResultRow, RowResults, write_results

RUN = "old-helpdesk.20240101T000000Z.abcdef"
OTHER_SOURCE = "crm.v2.20240101T000000Z.abcdef"


def created(row: int, key: str = "A", **changes) -> ResultRow:
    values = {
        "row": row,
        "key": key,
        "status": Status.CREATED,
        "ids": TicketIds(number="157", ticket_id="5af882cc-0000", key="#157"),
        "attempts": 1,
        "finished_at": "2024-01-01T00:00:00Z",
        "account": "tenant",
        "run": RUN,
    }
    return ResultRow(**{**values, **changes})


def outcomes(columns: Sequence[str], cells: Sequence[Sequence[str]], first_row: int = 2) -> RowResults:
    return RowResults(cells=cells, results=[created(first_row + at, f"k{first_row + at}") for at in range(len(cells))])


def write(path: Path, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    return write_results(path, columns, [outcomes(columns, cells)])


def records(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def changed(path: Path, row: int, **cells: str) -> None:
    """Rewrite the file with some cells of one row changed, as a spreadsheet would."""
    found = records(path)
    found[row].update(cells)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, [*(name for name in found[0] if name not in COLUMNS), *COLUMNS])
        writer.writeheader()
        writer.writerows(found)
