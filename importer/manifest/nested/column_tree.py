"""Makes columns of nested records: an object inside an object gives columns with dots in their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from importer.error_codes import ERROR_CODES
from importer.errors import ManifestError
from importer.manifest.nested.values import (
    HALF,
    TEXT,
    BrokenObjectError,
    JsonObject,
    Number,
    cell_text,
    compact_json,
    has_repeats,
    is_deeper,
)
from importer.manifest.records import is_blank
from importer.models import ManifestOptions, Problem

MAX_COLUMNS = 1 << 14
MAX_LEVELS = 100  # of lists and objects within one another
_MAX_NAME_CHARS = 1 << 24  # in the names of all columns together


class TooManyNamesError(Exception):
    """The records have more different names than a table may have; the message says how many."""


class _Node:
    """A name at its place in the records.

    ``is_leaf``: it has other values than objects and null. ``is_whole``: an object in it is one cell. ``index``: of its
    column; -1 if it has none. ``is_single``: a list in it is a problem.
    """

    __slots__ = ("children", "column", "has_lists", "index", "is_leaf", "is_repeated", "is_single", "is_whole")

    def __init__(self, column: str, *, is_whole: bool = False) -> None:
        self.column = column
        self.children: dict[str, _Node] = {}
        self.is_leaf = False
        self.has_lists = False
        self.is_repeated = False
        self.is_whole = is_whole
        self.is_single = True
        self.index = -1


class ColumnTree:
    """The names of all records, in their order, with the names inside objects.

    ``options``: its ``whole_columns`` are columns in which an object is one cell, like a list; its ``object_columns``
    are objects in other files, and no columns if they are null in all records of this one; its ``single_columns`` are
    those in which a list is a problem (None: all). ``is_xml``: the records are elements of XML: an element that is
    repeated in any of them is a list in all, and its own text is the column of its name.
    """

    def __init__(self, options: ManifestOptions, *, is_xml: bool = False) -> None:
        self._options = options
        self._is_xml = is_xml
        self._root = _Node("")
        self._count = 0
        self._chars = 0

    def __bool__(self) -> bool:
        return bool(self._root.children)

    def add(self, record: JsonObject) -> None:
        """Add the names of a record.

        Raises BrokenObjectError for a record that can't be a row, TooManyNamesError.
        """
        self._add(record, self._root, MAX_LEVELS)

    def _add(self, record: JsonObject, node: _Node, levels: int) -> None:
        children = node.children
        for name, value in record.items():
            child = children.get(name)
            if child is None:
                child = self._new(node, name)
            if value is None:
                continue
            if isinstance(value, JsonObject) and not child.is_whole:
                if levels == 1:
                    raise BrokenObjectError("it is nested too deeply")
                self._add(value, child, levels - 1)
            else:
                if isinstance(value, list | dict) and is_deeper(value, levels - 1):
                    raise BrokenObjectError("it is nested too deeply")
                child.is_leaf = True
                child.has_lists |= isinstance(value, list)

    def _new(self, node: _Node, name: str) -> _Node:
        is_inside = node is not self._root
        if self._is_xml and name == TEXT and is_inside:
            node.children[name] = node
            return node
        if not (is_inside or name.strip()):
            raise BrokenObjectError("one of its names is empty, and a column needs a name")
        column = HALF.sub("\ufffd", f"{node.column}.{name}" if is_inside else name)
        self._count += 1
        self._chars += len(column)
        if self._count > MAX_COLUMNS:
            raise TooManyNamesError(f"more than {MAX_COLUMNS:,} different names")
        if self._chars > _MAX_NAME_CHARS:
            raise TooManyNamesError(f"names with more than {_MAX_NAME_CHARS:,} characters")
        child = node.children[name] = _Node(column, is_whole=column in self._options.whole_columns)
        return child

    @property
    def ignored_members(self) -> int:
        """Return 0: the mapping decides about each column."""
        return 0

    @property
    def absent(self) -> tuple[str, ...]:
        """Return no column: each of them is in a record."""
        return ()

    def columns(self, file_name: str) -> tuple[str, ...]:
        """Return the names of the columns.

        A name that has only objects, or null, is no column. Raises ManifestError if two places have the same name.
        """
        columns: list[str] = []
        for node in _nodes(self._root):
            node.index = -1
            if self._is_xml and node.has_lists and node.children:
                node.is_repeated = node.is_whole = True
                node.children.clear()
            if node.is_leaf or not (node.children or node.column in self._options.object_columns):
                node.index = len(columns)
                columns.append(node.column)
        if len(frozenset(columns)) < len(columns):
            raise _same_name_error(columns, file_name)
        return tuple(columns)

    def rows(self, width: int) -> RowMaker:
        """Return a maker of rows: the cells of ``columns()``, and empty ones up to ``width``."""
        single = self._options.single_columns
        for node in _nodes(self._root):
            node.is_single = single is None or node.column in single
        return RowMaker(self._root, width, is_xml=self._is_xml)


def _nodes(node: _Node) -> Iterator[_Node]:
    for child in node.children.values():
        if child is not node:
            yield child
            yield from _nodes(child)


def _same_name_error(columns: Sequence[str], file_name: str) -> ManifestError:
    seen: set[str] = set()
    twice = sorted({column for column in columns if column in seen or seen.add(column)})  # type: ignore[func-returns-value]
    return ManifestError(
        f"{file_name}: names with a dot are also the names of values inside objects, so they can't be told apart:",
        details=[f"{column!r} is a name, and a value inside an object has the same column" for column in twice],
        hint="Export the file without one of them, or name the columns yourself with `manifest: {columns}` in the "
        "mapping.",
    )


class RowMaker:
    """Makes the cells of one record after another."""

    def __init__(self, root: _Node, width: int, *, is_xml: bool = False) -> None:
        self._root = root
        self._is_xml = is_xml
        self._width = width
        self._nested: list[tuple[_Node, Any]] = []

    def cells(self, record: JsonObject) -> list[str]:
        """Return the record's cells."""
        self._nested.clear()
        cells = [""] * self._width
        self._fill(record, self._root.children, cells)
        return cells

    def problems(self, row: int, record: JsonObject, cells: list[str]) -> Iterator[Problem]:
        """Yield the problems of the record whose cells were made last; replaces halves of characters in ``cells``."""
        if not (self._nested or record.has_halves or record.has_repeats):
            return
        if record.has_halves:
            broken = [at for at, cell in enumerate(cells) if HALF.search(cell)]
            for at in broken:
                cells[at] = HALF.sub("\ufffd", cells[at])
        if is_blank(cells):
            return
        for node, value in self._nested:
            yield _problem("nested-value", row, node.column, _shown(value), _nested_text(value))
        if record.has_halves:
            names = {node.index: node.column for node in _nodes(self._root)}
            for at in broken:
                text = "the value contains half a character as an escape"
                yield _problem("half-character", row, names[at], cells[at], text)
        if record.has_repeats:
            for node, value in _repeats(record, self._root):
                yield _problem("name-twice", row, node.column, _shown(value), "the object has this name more than once")

    def _fill(self, record: JsonObject, children: dict[str, _Node], cells: list[str]) -> None:
        for name, value in record.items():
            node = children[name]
            kind = type(value)
            if kind is str:
                cells[node.index] = value
            elif kind is Number:
                cells[node.index] = str(value)
            elif value is None:
                continue
            elif kind is JsonObject and not node.is_whole:
                if value and node.index >= 0 and not (self._is_xml and _has_only_attributes(value)):
                    self._nested.append((node, value))
                self._fill(value, node.children, cells)
            else:
                cells[node.index] = compact_json([value] if node.is_repeated and kind is not list else value)
                if node.is_single and (kind is list or isinstance(value, dict)):
                    self._nested.append((node, value))


def _has_only_attributes(value: JsonObject) -> bool:
    return all(name == TEXT or name.startswith("@") for name in value)


def _nested_text(value: Any) -> str:
    if isinstance(value, list):
        return "the value is a list"
    return "the value is an object, and other records have a text, a number or a list there"


def _shown(value: Any) -> str:
    return HALF.sub("\ufffd", cell_text(value))


def _repeats(record: JsonObject, node: _Node) -> Iterator[tuple[_Node, Any]]:
    """Yield each column in which a value is lost, because an object has a name more than once."""
    for name, value in record.items():
        child = node.children[name]
        is_object = isinstance(value, JsonObject) and not child.is_whole
        if name in record.repeated_names or (not is_object and has_repeats(value)):
            yield child, value
        elif is_object:
            yield from _repeats(value, child)


def _problem(code: str, row: int, column: str, value: str, text: str) -> Problem:
    hint = ERROR_CODES[code].advice
    return Problem(code=code, row=row, column=column, value=value, message=f"{column}: {text}.", hint=hint)
