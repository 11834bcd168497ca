"""Time and memory of checking a manifest in each format; the baseline only loads it with a library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cpu_bound import MIB, PANDAS, Bench, python
from tests.bench.measurements import Goal, Measurement
from tests.bench.processes import ProcessResult

_CALAMINE = (
    "import sys, python_calamine; "
    "python_calamine.CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0).to_python()"
)
_PANDAS_JSON = "import sys, pandas; pandas.read_json(sys.argv[1], lines=True, dtype=False)"
_PANDAS_NESTED = (
    "import json, sys, pandas; "
    "pandas.json_normalize([json.loads(line) for line in open(sys.argv[1], encoding='utf-8')])"
)
_FURTHER_WORKBOOKS = (".xlsb", ".ods", ".xls")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of the files: a .xlsx, other workbooks, and text formats."""

    xlsx: int
    workbook: int
    text: int


def formats(bench: Bench, rows: Rows) -> Iterator[Measurement]:
    """Measure every format except plain CSV, which `validation` measures."""
    section = "Workbooks, beside python-calamine alone"
    yield from _lines(section, ".xlsx", *_measured(bench, ".xlsx", rows.xlsx, _CALAMINE), rows.xlsx)
    for ending in _FURTHER_WORKBOOKS:
        mine, bare = _measured(bench, ending, rows.workbook, _CALAMINE)
        yield _time(section, f"{ending}, {rows.workbook:,} × 10", mine, bare)
    for section, ending, baseline in (
        ("JSON Lines, beside a bare pandas.read_json(lines=True, dtype=False)", ".jsonl", _PANDAS_JSON),
        ("Packed CSV, beside a bare pandas.read_csv(dtype=str, keep_default_na=False)", ".csv.gz", PANDAS),
    ):
        yield from _lines(section, ending, *_measured(bench, ending, rows.text, baseline), rows.text)
    yield from _nested(bench, rows.text)


def _nested(bench: Bench, rows: int) -> Iterator[Measurement]:
    section = "Nested JSON Lines, beside json.loads of each line and pandas.json_normalize"
    manifest = bench.make("nested", f"nested-{rows}.jsonl", rows)
    mine, bare = bench.in_turn("nested", bench.validate_nested(manifest), python(_PANDAS_NESTED, str(manifest)))
    goal = Goal(bound=2.0, side="most", by="ratio")
    yield _time(section, f"nested .jsonl, {rows:,}", mine, bare, goal)
    yield _memory(section, "nested .jsonl", mine, bare)


def _measured(bench: Bench, ending: str, rows: int, baseline: str) -> tuple[list[ProcessResult], list[ProcessResult]]:
    manifest: Path = bench.make("table", f"wide-{rows}{ending}", rows)
    mine, bare = bench.in_turn(ending, bench.validate(manifest), python(baseline, str(manifest)))
    return mine, bare


def _lines(
    section: str, ending: str, mine: list[ProcessResult], bare: list[ProcessResult], rows: int
) -> Iterator[Measurement]:
    goal = Goal(bound=2.0, side="most", by="ratio") if ending == ".xlsx" else None
    yield _time(section, f"{ending}, {rows:,} × 10", mine, bare, goal)
    yield _memory(section, ending, mine, bare)


def _memory(section: str, what: str, mine: list[ProcessResult], bare: list[ProcessResult]) -> Measurement:
    return Measurement(
        section=section,
        what=f"{what}: peak memory",
        ours=[each.peak_bytes / MIB for each in mine],
        baseline=[each.peak_bytes / MIB for each in bare],
        unit="MiB",
        digits=0,
    )


def _time(
    section: str, what: str, mine: list[ProcessResult], bare: list[ProcessResult], goal: Goal | None = None
) -> Measurement:
    return Measurement(
        section=section,
        what=what,
        ours=[each.wall_s for each in mine],
        baseline=[each.wall_s for each in bare],
        unit="s",
        goal=goal,
    )
