"""Reads XML into batches of records: one element at the path of the rows is one row."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.encoding import Encoding
from importer.manifest.header import Header
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.markup import record_paths
from importer.manifest.markup.record_paths import XmlSurvey, chosen_path
from importer.manifest.markup.safe_xml import XmlError
from importer.manifest.markup.xml_encoding import find_xml_encoding
from importer.manifest.markup.xml_records import parse_records
from importer.manifest.nested.batch_maker import BatchMaker
from importer.manifest.nested.column_tree import TooManyNamesError
from importer.manifest.nested.columns import NestedColumns, NestedRows, absence_warnings, nested_columns
from importer.manifest.nested.values import BrokenObjectError
from importer.manifest.records import Batch
from importer.models import ManifestOptions


@dataclass(frozen=True, kw_only=True)
class XmlFile:
    """An XML file with rows at a path. It has no header row, so the first element there is row 1."""

    path: Path
    file_name: str
    encoding: Encoding
    records: record_paths.Path
    format: ManifestFormat
    header: Header
    rows: NestedRows

    def batches(self, size: int) -> Iterator[Batch]:
        """Read all rows in one pass, at most ``size`` at a time."""
        maker = BatchMaker(self.rows, size)
        with self.encoding.open(self.path) as text:
            for record in parse_records(text, self.records, self.file_name):
                yield from maker.add(record)
        yield from maker.rest()


def open_xml(path: Path, options: ManifestOptions, may_lack: Collection[str], file_name: str) -> XmlFile:
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
    names = columns.columns(file_name)
    absent = sorted(frozenset(may_lack).difference(names)) if not options.columns else []
    all_names = (*names, *absent)
    absent += columns.absent
    return XmlFile(
        path=path,
        file_name=file_name,
        encoding=encoding,
        records=records,
        format=ManifestFormat(
            name="XML",
            encoding=encoding.codec,
            bom=bool(encoding.bom),
            certainty=encoding.certainty,
            header_row=0,
            records="/".join(records),
            has_only_texts=True,
            ignored_members=columns.ignored_members,
            absent_columns=tuple(absent),
            warnings=(*encoding.warnings, *(absence_warnings(absent) if columns else ())),
        ),
        header=Header(columns=all_names, width=len(all_names), row=0),
        rows=columns.rows(all_names, options.single_columns),
    )


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
    with encoding.open(path) as text:
        for number, record in enumerate(parse_records(text, records, file_name), start=1):
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
