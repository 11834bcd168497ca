#!/usr/bin/env python3
"""Shows the first rows of a results file as a small table: `.ci/show_results.py RESULTS`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

COLUMNS = ("import_row", "import_key", "import_status", "import_ticket_number", "import_ticket_id")
SHOWN = 10


def main(path: Path) -> None:
    """Print the first rows, and how many more there are."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    table = [[name.removeprefix("import_") for name in COLUMNS]]
    table += [[row[name] for name in COLUMNS] for row in rows[:SHOWN]]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    sys.stdout.write("\n")
    for line in table:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")
    if len(rows) > SHOWN:
        sys.stdout.write(f"… and {len(rows) - SHOWN} more rows\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
