"""Short rows at the very end of a manifest: the footer of a report, the end mark of a dump, or where a file was cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from importer.models import Problem

_SHORT = "too-few-cells"
_MOST_ROWS = 20
_END_OF_COPY = [r"\."]


def ends_short(rows: Sequence[int], problems: Iterable[Problem]) -> bool:
    """Whether the last of some rows has too few cells."""
    return any(problem.row == rows[-1] for problem in problems if problem.code == _SHORT)


def with_footer_hints(
    rows: Sequence[int], problems: Sequence[Problem], records: Callable[[Sequence[int]], list[list[str]]]
) -> tuple[Problem, ...]:
    """The problems of a manifest's last rows; those of short rows at the very end say what these look like.

    ``records`` reads rows by their positions.
    """
    short = {problem.row for problem in problems if problem.code == _SHORT}
    count = next((at for at, row in enumerate(reversed(rows)) if row not in short), len(rows))
    if count > _MOST_ROWS:
        return tuple(problems)
    last = rows[-count:]
    hint = _hint(last, records(range(len(rows) - count, len(rows))))
    is_last = frozenset(last)
    return tuple(
        replace(problem, hint=hint) if problem.code == _SHORT and problem.row in is_last else problem
        for problem in problems
    )


def _hint(rows: Sequence[int], records: list[list[str]]) -> str:
    if records == [_END_OF_COPY]:
        return "It is the end mark of PostgreSQL's COPY: delete the line, or export with WITH (FORMAT csv, HEADER)."
    where = f"row {rows[0]}" if len(rows) == 1 else f"rows {rows[0]} to {rows[-1]}"
    delete = f"delete {where} from the file, or export without a footer (in Salesforce: Details Only)"
    if len(rows) == 1:
        return (
            f"It is the last row: if the file is cut off there, export it again; if it is a report's footer, {delete}."
        )
    return f"It looks like a report's footer: {delete}, and run again."
