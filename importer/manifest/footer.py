"""Hints about short rows at the end: a report's footer, an end mark, or a cut file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from importer.models import Problem

SHORT = "too-few-cells"
MAX_ROWS = 20
_COPY_END_MARK = [r"\."]


@dataclass(frozen=True, kw_only=True)
class Footer:
    """The rows at the end that are skipped, and the text of the first one."""

    rows: tuple[int, ...]
    first_text: str

    def describe(self) -> str:
        """Describe the footer for the user."""
        first, last = self.rows[0], self.rows[-1]
        where = f"row {first} is" if first == last else f"{len(self.rows)} rows, {first} to {last}, are"
        return f"{where} skipped as the footer: {self.first_text[:80]!r}"


def ends_with_short_row(rows: Sequence[int], problems: Iterable[Problem]) -> bool:
    """Return whether the last row has too few cells."""
    return any(problem.row == rows[-1] for problem in problems if problem.code == SHORT)


def add_footer_hints(
    rows: Sequence[int], problems: Sequence[Problem], records: Callable[[Sequence[int]], list[list[str]]]
) -> tuple[Problem, ...]:
    """Return the problems, those of short rows at the end with a hint.

    The hint says what these rows look like. ``records`` reads rows by their positions.
    """
    short = {problem.row for problem in problems if problem.code == SHORT}
    count = next((at for at, row in enumerate(reversed(rows)) if row not in short), len(rows))
    if count > MAX_ROWS:
        return tuple(problems)
    last = rows[-count:]
    hint = _hint(last, records(range(len(rows) - count, len(rows))))
    is_last = frozenset(last)
    return tuple(
        replace(problem, hint=hint) if problem.code == SHORT and problem.row in is_last else problem
        for problem in problems
    )


def _hint(rows: Sequence[int], records: list[list[str]]) -> str:
    if records == [_COPY_END_MARK]:
        return "This is the end mark of PostgreSQL's COPY: set `manifest: {dialect: postgres-copy}` in the mapping."
    where = f"row {rows[0]}" if len(rows) == 1 else f"rows {rows[0]} to {rows[-1]}"
    delete = (
        f"set `manifest: {{footer: skip}}` in the mapping, delete {where} from the file, or export without a footer"
    )
    if len(rows) == 1:
        return f"This is the last row: if the file was cut off there, export it again; if it is a footer, {delete}."
    return f"This looks like a report's footer: {delete}, and run again."
