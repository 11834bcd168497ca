"""CSV and its kin -> batches of records. The text of a cell is never interpreted, trimmed or repaired."""

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
from importer.manifest.header import Header, find_header, make_header, missing_header_error, number_repeated
from importer.manifest.manifest_format import DELIMITERS, ManifestFormat
from importer.manifest.records import BlankRecords, is_blank
from importer.manifest.title_rows import TITLE_ROWS, count_known_columns, refuse_title_rows
from importer.models import ManifestOptions, Problem

_SAMPLE_CHARS = 1 << 18
_SAMPLE_RECORDS = 200

# Programs write such a line for Excel, which obeys it and doesn't count it as a row; so it is none here either.
_SEP_LINE_CHARS = 9
_SEP_LINE = re.compile(r'("?)sep=(?P<delimiter>[^\w\r\n"])\1(?:\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DelimitedFile:
    """A text file of which everything is known that is needed to read it."""

    path: Path
    shown: str
    encoding: Encoding
    delimiter: str
    format: ManifestFormat
    header: Header
    rejects_last: bool = False  # it may be cut off

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the records below the header, ``size`` at a time, in one pass.

        Raises ManifestError that names the rows in which quotes are broken.
        """
        before: Batch | None = None
        for batch in self._batches(size):
            if before is not None:
                yield before
            before = batch
        if before is not None:
            yield replace(before, problems=self._cut_off(before)) if self.rejects_last else before

    def _cut_off(self, last: Batch) -> tuple[Problem, ...]:
        """The problem of the last record, unless it is blank."""
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
    """Find encoding, delimiter and header. Raises ManifestError if one of them can't be found or doesn't fit."""
    encoding = find_encoding(path, options.encoding, shown)
    delimiter = _choose_delimiter(path, encoding, options, frozenset(expected), shown)
    with contextlib.closing(_open_records(path, encoding, delimiter, shown)) as records:
        header = _find_header(records, delimiter, options, expected)
        lacks_end = records.has_more and lacks_line_end(path, encoding)
    manifest_format = ManifestFormat(
        name="CSV",
        encoding=encoding.codec,
        bom=bool(encoding.mark),
        certainty=encoding.certainty,
        delimiter=delimiter if header.width > 1 else None,
        header_row=header.row,
        warnings=(*encoding.warnings, *((_no_line_end(shown),) if lacks_end and not options.strict_end else ())),
    )
    return DelimitedFile(
        path=path,
        shown=shown,
        encoding=encoding,
        delimiter=delimiter,
        format=manifest_format,
        header=header,
        rejects_last=lacks_end and options.strict_end,
    )


def _no_line_end(shown: str) -> str:
    return (
        f"the last row of {shown} has no line end, and the rows before it have one: if the file is cut off there, its "
        "last cell is incomplete; --strict-end rejects such a row"
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
    # Where the first row has all that is looked for, no row below can have more of it, and none need be read.
    if wanted_row == 1 and not set(expected) <= set(record):
        refuse_title_rows(record, row, itertools.islice(records, TITLE_ROWS), expected, shown)
    numbered = number_repeated(record, options.may_repeat)
    return numbered.apply_to(make_header(numbered.names, row=row, shown=shown))


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
    # Ties go to the delimiter that is more frequent in the world: the first in DELIMITERS.
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
    """Rate a delimiter: the columns it yields that the mapping knows, then how evenly it divides the rows.

    The columns may stand below a title. Where none divides the header, the best one leaves the rows whole, too: commas
    stand in texts.
    """
    records = _sample_records(sample, delimiter, header_row + _SAMPLE_RECORDS)
    found = find_header(records, header_row)
    if found is None:
        return 0, 0.0, 2.0  # there is nothing but this delimiter
    row, header = found
    below = records[row : row + TITLE_ROWS] if header_row == 1 else []
    widths = [len(record) for record in records[row:] if record]
    share = widths.count(len(header)) / len(widths) if widths else 1.0
    return count_known_columns(expected, header, *below), share * (len(header) - 1), share


def _sample_records(sample: str, delimiter: str, limit: int) -> list[list[str]]:
    allow_long_cells()
    # Not strict: a broken quote is to be reported after the delimiter is known, with its row.
    records = list(itertools.islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), limit))
    # A full sample ends anywhere, often within quotes.
    return records[:-1] if len(sample) == _SAMPLE_CHARS and 1 < len(records) < limit else records
