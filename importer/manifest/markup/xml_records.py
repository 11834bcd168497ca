"""Turns elements of XML into records, like those of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from importer.manifest.markup.record_paths import Path
from importer.manifest.markup.safe_xml import SafeXml, XmlError
from importer.manifest.nested.values import TEXT, JsonObject

_MAX_CHARS = 1 << 24  # of one record


def parse_records(text: TextIO, path: Path, file_name: str) -> Iterator[JsonObject]:
    """Yield the records at a path. Raises XmlError, and ManifestError for entities."""
    records = _Records(path)
    parser = SafeXml(records, file_name)
    records.parser = parser
    for _ in parser.parse(text):
        yield from records.taken()


class _Records:
    """Collects records.

    An element with attributes or children is an object, any other one a text, or None without any. Text beside
    attributes or children has the name ``#text``. An element that is repeated is a list.
    """

    parser: SafeXml

    def __init__(self, path: Path) -> None:
        self._path = path
        self._matched = -1  # so many names of the path are open; the root is 0
        self._depth = -1
        self._open: list[tuple[JsonObject, list[str]]] = []  # of the current record
        self._done: list[JsonObject] = []
        self._chars = 0

    def taken(self) -> list[JsonObject]:
        """Return the records since the last call."""
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: list[str]) -> None:
        """Open an element."""
        if self._open:
            self._push(attributes)
            return
        self._depth += 1
        if self._matched == self._depth - 1 and (not self._depth or name == self._path[self._matched]):
            self._matched += 1
            if self._matched == len(self._path):
                self._chars = 0
                self._push(attributes)

    def end(self, name: str) -> None:
        """Close an element."""
        if self._open:
            record, texts = self._open.pop()
            text = "".join(texts)
            value: Any = record
            if record:
                has_children = any(not each.startswith("@") for each in record)
                if text and not (has_children and text.isspace()):
                    record[TEXT] = text
            elif self._open:
                value = text or None
            elif text:
                record[TEXT] = text
            if self._open:
                _put(self._open[-1][0], name, value)
                return
            self._done.append(record)
        if self._matched == self._depth:
            self._matched -= 1
        self._depth -= 1

    def text(self, text: str) -> None:
        """Take a piece of text."""
        if self._open:
            self._open[-1][1].append(text)
            self._count(len(text))

    def _push(self, attributes: list[str]) -> None:
        record = JsonObject()
        if attributes:
            for at in range(0, len(attributes), 2):
                record[f"@{attributes[at]}"] = attributes[at + 1]
            self._count(sum(map(len, attributes)))
        self._count(1)
        self._open.append((record, []))

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > _MAX_CHARS:
            raise XmlError(f"a row has more than {_MAX_CHARS:,} characters in line {self.parser.line}")


def _put(record: JsonObject, name: str, value: Any) -> None:
    if name not in record:
        record[name] = value
    elif isinstance(there := record[name], list):
        there.append(value)
    else:
        record[name] = [there, value]
