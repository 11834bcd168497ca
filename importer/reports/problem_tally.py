"""Counts problems by kind, for plans and for what a check found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from importer.models import Problem
from importer.runtime.display_text import one_line
from importer.runtime.events import Event, ProblemsFound

_ROWS_SHOWN = 10
_VALUES_SHOWN = 8
_VALUE_CHARS = 40
_KINDS_SHOWN = 30
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


@dataclass(kw_only=True)
class ProblemKind:
    """All problems with one code in one column. ``rows``: some rows besides the row of the ``first``."""

    first: Problem
    count: int = 0
    rows: list[int] = field(default_factory=list)
    values: ValueExamples = field(default_factory=ValueExamples)

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
        if problem.row != self.first.row and len(self.rows) < _ROWS_SHOWN and problem.row not in self.rows[-1:]:
            self.rows.append(problem.row)
        if problem.value is not None:
            self.values.add(problem.value)


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


def problem_lines(kinds: Sequence[ProblemKind]) -> Iterator[str]:
    """Yield lines for each kind: the count, the first problem, the wrong values, and what to do."""
    shown_hints: set[str] = set()
    for kind in kinds[:_KINDS_SHOWN]:
        yield from _kind_lines(kind)
        if kind.first.hint and kind.first.hint not in shown_hints:
            yield f"    {one_line(kind.first.hint)}"
            shown_hints.add(kind.first.hint)
    if more := kinds[_KINDS_SHOWN:]:
        count = sum(kind.count for kind in more)
        yield f"… and {count:,} problems of {len(more):,} more kinds; `validate --report FILE.html` shows all"


def _kind_lines(kind: ProblemKind) -> Iterator[str]:
    first = kind.first
    times = f"{kind.count:,} × " if kind.count > 1 else ""
    sheet = f"sheet {first.sheet!r}, " if first.sheet else ""
    yield f"{times}{kind.code}: {sheet}row {first.row}: {one_line(first.message)}"
    if kind.rows:
        more = ", …" if len(kind.rows) == _ROWS_SHOWN and kind.count > _ROWS_SHOWN + 1 else ""
        yield f"    also in row {', '.join(map(str, kind.rows))}{more}"
    if values := _values_text(kind):
        yield f"    {values}"


def _values_text(kind: ProblemKind) -> str:
    """Return which values are wrong, and how often each occurs."""
    found, different = kind.values.most_common(_VALUES_SHOWN), kind.values.different
    if kind.count == 1 or not any(value.strip() for value, _ in found):
        return ""
    if different == 1:  # values that were cut off may differ in the rest
        return "" if found[0][0].endswith("…") else f"always {_shown(found[0][0])}"
    number = f"{different:,}" if kind.values.exact else f"more than {different:,}"
    if found[0][1] == 1:
        such_as = ", such as" if different > len(found) else ":"
        return f"{number} different values{such_as} {_listed([_shown(value) for value, _ in found], different)}"
    counted = [f"{_shown(value)} ({count:,}{'' if kind.values.exact else ' or more'})" for value, count in found]
    return f"{number} different values: {_listed(counted, different)}"


def _listed(texts: Sequence[str], total: int) -> str:
    return ", ".join([*texts, "…"] if total > len(texts) else texts)


def _shown(value: str) -> str:
    """Return a value in quotes. Invisible characters, which are often what is wrong, become escapes."""
    return repr(value[:_VALUE_CHARS]) + ("…" if len(value) > _VALUE_CHARS else "")
