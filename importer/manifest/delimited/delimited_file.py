"""Reads CSV and similar files into batches of records.

Cells are never interpreted, trimmed or repaired.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from importer.error_codes import ERROR_CODES
from importer.errors import ManifestError
from importer.manifest.chunks import Batch
from importer.manifest.delimited.delimiter_hint import likely_delimiter, undivided_header_error
from importer.manifest.delimited.encoding import Encoding, find_encoding
from importer.manifest.delimited.last_line import lacks_line_end
from importer.manifest.delimited.record_reader import RecordReader, Utf8Text, allow_long_cells
from importer.manifest.header import Header, find_header, make_header, missing_header_error
from importer.manifest.manifest_format import DELIMITERS, ManifestFormat
from importer.manifest.records import BlankRecords, is_blank
from importer.manifest.title_rows import TITLE_ROWS, count_known_columns, refuse_title_rows
from importer.models import ManifestOptions, Problem

_SAMPLE_CHARS = 1 << 18
_SAMPLE_RECORDS = 200

# Programs write this line for Excel, which obeys it and does not count it as a row; neither do we.
_SEP_LINE_CHARS = 9
_SEP_LINE = re.compile(r'("?)sep=(?P<delimiter>[^\w\r\n"])\1(?:\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DelimitedFile:
    """An open text file: all that is needed to read it."""

    path: Path
    shown: str
    encoding: Encoding
    delimiter: str
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
        if is_blank(last.records.take(np.array([len(last.records) - 1])).texts()[0]):
            return ()
        entry = ERROR_CODES["cut-off"]
        row = last.first_row + len(last.records) - 1
        return (Problem(code="cut-off", row=row, message=entry.meaning, hint=entry.advice),)

    def _batches(self, size: int) -> Iterator[Batch]:
        with contextlib.closing(_open_records(self.path, self.encoding, self.delimiter, self.shown)) as records:
            row = 0
            while row < self.header.row:
                row += records.skip_blank()
                next(records)
                row += 1
            first_row = self.header.row + 1
            for some in records.blocks():
                if isinstance(some, BlankRecords):
                    yield Batch(first_row=first_row, records=some)
                    first_row += len(some)
                    continue
                for start in range(0, len(some), size):
                    yield Batch(first_row=first_row + start, records=some.part(start, start + size))
                first_row += len(some)


def open_delimited(path: Path, options: ManifestOptions, expected: Collection[str], shown: str) -> DelimitedFile:
    """Find the encoding, the delimiter and the header.

    Raises ManifestError if one is missing or wrong.
    """
    encoding = find_encoding(path, options.encoding, shown)
    delimiter = _choose_delimiter(path, encoding, options, frozenset(expected), shown)
    with contextlib.closing(_open_records(path, encoding, delimiter, shown)) as records:
        header = _find_header(records, delimiter, options, expected)
        has_no_line_end = records.has_more and lacks_line_end(path, encoding)
    manifest_format = ManifestFormat(
        name="CSV",
        encoding=encoding.codec,
        bom=bool(encoding.bom),
        certainty=encoding.certainty,
        delimiter=delimiter if header.width > 1 else None,
        header_row=header.row,
        warnings=(
            *encoding.warnings,
            *((_no_line_end_warning(shown),) if has_no_line_end and not options.strict_end else ()),
        ),
    )
    return DelimitedFile(
        path=path,
        shown=shown,
        encoding=encoding,
        delimiter=delimiter,
        format=manifest_format,
        header=header,
        rejects_last_row=has_no_line_end and options.strict_end,
    )


def _no_line_end_warning(shown: str) -> str:
    return (
        f"the last row of {shown} has no line end: if the file is cut off there, the last cell is incomplete; "
        "--strict-end rejects such a row"
    )


def _find_header(records: RecordReader, delimiter: str, options: ManifestOptions, expected: Collection[str]) -> Header:
    wanted_row, shown = options.header_row, records.shown
    skipped = records.skip_blank()
    found = find_header(records, max(wanted_row - skipped, 1))
    if found is None:
        raise missing_header_error(shown, wanted_row)
    row, record = found[0] + skipped, found[1]
    if likely := likely_delimiter(record, delimiter, expected):
        raise undivided_header_error(shown, row, delimiter.join(record), likely)
    # If the first row has all expected columns, no row below can have more of them.
    if wanted_row == 1 and not set(expected) <= set(record):
        refuse_title_rows(record, row, itertools.islice(records, TITLE_ROWS), expected, shown)
    return make_header(record, row=row, shown=shown)


def _open_records(path: Path, encoding: Encoding, delimiter: str, shown: str) -> RecordReader:
    with encoding.open(path) as text:
        match = _SEP_LINE.fullmatch(text.readline(_SEP_LINE_CHARS))
    return RecordReader(Utf8Text(path, encoding, skip_chars=len(match.group()) if match else 0), delimiter, shown)


def _choose_delimiter(
    path: Path, encoding: Encoding, options: ManifestOptions, expected: frozenset[str], shown: str
) -> str:
    if options.delimiter is not None:
        return _explicit_delimiter(options.delimiter, shown)
    with encoding.open(path) as text:
        start = text.readline(_SEP_LINE_CHARS)
        match = _SEP_LINE.fullmatch(start)
        if match is not None:
            return match["delimiter"]
        sample = start + text.read(_SAMPLE_CHARS - len(start))
    # Ties go to the more common delimiter: the first in DELIMITERS.
    return max(DELIMITERS, key=lambda delimiter: _score(sample, delimiter, options.header_row, expected))


def _explicit_delimiter(wanted: str, shown: str) -> str:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(wanted, wanted)
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise ManifestError(
            f"{shown}: {wanted!r} can't be a delimiter",
            hint="Set `manifest: {delimiter}` in the mapping to one character or to tab, or leave it out.",
        )
    return delimiter


def _score(sample: str, delimiter: str, header_row: int, expected: frozenset[str]) -> tuple[int, float, float]:
    """Rate a delimiter by the mapping's columns it yields, then by how evenly it divides rows.

    The columns may be below a title. If no delimiter divides the header, the best one leaves the rows whole, too: texts
    contain commas.
    """
    records = _sample_records(sample, delimiter, header_row + _SAMPLE_RECORDS)
    found = find_header(records, header_row)
    if found is None:
        return 0, 0.0, 2.0  # the text contains only this delimiter
    row, header = found
    below = records[row : row + TITLE_ROWS] if header_row == 1 else []
    widths = [len(record) for record in records[row:] if record]
    share = widths.count(len(header)) / len(widths) if widths else 1.0
    return count_known_columns(expected, header, *below), share * (len(header) - 1), share


def _sample_records(sample: str, delimiter: str, limit: int) -> list[list[str]]:
    allow_long_cells()
    # Not strict: a broken quote is reported later with its row, once the delimiter is known.
    records = list(itertools.islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), limit))
    # A full sample may end within a record.
    return records[:-1] if len(sample) == _SAMPLE_CHARS and 1 < len(records) < limit else records
