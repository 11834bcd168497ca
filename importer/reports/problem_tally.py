"""Groups problems by kind: what is wrong in which column, with the rows and the different values. Pure.

The terminal, the plan, JSON and the HTML page all show these kinds; `problem_text` words them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from importer.models import Problem
from importer.runtime.events import Event, ProblemsFound

ROWS_KEPT = 10
# Memory for values is bounded: a hundred columns may have a million different wrong values each.
_VALUES_KEPT = 1_000
_KINDS_WITH_MANY_VALUES = 100
_VALUES_KEPT_OF_MORE = 10


class ValueExamples:
    """Counts how often each value occurs, in bounded memory.

    From ``2 * kept`` different values on, the rarest are dropped: then ``exact`` is false, and the counts of
    `most_common` are lower bounds.
    """

    def __init__(self, kept: int = _VALUES_KEPT) -> None:
        self._kept = kept
        self._counts: Counter[str] = Counter()
        self.exact = True

    def add(self, value: str) -> None:
        """Count one value."""
        self._counts[value] += 1
        if len(self._counts) > 2 * self._kept:
            self._counts = Counter(dict(self._counts.most_common(self._kept)))
            self.exact = False

    @property
    def different(self) -> int:
        """The number of different values, or a lower bound if it is not ``exact``."""
        return len(self._counts) if self.exact else self._kept

    def most_common(self, most: int | None = None) -> list[tuple[str, int]]:
        """Return the most frequent values with their counts; equally frequent ones in their first order."""
        return self._counts.most_common(most)


@dataclass(frozen=True, kw_only=True, slots=True)
class MappingFix:
    """A change of the mapping that would solve a kind of problem.

    ``lines``: YAML for the place that ``where`` names; also a mapping that includes the present one, without its first
    lines. ``gaps``: how many values the user must write first.
    """

    where: str
    lines: tuple[str, ...]
    gaps: int = 0

    @property
    def instruction(self) -> str:
        """What to do with the lines."""
        values = "1 value" if self.gaps == 1 else f"{self.gaps:,} values"
        return f"Or {self.where}{f', and fill in {values}' if self.gaps else ''}:"


@dataclass(kw_only=True)
class ProblemKind:
    """All problems with one code in one column.

    ``count``: of the problems; ``row_count``: of their rows; ``rows``: some rows besides the row of the ``first``.
    """

    first: Problem
    count: int = 0
    row_count: int = 0
    rows: list[int] = field(default_factory=list)
    values: ValueExamples = field(default_factory=ValueExamples)
    fix: MappingFix | None = None
    _last_row: int | None = field(default=None, init=False, repr=False)

    @property
    def code(self) -> str:
        """The error code."""
        return self.first.code

    @property
    def column(self) -> str | None:
        """The column, or ``None`` for a problem of the whole row."""
        return self.first.column

    def add(self, problem: Problem) -> None:
        """Count one more problem."""
        self.count += 1
        if problem.row != self._last_row:
            self._last_row = problem.row
            self.row_count += 1
            if 1 < self.row_count <= ROWS_KEPT + 1:
                self.rows.append(problem.row)
        if problem.value is not None:
            self.values.add(problem.value)


def all_fixes(kinds: Iterable[ProblemKind], mapping: str) -> str:
    """Return a mapping that includes ``mapping``, a file name, and has the changes of all kinds; empty without any."""
    sections: dict[str, list[str]] = {}
    for fix in dict.fromkeys(kind.fix for kind in kinds if kind.fix is not None):
        sections.setdefault(fix.lines[0], []).extend(fix.lines[1:])
    if not sections:
        return ""
    lines = (line for section, its_lines in sections.items() for line in (section, *its_lines))
    return "\n".join(["version: 1", f"include: {json.dumps(mapping, ensure_ascii=False)}", *lines, ""])


class ProblemTally:
    """Counts the problems of a manifest by kind. Problems must come in the manifest's order."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str | None], ProblemKind] = {}

    def listen(self, event: Event) -> None:
        """Count the problems of an event."""
        if isinstance(event, ProblemsFound):
            for problem in event.problems:
                self._count(problem)

    def _count(self, problem: Problem) -> None:
        kind = self._kinds.get((problem.code, problem.column))
        if kind is None:
            kept = _VALUES_KEPT if len(self._kinds) < _KINDS_WITH_MANY_VALUES else _VALUES_KEPT_OF_MORE
            kind = self._kinds[problem.code, problem.column] = ProblemKind(first=problem, values=ValueExamples(kept))
        kind.add(problem)

    def kinds(self) -> tuple[ProblemKind, ...]:
        """Return every kind, the most frequent first."""
        return tuple(sorted(self._kinds.values(), key=lambda kind: -kind.count))
