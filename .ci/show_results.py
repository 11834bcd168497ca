#!/usr/bin/env python3
"""Shows the first rows of a results file as a small table: `.ci/show_results.py RESULTS`."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

COLUMNS = ("import_row", "import_key", "import_status", "import_ticket_number", "import_ticket_id", "import_error_code")
SHOWN = 10


def main(path: Path) -> None:
    """Print the table and, below it, how many rows ended in which state."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    table = [[name.removeprefix("import_") for name in COLUMNS]]
    table += [[row[name] for name in COLUMNS] for row in rows[:SHOWN]]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    sys.stdout.write("\n")
    for line in table:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")
    totals = ", ".join(f"{count} {status}" for status, count in Counter(row["import_status"] for row in rows).items())
    sys.stdout.write(f"\n{len(rows)} rows: {totals}. All of it: {path}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
