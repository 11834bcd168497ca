"""Reads XML into rows: one element at the path of the rows is one row, like an object of JSON."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TextIO

from importer.errors import ManifestError
from importer.manifest.delimited.encoding import Encoding
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.markup.record_paths import RecordPath, XmlSurvey, chosen_path
from importer.manifest.markup.safe_xml import SafeXml, XmlError, find_xml_encoding
from importer.manifest.nested.column_tree import TooManyNamesError
from importer.manifest.nested.nested_file import NestedColumns, NestedFile, nested_columns, nested_file
from importer.manifest.nested.values import TEXT, BrokenObjectError, JsonObject
from importer.models import ManifestOptions

_MAX_CHARS = 1 << 24  # of one record


def parse_records(text: TextIO, path: RecordPath, file_name: str) -> Iterator[JsonObject]:
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

    def __init__(self, path: RecordPath) -> None:
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


def open_xml(path: Path, options: ManifestOptions, may_lack: Collection[str], file_name: str) -> NestedFile:
    """Find the encoding, the path of the rows, and all names in a first pass.

    The names of ``may_lack`` that no row has follow. Raises ManifestError if the file is not XML, has entities, or if
    it is not clear where the rows are.
    """
    encoding = find_xml_encoding(path, options.encoding, file_name)
    columns = nested_columns(options, is_xml=True)
    try:
        records = _record_path(path, encoding, options, may_lack, file_name)
        count = _add_names(columns, path, encoding, records, file_name)
        if not count:
            _require_empty(path, encoding, records, may_lack, file_name)
    except XmlError as error:
        raise ManifestError(f"{file_name} is not well-formed XML: {error}", hint="Export the file again.") from None
    if not columns and (count or not may_lack):
        raise ManifestError(
            f"{file_name} contains no XML element with a name and a value", hint="Export the file again."
        )
    manifest_format = ManifestFormat(
        name="XML",
        encoding=encoding.codec,
        bom=bool(encoding.bom),
        certainty=encoding.certainty,
        header_row=0,
        records="/".join(records),
        has_only_texts=True,
        warnings=encoding.warnings,
    )
    read = functools.partial(_read_records, path, encoding, records, file_name)
    absent = may_lack if not options.columns else ()
    return nested_file(manifest_format, columns, columns.columns(file_name), absent, read)


def _read_records(path: Path, encoding: Encoding, records: RecordPath, file_name: str) -> Iterator[JsonObject]:
    with encoding.open(path) as text:
        yield from parse_records(text, records, file_name)


def _record_path(
    path: Path, encoding: Encoding, options: ManifestOptions, expected: Collection[str], file_name: str
) -> RecordPath:
    if options.records is not None:
        return chosen_path(options.records, file_name)
    with encoding.open(path) as text:
        survey = XmlSurvey.of(text, file_name)
    if expected and survey.is_empty_at(("row",)):
        return ("row",)  # an export of no rows
    wanted = expected if not options.columns else ()
    return survey.row_path(wanted, file_name)


def _add_names(columns: NestedColumns, path: Path, encoding: Encoding, records: RecordPath, file_name: str) -> int:
    number = 0
    for number, record in enumerate(_read_records(path, encoding, records, file_name), start=1):
        try:
            columns.add(record)
        except BrokenObjectError as error:
            raise ManifestError(f"{file_name}, row {number}: {error}", hint="Export the file again.") from None
        except TooManyNamesError as error:
            raise ManifestError(
                f"{file_name}: the elements up to row {number} have {error}",
                hint="Each name is a column: export the file with the same names in each row.",
            ) from None
    return number


def _require_empty(
    path: Path, encoding: Encoding, records: RecordPath, expected: Collection[str], file_name: str
) -> None:
    """Check that a file without rows has none because it is empty, and not because the path is wrong."""
    with encoding.open(path) as text:
        survey = XmlSurvey.of(text, file_name)
    if not survey.is_empty_at(records):
        raise survey.error(file_name, f"has no element at `records: {'/'.join(records)}`; it has:", expected)
