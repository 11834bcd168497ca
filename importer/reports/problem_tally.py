"""Problems counted by kind, for a terminal and for the head of a report: ten thousand lines help nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from importer.models import Problem
from importer.runtime.display_text import one_line

_ROWS_SHOWN = 10
_VALUES_SHOWN = 8
_VALUE_CHARS = 40
_KINDS_SHOWN = 30
# What is remembered of values is bounded: a hundred columns may be wrong in a million ways each.
_VALUES_KEPT = 1_000
_KINDS_WITH_MANY_VALUES = 100
_VALUES_KEPT_OF_MORE = 10


class ValueExamples:
    """Counts how often each value comes, in bounded memory.

    Past ``kept`` different ones the rarest are forgotten now and then: then ``exact`` is false, and the counts of
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
        """How many different values there were, or at least were."""
        return len(self._counts) if self.exact else self._kept

    def most_common(self, most: int | None = None) -> list[tuple[str, int]]:
        """The values that came most often with their counts; of equally frequent ones, the first to come first."""
        return self._counts.most_common(most)


@dataclass(kw_only=True)
class ProblemKind:
    """All problems of one code in one column. ``rows``: some more rows than that of the ``first``."""

    first: Problem
    count: int = 0
    rows: list[int] = field(default_factory=list)
    values: ValueExamples = field(default_factory=ValueExamples)

    @property
    def code(self) -> str:
        """A key of the catalogue."""
        return self.first.code

    @property
    def column(self) -> str | None:
        """The manifest's column; ``None`` if it is about the whole row."""
        return self.first.column

    def add(self, problem: Problem) -> None:
        """Count one more."""
        self.count += 1
        if problem.row != self.first.row and len(self.rows) < _ROWS_SHOWN and problem.row not in self.rows[-1:]:
            self.rows.append(problem.row)
        if problem.value is not None:
            self.values.add(problem.value)


class ProblemTally:
    """Counts the problems of a manifest, which come in its order."""

    def __init__(self) -> None:
        self.rows = 0
        self._kinds: dict[tuple[str, str | None], ProblemKind] = {}
        self._last_row = -1

    def problem(self, problem: Problem) -> None:
        """Take one problem."""
        kind = self._kinds.get((problem.code, problem.column))
        if kind is None:
            kept = _VALUES_KEPT if len(self._kinds) < _KINDS_WITH_MANY_VALUES else _VALUES_KEPT_OF_MORE
            kind = self._kinds[problem.code, problem.column] = ProblemKind(first=problem, values=ValueExamples(kept))
        kind.add(problem)
        if problem.row != self._last_row:
            self.rows += 1
            self._last_row = problem.row

    @property
    def count(self) -> int:
        """How many problems there are."""
        return sum(kind.count for kind in self._kinds.values())

    def kinds(self) -> list[ProblemKind]:
        """Every kind, the most frequent first."""
        return sorted(self._kinds.values(), key=lambda kind: -kind.count)

    def lines(self) -> Iterator[str]:
        """The first problem of each kind with its count, what the wrong values are, and what to do."""
        kinds = self.kinds()
        told: set[str] = set()
        for kind in kinds[:_KINDS_SHOWN]:
            yield from _kind_lines(kind)
            if kind.first.hint and kind.first.hint not in told:
                yield f"    {one_line(kind.first.hint)}"
                told.add(kind.first.hint)
        if more := kinds[_KINDS_SHOWN:]:
            count = sum(kind.count for kind in more)
            yield f"… and {count:,} × of {len(more):,} more kinds: `validate --report FILE.html` shows them all"


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
    """What a person who mends a mapping wants to know: which values are wrong, and how often each."""
    found, different = kind.values.most_common(_VALUES_SHOWN), kind.values.different
    if kind.count == 1 or not any(value.strip() for value, _ in found):
        return ""
    if different == 1:  # a value that was cut may go on in more than one way
        return "" if found[0][0].endswith("…") else f"always {_shown(found[0][0])}"
    number = f"{different:,}" if kind.values.exact else f"more than {different:,}"
    if found[0][1] == 1:
        such_as = ", such as" if different > len(found) else ":"
        return f"{number} different values{such_as} {_listed([_shown(value) for value, _ in found], different)}"
    counted = [f"{_shown(value)} ({count:,}{'' if kind.values.exact else ' or more'})" for value, count in found]
    return f"{number} different values: {_listed(counted, different)}"


def _listed(texts: Sequence[str], of: int) -> str:
    return ", ".join([*texts, "…"] if of > len(texts) else texts)


def _shown(value: str) -> str:
    """Quoted, with what can't be seen as escapes: a no-break blank is what is wrong more often than not."""
    return repr(value[:_VALUE_CHARS]) + ("…" if len(value) > _VALUE_CHARS else "")
