"""Reads CSV and similar files into batches of records.

Cells are never interpreted, trimmed or repaired.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from importer.error_codes import ERROR_CODES
from importer.manifest.delimited.delimiter_hint import likely_delimiter, undivided_header_error
from importer.manifest.delimited.dialect import Dialect, dialect_of, sets_dialect
from importer.manifest.delimited.dialect_detection import (
    SEP_LINE,
    SEP_LINE_CHARS,
    choose_delimiter,
    find_dialect,
    read_sample,
)
from importer.manifest.delimited.dialect_reader import COMMENT, COPY_END_MARK, DialectReader
from importer.manifest.delimited.encoding import Encoding, find_encoding
from importer.manifest.delimited.record_reader import RecordReader
from importer.manifest.delimited.utf8_text import Utf8Text
from importer.manifest.header import (
    TITLE_ROWS,
    Header,
    find_header,
    make_header,
    missing_header_error,
    refuse_title_rows,
)
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.records import Batch, BlankRecords, is_blank, stripped
from importer.models import ManifestOptions, Problem

_TAIL_BYTES = 1 << 12  # a multiple of the character units of all encodings
_PADDING = "\0\x1a"  # some systems fill up a file with NULs, and DOS programs end it with Ctrl+Z
_BLANKS = " \t"


@dataclass(frozen=True, kw_only=True)
class DelimitedFile:
    """An open text file: all that is needed to read it."""

    path: Path
    file_name: str
    encoding: Encoding
    dialect: Dialect
    format: ManifestFormat
    header: Header
    rejects_last_row: bool = False  # it may be cut off

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the records below the header in one pass, ``size`` at a time.

        Raises ManifestError with the rows in which quotes are broken.
        """
        previous: Batch | None = None
        for batch in self._batches(size):
            if previous is not None:
                yield previous
            previous = batch
        if previous is not None:
            yield replace(previous, problems=self._cut_off_problem(previous)) if self.rejects_last_row else previous

    def _cut_off_problem(self, last: Batch) -> tuple[Problem, ...]:
        """Return the problem of the last record, unless it is blank."""
        records = last.records
        if isinstance(records, BlankRecords) or is_blank(records.take(np.array([len(records) - 1])).texts()[0]):
            return ()
        entry = ERROR_CODES["cut-off"]
        row = last.first_row + len(last.records) - 1
        return (Problem(code="cut-off", row=row, message=entry.meaning, hint=entry.advice),)

    def _batches(self, size: int) -> Iterator[Batch]:
        with contextlib.closing(_open_records(self.path, self.encoding, self.dialect, self.file_name)) as records:
            row = 0
            while row < self.header.row:
                row += records.skip_blank()
                next(records)
                row += 1
            first_row = self.header.row + 1
            for some in records.blocks():
                for batch in Batch(first_row=first_row, records=some).split(size):
                    yield replace(batch, comments=self._count_comments(batch))
                first_row += len(some)

    def _count_comments(self, batch: Batch) -> int:
        if not self.dialect.comment or isinstance(batch.records, BlankRecords):
            return 0
        return sum(record is COMMENT for record in batch.records.texts())


def open_delimited(path: Path, options: ManifestOptions, expected: Collection[str], file_name: str) -> DelimitedFile:
    """Find the encoding, the delimiter and the header.

    Raises ManifestError if one is missing or wrong.
    """
    encoding = find_encoding(path, options.encoding, file_name)
    dialect = _find_dialect(path, encoding, options, expected, file_name)
    with contextlib.closing(_open_records(path, encoding, dialect, file_name)) as records:
        header = _find_header(records, dialect.delimiter, options, expected)
        has_no_line_end = records.has_more and _lacks_line_end(path, encoding)
    manifest_format = ManifestFormat(
        name="CSV",
        encoding=encoding.codec,
        bom=bool(encoding.bom),
        certainty=encoding.certainty,
        delimiter=dialect.delimiter if header.width > 1 else None,
        notes=dialect.notes,
        header_row=header.row,
        lacks_line_end=has_no_line_end,
        warnings=(
            *encoding.warnings,
            *((_no_line_end_warning(file_name),) if has_no_line_end and not options.strict_end else ()),
        ),
    )
    return DelimitedFile(
        path=path,
        file_name=file_name,
        encoding=encoding,
        dialect=dialect,
        format=manifest_format,
        header=header,
        rejects_last_row=has_no_line_end and options.strict_end,
    )


def _no_line_end_warning(file_name: str) -> str:
    return (
        f"the last row of {file_name} has no line end: if the file is cut off there, the last cell is incomplete; "
        "--strict-end rejects such a row"
    )


def _find_header(
    records: RecordReader | DialectReader, delimiter: str, options: ManifestOptions, expected: Collection[str]
) -> Header:
    wanted_row, file_name = options.header_row, records.file_name
    skipped = records.skip_blank()
    found = find_header(records, max(wanted_row - skipped, 1))
    if found is None:
        raise missing_header_error(file_name, wanted_row)
    row, record = found[0] + skipped, stripped(found[1]) if options.strip else found[1]
    likely = likely_delimiter(record, delimiter, expected)
    if likely not in ("", delimiter):
        raise undivided_header_error(file_name, row, delimiter.join(record), likely)
    # If the first row has all expected columns, no row below can have more of them.
    if wanted_row == 1 and not set(expected) <= set(record):
        refuse_title_rows(record, row, itertools.islice(records, TITLE_ROWS), expected, file_name)
    return make_header(record, row=row, file_name=file_name)


def _open_records(path: Path, encoding: Encoding, dialect: Dialect, file_name: str) -> RecordReader | DialectReader:
    with encoding.open(path) as text:
        match = SEP_LINE.fullmatch(text.readline(SEP_LINE_CHARS))
    content = Utf8Text(path, encoding, skip_chars=len(match.group()) if match else 0)
    if dialect.is_plain:
        return RecordReader(content, dialect.delimiter, file_name)
    return DialectReader(content, dialect, file_name)


def _find_dialect(
    path: Path, encoding: Encoding, options: ManifestOptions, expected: Collection[str], file_name: str
) -> Dialect:
    """Return the dialect that the mapping sets, or else the one that the file proves."""
    sample = read_sample(path, encoding)
    delimiter = choose_delimiter(sample, options, frozenset(expected), file_name)
    dialect = dialect_of(options, delimiter)
    if sets_dialect(options) or options.header_row > 1 or not dialect.is_plain or sample.named_delimiter:
        return dialect
    if delimiter == "\t" and '"' not in sample.text and _last_line_is(COPY_END_MARK, path, encoding):
        return replace(dialect_of(replace(options, dialect="postgres-copy"), delimiter), is_found=True)
    return find_dialect(sample.text, dialect, expected, last=sample.is_whole)


def _lacks_line_end(path: Path, encoding: Encoding) -> bool:
    """Return whether the last line with content has no line end."""
    tail = _tail(path, encoding).rstrip(_BLANKS)
    return bool(tail) and not tail.endswith(("\n", "\r"))


def _last_line_is(line: str, path: Path, encoding: Encoding) -> bool:
    """Return whether the last line with content is exactly this one."""
    lines = _tail(path, encoding).rstrip(_BLANKS + "\r\n").splitlines()
    return len(lines) > 1 and lines[-1] == line


def _tail(path: Path, encoding: Encoding) -> str:
    """Return the end of the text, without padding."""
    first = len(encoding.bom)
    size_bytes = path.stat().st_size - first
    start = first + max(size_bytes - size_bytes % 4 - _TAIL_BYTES, 0)
    with path.open("rb") as file:
        file.seek(start, os.SEEK_SET)
        tail = file.read().decode(encoding.codec, "ignore")
    return tail.rstrip(_PADDING)
