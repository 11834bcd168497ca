"""What checking a manifest takes in each format, beside the library that one would load it with, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.costs import MIB, PANDAS, Bench, python
from tests.bench.lines import Goal, Line
from tests.bench.processes import Ended

_CALAMINE = (
    "import sys, python_calamine; "
    "python_calamine.CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0).to_python()"
)
_PANDAS_JSON = "import sys, pandas; pandas.read_json(sys.argv[1], lines=True, dtype=False)"
_FURTHER_WORKBOOKS = (".xlsb", ".ods", ".xls")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """How large the files are: a .xlsx, the other workbooks, and what is text."""

    xlsx: int
    workbook: int
    text: int


def formats(bench: Bench, rows: Rows) -> Iterator[Line]:
    """Every format that has a library of its own to stand beside; the plain CSV has a section of its own."""
    section = "Workbooks, beside python-calamine alone"
    yield from _lines(section, ".xlsx", *_measured(bench, ".xlsx", rows.xlsx, _CALAMINE), rows.xlsx)
    for ending in _FURTHER_WORKBOOKS:
        mine, bare = _measured(bench, ending, rows.workbook, _CALAMINE)
        yield _time(section, f"{ending}, {rows.workbook:,} × 10", mine, bare)
    for section, ending, otherwise in (
        ("JSON Lines, beside a bare pandas.read_json(lines=True, dtype=False)", ".jsonl", _PANDAS_JSON),
        ("Packed CSV, beside a bare pandas.read_csv(dtype=str, keep_default_na=False)", ".csv.gz", PANDAS),
    ):
        yield from _lines(section, ending, *_measured(bench, ending, rows.text, otherwise), rows.text)


def _measured(bench: Bench, ending: str, rows: int, otherwise: str) -> tuple[list[Ended], list[Ended]]:
    manifest: Path = bench.make("table", f"wide-{rows}{ending}", rows)
    mine, bare = bench.in_turn(ending, bench.validate(manifest), python(otherwise, str(manifest)))
    return mine, bare


def _lines(section: str, ending: str, mine: list[Ended], bare: list[Ended], rows: int) -> Iterator[Line]:
    goal = Goal(bound=2.0, side="most", by="ratio") if ending == ".xlsx" else None
    yield _time(section, f"{ending}, {rows:,} × 10", mine, bare, goal)
    yield Line(
        section=section,
        what=f"{ending}: peak memory",
        ours=[each.peak_bytes / MIB for each in mine],
        otherwise=[each.peak_bytes / MIB for each in bare],
        unit="MiB",
        digits=0,
    )


def _time(section: str, what: str, mine: list[Ended], bare: list[Ended], goal: Goal | None = None) -> Line:
    return Line(
        section=section,
        what=what,
        ours=[each.wall_s for each in mine],
        otherwise=[each.wall_s for each in bare],
        unit="s",
        goal=goal,
    )
