"""Reads XML into batches of records: one element at the path of the rows is one row."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.encoding import Encoding
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.markup import record_paths
from importer.manifest.markup.record_paths import XmlSurvey, chosen_path
from importer.manifest.markup.safe_xml import XmlError
from importer.manifest.markup.xml_encoding import find_xml_encoding
from importer.manifest.markup.xml_records import parse_records
from importer.manifest.nested.column_tree import TooManyNamesError
from importer.manifest.nested.columns import NestedColumns, nested_columns
from importer.manifest.nested.nested_file import NestedFile, nested_file
from importer.manifest.nested.values import BrokenObjectError, JsonObject
from importer.models import ManifestOptions


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


def _read_records(path: Path, encoding: Encoding, records: record_paths.Path, file_name: str) -> Iterator[JsonObject]:
    with encoding.open(path) as text:
        yield from parse_records(text, records, file_name)


def _record_path(
    path: Path, encoding: Encoding, options: ManifestOptions, expected: Collection[str], file_name: str
) -> record_paths.Path:
    if options.records is not None:
        return chosen_path(options.records, file_name)
    with encoding.open(path) as text:
        survey = XmlSurvey.of(text, file_name)
    if expected and survey.is_empty_at(("row",)):
        return ("row",)  # an export of no rows
    wanted = expected if not options.columns else ()
    return survey.row_path(wanted, file_name)


def _add_names(
    columns: NestedColumns, path: Path, encoding: Encoding, records: record_paths.Path, file_name: str
) -> int:
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
    path: Path, encoding: Encoding, records: record_paths.Path, expected: Collection[str], file_name: str
) -> None:
    """Check that a file without rows has none because it is empty, and not because the path is wrong."""
    with encoding.open(path) as text:
        survey = XmlSurvey.of(text, file_name)
    if not survey.is_empty_at(records):
        raise survey.error(file_name, f"has no element at `records: {'/'.join(records)}`; it has:", expected)
