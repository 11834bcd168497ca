"""CSV and its kin -> batches of records. The text of a cell is never interpreted, trimmed or repaired."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.detected import DELIMITERS, Detected
from importer.manifest.encoding import Encoding, find_encoding
from importer.manifest.table import Batch, Header, find_header, is_blank, make_header, no_header
from importer.models import ManifestOptions

_SAMPLE_CHARS = 1 << 18
_SAMPLE_RECORDS = 200

# Python's default of 128 KB refuses real descriptions; without any limit, one stray quote makes the rest of the file
# a single cell (at 4 bytes a character).
_MAX_CELL_CHARS = 1 << 26
_MAX_BROKEN_ROWS = 20

_SEP_LINE = re.compile(r"sep=([^\w\r\n\"])(?:\r\n|\r|\n|$)", re.IGNORECASE)
_LONE_QUOTE_HINT = (
    'Write a quote inside a quoted cell twice (""), and close every quote that is opened; most programs do so by'
    " themselves when they export CSV."
)


@dataclass(frozen=True, kw_only=True)
class DelimitedFile:
    """A text file of which everything is known that is needed to read it."""

    path: Path
    shown: str
    encoding: Encoding
    delimiter: str
    detected: Detected
    header: Header

    def batches(self, size: int) -> Iterator[Batch]:
        """Read the records below the header, ``size`` at a time, in one pass.

        Raises ManifestError that names the rows in which quotes are broken.
        """
        text, _ = _open_text(self.path, self.encoding)
        with text:
            records = _Records(text, self.delimiter, self.shown)
            for _ in range(self.header.row):
                next(records)
            first_row = self.header.row + 1
            while batch := list(itertools.islice(records, size)):
                yield Batch(first_row=first_row, records=batch)
                first_row += len(batch)


def open_delimited(path: Path, options: ManifestOptions, expected: Collection[str], shown: str) -> DelimitedFile:
    """Find encoding, delimiter and header. Raises ManifestError if one of them can't be found or doesn't fit."""
    encoding = find_encoding(path, options.encoding, shown)
    delimiter = _choose_delimiter(path, encoding, options, frozenset(expected), shown)
    text, _ = _open_text(path, encoding)
    with text:
        found = find_header(_Records(text, delimiter, shown), options.header_row)
    if found is None:
        raise no_header(shown, options.header_row)
    row, record = found
    header = make_header(record, row=row, shown=shown)
    detected = Detected(
        format="CSV",
        encoding=encoding.codec,
        bom=bool(encoding.mark),
        guessed=encoding.guessed,
        delimiter=delimiter if header.width > 1 else None,
        header_row=row,
    )
    return DelimitedFile(
        path=path, shown=shown, encoding=encoding, delimiter=delimiter, detected=detected, header=header
    )


def _open_text(path: Path, encoding: Encoding) -> tuple[io.TextIOWrapper, str | None]:
    """Open the text at its first record; also return the delimiter if a line such as ``sep=;`` names it.

    Programs write that line for Excel, which obeys it and doesn't count it as a row; so it is none here either.
    """
    text = encoding.open(path)
    match = _SEP_LINE.fullmatch(text.readline(8))
    if match is not None:
        return text, match.group(1)
    text.close()
    return encoding.open(path), None


class _Records:
    """The records of a text, strictly: what is not well-formed is an error and never a silent change of the data."""

    def __init__(self, text: io.TextIOBase, delimiter: str, shown: str) -> None:
        csv.field_size_limit(_MAX_CELL_CHARS)  # the module keeps it for the whole process; no reader is harmed by more
        self._reader = csv.reader(text, delimiter=delimiter, strict=True)
        self._shown = shown
        self._row = 0

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        self._row += 1
        try:
            return next(self._reader)
        except csv.Error as error:
            raise self._broken(error) from error

    def _broken(self, error: csv.Error) -> ManifestError:
        """Read on only to name further broken rows, so that a person can mend them all at once."""
        details = [self._describe(error)]
        while len(details) < _MAX_BROKEN_ROWS:
            self._row += 1
            try:
                next(self._reader)
            except csv.Error as further:
                details.append(self._describe(further))
            except StopIteration:
                break
        return ManifestError(
            f"{self._shown} has broken quotes, so its cells can't be told apart",
            details=details,
            hint=_LONE_QUOTE_HINT,
        )

    def _describe(self, error: csv.Error) -> str:
        reason = str(error)
        if "end of data" in reason:
            return f"row {self._row}: a quote is opened here and never closed"
        if "field limit" in reason:
            return f"row {self._row}: a quote is opened here and not closed within {_MAX_CELL_CHARS:,} characters"
        return f"row {self._row}: text follows a closing quote"


def _choose_delimiter(
    path: Path, encoding: Encoding, options: ManifestOptions, expected: frozenset[str], shown: str
) -> str:
    text, named = _open_text(path, encoding)
    with text:
        if options.delimiter is not None:
            return _explicit_delimiter(options.delimiter, shown)
        if named is not None:
            return named
        sample = _whole_lines(text.read(_SAMPLE_CHARS))
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


def _score(sample: str, delimiter: str, header_row: int, expected: frozenset[str]) -> tuple[int, float]:
    """Rate a delimiter: the columns it yields that the mapping knows, then how evenly it divides the rows."""
    records = _sample_records(sample, delimiter, header_row + _SAMPLE_RECORDS)
    found = find_header(records, header_row)
    if found is None:
        return 0, 0.0
    row, header = found
    widths = [len(record) for record in records[row:] if not is_blank(record)]
    share = widths.count(len(header)) / len(widths) if widths else 1.0
    return len(expected.intersection(header)), share * (len(header) - 1)


def _sample_records(sample: str, delimiter: str, limit: int) -> list[list[str]]:
    csv.field_size_limit(_MAX_CELL_CHARS)
    # Not strict: a broken quote is to be reported after the delimiter is known, with its row.
    return list(itertools.islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), limit))


def _whole_lines(sample: str) -> str:
    """Leave out the line in whose middle a full sample ends."""
    end = max(sample.rfind("\n"), sample.rfind("\r")) + 1
    return sample[:end] if end and len(sample) == _SAMPLE_CHARS else sample
