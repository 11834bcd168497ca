"""Words kinds of problems, for the terminal, the log, JSON and the HTML page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from importer.error_codes import ERROR_CODES
from importer.reports.problem_tally import ROWS_KEPT, ProblemKind
from importer.runtime.display_text import one_line

_VALUES_SHOWN = 8
_VALUES_IN_JSON = 100
_VALUE_CHARS = 40
_KINDS_SHOWN = 30
_FIX_LINES = 60  # of all changes of the mapping together


def kind_title(kind: ProblemKind) -> str:
    """Return what is where, in few words: ``Status: 'Solved' and 2 other values in 312 rows``."""
    where = f"in row {kind.first.row}" if kind.row_count == 1 else f"in {kind.row_count:,} rows"
    name = ERROR_CODES[kind.code].name
    if kind.column is None:
        return f"{name[0].upper()}{name[1:]} {where}"
    return f"{one_line(kind.column)}: {_title_values(kind) or name} {where}"


def _title_values(kind: ProblemKind) -> str:
    """Return the values of a column in few words; an empty text if the name of the code says more."""
    values = kind.values.most_common(2)
    if not any(value.strip() for value, _ in values):
        return "empty" if kind.code == "missing-value" else ""
    first, count = values[0]
    more = kind.values.different - 1
    if not more:
        return _shown(first)
    if count == 1 or not kind.values.exact:
        return f"{_different(kind)} different values"
    return f"{_shown(first)} and {more:,} other value{'s' if more > 1 else ''}"


def kind_data(kind: ProblemKind) -> dict[str, object]:
    """Return a kind of problem for JSON."""
    return {
        "code": kind.code,
        "name": ERROR_CODES[kind.code].name,
        "column": kind.column,
        "title": kind_title(kind),
        "problems": kind.count,
        "rows": kind.row_count,
        "first_row": kind.first.row,
        "message": kind.first.message,
        "different_values": kind.values.different,
        "values": [{"value": value, "problems": count} for value, count in kind.values.most_common(_VALUES_IN_JSON)],
        "hint": kind.first.hint or None,
        "yaml": "\n".join(kind.fix.lines) if kind.fix is not None else None,
    }


def problem_lines(kinds: Sequence[ProblemKind], *, with_fixes: bool = False) -> Iterator[str]:
    """Yield lines for each kind: what is where, the first message, rows, values, and what to do.

    ``with_fixes``: also the changes of the mapping that would solve the problems.
    """
    shown: set[object] = set()
    fix_lines = 0
    for kind in kinds[:_KINDS_SHOWN]:
        yield from _kind_lines(kind)
        has_hint = bool(kind.first.hint) and kind.first.hint not in shown
        if has_hint:
            yield f"    {one_line(kind.first.hint)}"
            shown.add(kind.first.hint)
        if with_fixes and kind.fix is not None and kind.fix not in shown:
            shown.add(kind.fix)
            fix_lines += len(kind.fix.lines)
            if fix_lines <= _FIX_LINES:
                # Without a hint, there is no other way above.
                text = kind.fix.instruction.removeprefix("" if has_hint else "Or ")
                yield f"    {one_line(text[:1].upper() + text[1:])}"
                yield from (f"      {line}" for line in kind.fix.lines)
            else:
                yield "    Or change the mapping: `validate --report FILE.html` has the lines to copy."
    if more := kinds[_KINDS_SHOWN:]:
        count = sum(kind.count for kind in more)
        yield f"… and {count:,} problems of {len(more):,} more kinds; `validate --report FILE.html` shows all"


def _kind_lines(kind: ProblemKind) -> Iterator[str]:
    first = kind.first
    title, name = kind_title(kind), ERROR_CODES[kind.code].name
    is_named = name.casefold() in title.casefold()
    yield f"{title} ({kind.code})" if is_named else f"{title}: {name} ({kind.code})"
    sheet = f"sheet {one_line(first.sheet)!r}, " if first.sheet else ""
    message = first.message.removeprefix(f"{first.column}: ")
    where = f"{sheet}row {first.row}: " if sheet or kind.row_count > 1 else ""
    yield f"    {where}{one_line(message)}"
    if kind.rows:
        more = ", …" if kind.row_count > ROWS_KEPT + 1 else ""
        yield f"    also in row{'s' if len(kind.rows) > 1 else ''} {', '.join(map(str, kind.rows))}{more}"
    if values := _values_text(kind):
        yield f"    {values}"


def _values_text(kind: ProblemKind) -> str:
    """Return which values are wrong, and how often each occurs, if the title does not say it."""
    found, different = kind.values.most_common(_VALUES_SHOWN), kind.values.different
    if len(found) < 2 or not any(value.strip() for value, _ in found):  # noqa: PLR2004 - the title has a single one
        return ""
    if found[0][1] == 1:
        texts = [_shown(value) for value, _ in found]
    else:
        texts = [f"{_shown(value)} ({count:,}{'' if kind.values.exact else ' or more'})" for value, count in found]
    such_as = ", such as" if different > len(found) else ":"
    more = ", …" if different > len(found) else ""
    return f"{_different(kind)} different values{such_as} {', '.join(texts)}{more}"


def _different(kind: ProblemKind) -> str:
    return f"{kind.values.different:,}" if kind.values.exact else f"more than {kind.values.different:,}"


def _shown(value: str) -> str:
    """Return a value in quotes. Invisible characters, which are often what is wrong, become escapes."""
    return repr(value[:_VALUE_CHARS]) + ("…" if len(value) > _VALUE_CHARS else "")
