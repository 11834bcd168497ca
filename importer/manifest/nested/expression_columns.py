"""Makes columns of records by the expressions of the mapping's `manifest: {columns}`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from importer.error_codes import ERROR_CODES
from importer.manifest.nested.column_tree import MAX_COLUMNS, MAX_LEVELS
from importer.manifest.nested.values import (
    HALF,
    BrokenObjectError,
    JsonObject,
    cell_text,
    compact_json,
    has_repeats,
    is_deeper,
)
from importer.manifest.records import is_blank
from importer.mapping.record_expressions import EVALUATION_ERRORS, Expression, interpreter
from importer.mapping.record_paths import plain_path
from importer.models import ManifestOptions, Problem


class ExpressionColumns:
    """The columns that the mapping defines; other members of the records are ignored and counted."""

    def __init__(self, options: ManifestOptions) -> None:
        expressions, single = options.columns, options.single_columns
        self._is_single = tuple(single is None or name in single for name, _ in expressions)
        self._names = tuple(name for name, _ in expressions)
        self._makers = tuple(map(value_maker, (text for _, text in expressions)))
        self._reads = tuple(Expression(text).members() for _, text in expressions)
        self._members: set[str] = set()
        self._without_value = set(range(len(expressions)))

    def __bool__(self) -> bool:
        return bool(self._members)

    @property
    def ignored_members(self) -> int:
        """Return how many members of the records no expression reads."""
        return 0 if None in self._reads else len(self._members.difference(*filter(None, self._reads)))

    @property
    def absent(self) -> tuple[str, ...]:
        """Return the columns for which no record has a value."""
        return tuple(self._names[at] for at in sorted(self._without_value)) if self._members else ()

    def add(self, record: JsonObject) -> None:
        """Look for names and values in a record. Raises BrokenObjectError if it is nested too deeply."""
        if is_deeper(record, MAX_LEVELS):
            raise BrokenObjectError("it is nested too deeply")
        if len(self._members) < MAX_COLUMNS:
            self._members.update(record)
        if self._without_value:
            self._without_value -= {at for at in self._without_value if self._has_value(at, record)}

    def _has_value(self, at: int, record: JsonObject) -> bool:
        try:
            return self._makers[at](record) is not None
        except EVALUATION_ERRORS:
            return True  # a problem of its row

    def columns(self, _file_name: str) -> tuple[str, ...]:
        """Return the names of the columns."""
        return self._names

    def rows(self, _width: int) -> ExpressionRows:
        """Return a maker of rows."""
        return ExpressionRows(self._names, self._makers, self._reads, self._is_single)


class ExpressionRows:
    """Makes the cells of one record after another."""

    def __init__(
        self,
        names: tuple[str, ...],
        makers: tuple[Callable[[Any], Any], ...],
        reads: tuple[frozenset[str] | None, ...],
        is_single: tuple[bool, ...],
    ) -> None:
        self._names = names
        self._makers = makers
        self._reads = reads
        self._is_single = is_single
        self._found: list[tuple[str, int, str, str]] = []  # code, column, value, text

    def cells(self, record: JsonObject) -> list[str]:
        """Return the record's cells."""
        self._found.clear()
        cells: list[str] = []
        for at, make in enumerate(self._makers):
            try:
                value = make(record)
            except EVALUATION_ERRORS as error:
                cells.append("")
                self._found.append(("expression-failed", at, "", f"the expression can't be evaluated: {error}"))
                continue
            cell = cell_text(value)
            if isinstance(value, dict) or (isinstance(value, list) and self._is_single[at]):
                kind = "a list" if isinstance(value, list) else "an object"
                self._found.append(("nested-value", at, cell, f"the value is {kind}"))
            cells.append(cell)
        return cells

    def problems(self, row: int, record: JsonObject, cells: list[str]) -> Iterator[Problem]:
        """Yield the problems of the record whose cells were made last; replaces halves of characters in ``cells``."""
        found = self._found
        if record.has_halves:
            for at, cell in enumerate(cells):
                if HALF.search(cell):
                    cells[at] = HALF.sub("\ufffd", cell)
                    found.append(("half-character", at, cells[at], "the value contains half a character as an escape"))
        if record.has_repeats:
            text = "the object has a name more than once, which this column reads"
            found += [
                ("name-twice", at, cells[at], text) for at in range(len(cells)) if self._reads_repeats(at, record)
            ]
        if found and not is_blank(cells):
            for code, at, value, text in found:
                name = self._names[at]
                yield Problem(
                    code=code,
                    row=row,
                    column=name,
                    value=HALF.sub("\ufffd", value),
                    message=f"{name}: {text}.",
                    hint=ERROR_CODES[code].advice,
                )

    def _reads_repeats(self, at: int, record: JsonObject) -> bool:
        members = self._reads[at]
        repeated = {name for name, value in record.items() if name in record.repeated_names or has_repeats(value)}
        return bool(repeated if members is None else repeated & members)


def value_maker(text: str) -> Callable[[Any], Any]:
    """Return a function that evaluates an expression. It raises one of ``EVALUATION_ERRORS``."""
    path = plain_path(text)
    if path is not None:
        return _follower(path)
    expression, evaluator = Expression(text), interpreter(cell_or_json, JsonObject)
    return lambda value: expression.evaluate(value, evaluator)


def cell_or_json(value: Any) -> str:
    """Return what `to_string` gives: a text itself, anything else as JSON with numbers as they are written."""
    return value if isinstance(value, str) else compact_json(value)


def _follower(path: tuple[str, ...]) -> Callable[[Any], Any]:
    def follow(value: Any) -> Any:
        for name in path:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return follow
