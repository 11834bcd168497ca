"""Reads JSON Lines, or a list in JSON, into batches of records: one object is one row."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.encoding import Encoding, find_encoding
from importer.manifest.json_files.decoding import ParsedObject
from importer.manifest.json_files.documents import MissingListError
from importer.manifest.json_files.layout import Layout, chosen_layout, find_layout, missing_list_error
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.nested.column_tree import TooManyNamesError
from importer.manifest.nested.nested_file import NestedColumns, NestedFile, nested_columns, nested_file
from importer.manifest.nested.values import BrokenObjectError, JsonObject
from importer.models import ManifestOptions

_MAX_BROKEN = 20
_START_CHARS = 1 << 16


def open_json(path: Path, options: ManifestOptions, may_lack: Collection[str], file_name: str) -> NestedFile:
    """Find the encoding, the layout, and all names in a first pass: the columns, as they first appear.

    The names of ``may_lack`` that no object has follow; an empty list has only those. Raises ManifestError that lists
    all that is not a JSON object, or if there is no name.
    """
    encoding = find_encoding(path, options.encoding, file_name)
    layout = _layout(path, encoding, options, may_lack, file_name)
    with encoding.open(path) as text:
        try:
            tree = nested_columns(options)
            rows = _add_names(tree, layout.rows(text), file_name, layout)
        except MissingListError as error:
            with encoding.open(path) as again:
                raise missing_list_error(again, str(layout.records), str(error), may_lack, file_name) from None
    if not tree and (rows or not may_lack):
        raise ManifestError(f"{file_name} contains no JSON object with a name", hint="Export the file again.")
    manifest_format = ManifestFormat(
        name="JSON Lines" if layout.is_lines else "JSON",
        encoding=encoding.codec,
        bom=bool(encoding.bom),
        certainty=encoding.certainty,
        header_row=0,
        records=layout.records,
        warnings=(*encoding.warnings, *_list_warnings(layout)),
    )
    records = functools.partial(_records, path, encoding, layout, file_name)
    absent = may_lack if not options.columns else ()
    return nested_file(manifest_format, tree, tree.columns(file_name), absent, records)


def _records(path: Path, encoding: Encoding, layout: Layout, file_name: str) -> Iterator[JsonObject]:
    with encoding.open(path) as text:
        for number, record in enumerate(layout.rows(text), start=1):
            if isinstance(record, BrokenObjectError):
                raise _unreadable(file_name, [f"{layout.unit} {number}: {record}"], layout)
            yield record


def _list_warnings(layout: Layout) -> Iterator[str]:
    if layout.other_lists:
        others = ", ".join(layout.other_lists)
        yield f"rows are read from the list {layout.records}, which has the mapping's columns; not from {others}"


def _layout(
    path: Path, encoding: Encoding, options: ManifestOptions, expected: Collection[str], file_name: str
) -> Layout:
    if options.records is not None:
        layout = chosen_layout(options.records, file_name)
    else:
        layout = _found_layout(path, encoding, expected, file_name)
    return replace(layout, for_expressions=True) if options.columns else layout


def _found_layout(path: Path, encoding: Encoding, expected: Collection[str], file_name: str) -> Layout:
    with encoding.open(path) as text:
        start = text.read(_START_CHARS)
    if start.lstrip().startswith("["):
        return Layout(is_list=True)
    with encoding.open(path) as text:
        return find_layout(text, start, expected, file_name)


def _add_names(names: NestedColumns, found: Iterator[ParsedObject], file_name: str, layout: Layout) -> int:
    """Add the names of all objects; return the number of rows."""
    broken: list[str] = []
    number = 0
    for number, record in enumerate(found, start=1):
        try:
            if isinstance(record, BrokenObjectError):
                raise record
            names.add(record)
        except BrokenObjectError as error:
            broken.append(f"{layout.unit} {number}: {error}")
            if len(broken) == _MAX_BROKEN:
                break
        except TooManyNamesError as error:
            raise ManifestError(
                f"{file_name}: the objects up to {layout.unit} {number} have {error}",
                hint="Each name is a column: export the file with the same names in each object.",
            ) from None
    if broken:
        raise _unreadable(file_name, broken, layout)
    return number


def _unreadable(file_name: str, broken: list[str], layout: Layout) -> ManifestError:
    if layout.is_lines:
        return ManifestError(
            f"{file_name} is not JSON Lines (one JSON object per line):",
            details=broken,
            hint='Write one object per line, such as {"id": 1, "subject": "Help"}, or all in one list: [{...}, {...}].',
        )
    return ManifestError(
        f"{file_name} is not a list of objects in JSON:",
        details=broken,
        hint="Export the file again, or correct it there.",
    )
