"""Finds out where in XML the rows are: in the only element that is repeated, or at a path of the mapping."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TextIO

from importer.errors import ManifestError
from importer.manifest.markup.safe_xml import SafeXml
from importer.manifest.nested.column_tree import MAX_COLUMNS
from importer.mapping.record_paths import xml_path

_MAX_SHOWN = 10
_NAMES_SHOWN = 5

RecordPath = tuple[str, ...]  # names of elements, below the root element


class _Element:
    """An element by its path. ``count``: how many there are in the whole file."""

    __slots__ = ("children", "count", "has_text", "path")

    def __init__(self, path: RecordPath) -> None:
        self.path = path
        self.children: dict[str, _Element] = {}
        self.count = 0
        self.has_text = False

    def __iter__(self) -> Iterator[_Element]:
        for child in self.children.values():
            yield child
            yield from child

    def names(self) -> list[str]:
        """Return the columns that such a row has."""
        start = len(self.path)
        return [".".join(each.path[start:]) for each in self if each.has_text or not each.children]


class XmlSurvey:
    """The elements of a file, counted by their paths."""

    def __init__(self) -> None:
        self.root = _Element(())
        self._open: list[_Element] = []
        self._count = 0

    @classmethod
    def of(cls, text: TextIO, file_name: str) -> XmlSurvey:
        """Count the elements of a text. Raises XmlError, ManifestError."""
        survey = cls()
        for _ in SafeXml(survey, file_name).parse(text):
            pass
        return survey

    def start(self, name: str, attributes: list[str]) -> None:
        """Count an element."""
        element = self._child(self._open[-1], name) if self._open else self.root
        element.count += 1
        self._open.append(element)
        for attribute in attributes[::2]:
            self._child(element, f"@{attribute}").has_text = True

    def end(self, _name: str) -> None:
        """Leave the element."""
        self._open.pop()

    def text(self, text: str) -> None:
        """Note that the element has a text."""
        element = self._open[-1]
        if not element.has_text and not text.isspace():
            element.has_text = True

    def _child(self, element: _Element, name: str) -> _Element:
        child = element.children.get(name)
        if child is None:
            child = _Element((*element.path, name))
            if self._count < MAX_COLUMNS:  # the pass over all rows reports more names
                self._count += 1
                element.children[name] = child
        return child

    def repeated(self) -> list[_Element]:
        """Return the elements that are repeated and not inside a repeated one."""
        found: list[_Element] = []
        _add_repeated(self.root, found)
        return found

    def row_path(self, expected: Collection[str], file_name: str) -> RecordPath:
        """Return where the rows are. Raises ManifestError that names the paths, if that is not clear.

        ``expected``: the mapping's columns. If there is only one row, they tell which element it is.
        """
        repeated = self.repeated()
        best = self._best(expected)
        least = max((_fits(each, expected) for each in repeated), default=0)
        if best is not None and _fits(best, expected) > least and frozenset(best).issuperset(repeated):
            return best.path
        if len(repeated) == 1:
            return repeated[0].path
        what = "repeats several elements, and each of them may be the rows:" if repeated else "has no repeated element:"
        raise self.error(file_name, what, expected)

    def _best(self, expected: Collection[str]) -> _Element | None:
        parents = [each for each in self.root if each.children]
        best = max(parents, key=lambda each: _fits(each, expected), default=None)
        return best if best is not None and _fits(best, expected) else None

    def is_empty_at(self, path: RecordPath) -> bool:
        """Return whether the element around the rows is there, and empty."""
        element: _Element | None = self.root
        for name in path[:-1]:
            element = element.children.get(name) if element is not None else None
        return element is not None and not element.has_text and all(name.startswith("@") for name in element.children)

    def error(self, file_name: str, what: str, expected: Collection[str]) -> ManifestError:
        """Return an error with the paths that may be right, the likeliest first."""
        found = self.repeated() or [each for each in self.root if each.children and not each.path[-1].startswith("@")]
        found.sort(key=lambda each: (-_fits(each, expected), -each.count, len(each.path)))
        details = [
            f"`records: {'/'.join(each.path)}`: {each.count:,} element{'' if each.count == 1 else 's'}, with "
            f"{', '.join(map(repr, each.names()[:_NAMES_SHOWN]))}"
            for each in found[:_MAX_SHOWN]
        ]
        example = "/".join(found[0].path) if found else "tickets/ticket"
        return ManifestError(
            f"{file_name} is XML and {what}"
            if details
            else f"{file_name} is XML without any element that may be a row",
            details=details,
            hint="Write the path of the rows, below the root element, in the mapping, such as "
            f"`manifest: {{records: {example}}}`.",
            remedies=[("records", "/".join(each.path)) for each in found[:_MAX_SHOWN]],
        )


def _add_repeated(element: _Element, found: list[_Element]) -> None:
    for name, child in element.children.items():
        if name.startswith("@"):
            continue
        if child.count > 1:
            found.append(child)
        else:
            _add_repeated(child, found)


def _fits(element: _Element, expected: Collection[str]) -> int:
    if not expected:
        return 0
    names = frozenset(expected)
    start = len(element.path)
    return sum(1 for each in element if ".".join(each.path[start:]) in names)


def chosen_path(records: str, file_name: str) -> RecordPath:
    """Return the path that the mapping sets. Raises ManifestError if it is none for XML."""
    path = xml_path(records)
    if path is None:
        raise ManifestError(
            f"{file_name} is XML, in which `records: {records}` can't be found",
            hint="Write the names of elements below the root element with slashes between them, such as "
            "`manifest: {records: tickets/ticket}`.",
        )
    return path
