"""CPU time of writing a row of a results workbook; the baselines are two libraries."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.clients import PYTHON
from tests.bench.cpu_bound import Bench, Program
from tests.bench.measurements import Measurement

_WRITERS = ("ours", "xlsxwriter", "openpyxl")
_OTHERS = ("XlsxWriter, constant_memory", "openpyxl, write_only")


def results(bench: Bench, rows: int) -> Iterator[Measurement]:
    """Measure the CPU time of a row, without start-up; a measurement for each library."""
    ours, *others = bench.in_turn(
        f"a results workbook of {rows:,} rows",
        *(
            Program(
                command=(
                    PYTHON,
                    "-m",
                    "tests.bench.workbook_writers",
                    client,
                    str(bench.folder / f"{client}.xlsx"),
                    str(rows),
                )
            )
            for client in _WRITERS
        ),
    )
    for runs, name in zip(others, _OTHERS, strict=True):
        yield Measurement(
            section="Results as a workbook",
            what=f"CPU of a row of ten columns and its result; baseline: {name}",
            ours=[float(each.output) / rows * 1e6 for each in ours],
            baseline=[float(each.output) / rows * 1e6 for each in runs],
            unit="µs",
            digits=0,
        )
