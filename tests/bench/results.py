"""What a row of a results workbook takes to write, beside the libraries that one would write it with."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.clients import PYTHON
from tests.bench.costs import Bench, Program
from tests.bench.lines import Line

_WRITERS = ("ours", "xlsxwriter", "openpyxl")
_OTHERS = ("XlsxWriter, constant_memory", "openpyxl, write_only")


def results(bench: Bench, rows: int) -> Iterator[Line]:
    """CPU of a row of text, without what a process needs to begin; a line for each library beside ours."""
    ours, *others = bench.in_turn(
        f"a results workbook of {rows:,} rows",
        *(
            Program(command=(PYTHON, "-m", "tests.bench.writers", who, str(bench.folder / f"{who}.xlsx"), str(rows)))
            for who in _WRITERS
        ),
    )
    for runs, name in zip(others, _OTHERS, strict=True):
        yield Line(
            section="Results as a workbook",
            what=f"CPU of a row of ten columns and its result; otherwise {name}",
            ours=[float(each.output) / rows * 1e6 for each in ours],
            otherwise=[float(each.output) / rows * 1e6 for each in runs],
            unit="µs",
            digits=0,
        )
