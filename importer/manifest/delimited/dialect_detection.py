"""Chooses the delimiter of a text by a sample of it, and finds the dialect that the sample proves."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.delimiter_hint import likely_delimiter
from importer.manifest.delimited.dialect import Dialect, dialect_of
from importer.manifest.delimited.dialect_reader import parse_text
from importer.manifest.delimited.encoding import Encoding
from importer.manifest.delimited.record_reader import allow_long_cells
from importer.manifest.header import TITLE_ROWS, count_known_columns, find_header
from importer.manifest.manifest_format import DELIMITERS
from importer.manifest.records import is_blank, stripped
from importer.models import ManifestOptions

_SAMPLE_CHARS = 1 << 18
_SAMPLE_RECORDS = 200
_LEAST_COLUMNS = 2

# Programs write this line for Excel, which obeys it and does not count it as a row; neither do we.
SEP_LINE_CHARS = 9
SEP_LINE = re.compile(r'("?)sep=(?P<delimiter>[^\w\r\n"])\1(?:\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TextSample:
    """The beginning of a text. ``is_whole``: there is no more. ``named_delimiter``: from a line `sep=;`."""

    text: str
    is_whole: bool
    named_delimiter: str | None = None


def read_sample(path: Path, encoding: Encoding) -> TextSample:
    """Read the beginning of a text."""
    with encoding.open(path) as text:
        start = text.readline(SEP_LINE_CHARS)
        match = SEP_LINE.fullmatch(start)
        if match is not None:
            return TextSample(text="", is_whole=False, named_delimiter=match["delimiter"])
        sample = start + text.read(_SAMPLE_CHARS - len(start))
    return TextSample(text=sample, is_whole=len(sample) < _SAMPLE_CHARS)


def choose_delimiter(sample: TextSample, options: ManifestOptions, expected: frozenset[str], file_name: str) -> str:
    """Return the delimiter that the mapping or the file names, or that divides the sample best."""
    if options.delimiter is not None:
        return _explicit_delimiter(options.delimiter, file_name)
    if sample.named_delimiter is not None:
        return sample.named_delimiter
    if options.dialect is not None:
        return "\t"
    # Ties go to the more common delimiter: the first in DELIMITERS.
    return max(DELIMITERS, key=lambda delimiter: _score(sample, dialect_of(options, delimiter), options, expected))


def _explicit_delimiter(wanted: str, file_name: str) -> str:
    if not wanted or set(wanted) & set('"\r\n\0'):
        raise ManifestError(
            f"{file_name}: {wanted!r} can't be a delimiter",
            hint="Set `manifest: {delimiter}` in the mapping to one or several characters or to tab, or leave it out.",
        )
    return {"tab": "\t", "\\t": "\t"}.get(wanted, wanted)


def _score(
    sample: TextSample, dialect: Dialect, options: ManifestOptions, expected: frozenset[str]
) -> tuple[int, float, float]:
    """Rate a delimiter by the mapping's columns it yields, then by how evenly it divides rows.

    The columns may be below a title. If no delimiter divides the header, the best one leaves the rows whole, too: texts
    contain commas.
    """
    header_row = options.header_row
    records = _sample_records(sample, dialect, header_row + _SAMPLE_RECORDS)
    if options.strip:
        records = list(map(stripped, records))
    found = find_header(records, header_row)
    if found is None:
        return 0, 0.0, 2.0  # the text contains only this delimiter
    row, header = found
    below = records[row : row + TITLE_ROWS] if header_row == 1 else []
    widths = [len(record) for record in records[row:] if record]
    share = widths.count(len(header)) / len(widths) if widths else 1.0
    return count_known_columns(expected, header, *below), share * (len(header) - 1), share


def _sample_records(sample: TextSample, dialect: Dialect, limit: int) -> list[list[str]]:
    if not dialect.is_plain:
        return parse_text(sample.text, dialect, last=sample.is_whole).records[:limit]
    allow_long_cells()
    # Not strict: a broken quote is reported later with its row, once the delimiter is known.
    reader = csv.reader(io.StringIO(sample.text, newline=""), delimiter=dialect.delimiter)
    records = list(itertools.islice(reader, limit))
    # A full sample may end within a record.
    return records[:-1] if not sample.is_whole and 1 < len(records) < limit else records


def find_dialect(sample: str, plain: Dialect, expected: Collection[str], *, last: bool) -> Dialect:
    """Return the only dialect that fits the sample; ``plain`` if it fits, or if nothing else does.

    ``expected``: the mapping's columns. ``last``: the sample is the whole text.
    """
    delimiter = plain.delimiter
    records = _plain_records(sample, delimiter, last=last)
    header = next((record for record in records or () if not is_blank(record)), None)
    if header is not None and not expected:
        return plain
    if header is not None and _knows(header, expected, least=1) and not likely_delimiter(header, delimiter, expected):
        return plain
    fitting = [each for each in _candidates(sample, plain, header, expected) if _fits(sample, each, expected, last)]
    return fitting[0] if fitting else plain


def _candidates(
    sample: str, plain: Dialect, header: Sequence[str] | None, expected: Collection[str]
) -> Iterator[Dialect]:
    found = replace(plain, is_found=True)
    if header is None:  # quotes are broken
        yield replace(found, has_blanks=True)
        if '\\"' in sample:
            yield replace(found, escape="\\")
        return
    if any(cell.strip().startswith("'") for cell in header):
        yield from (replace(found, quote="'", delimiter=each) for each in dict.fromkeys((plain.delimiter, *DELIMITERS)))
    if expected and (likely := likely_delimiter(header, plain.delimiter, expected)):
        yield replace(found, delimiter=likely)


def _fits(sample: str, dialect: Dialect, expected: Collection[str], last: bool) -> bool:  # noqa: FBT001 - as above
    """Return whether all records have the header's width, and the header has all of the mapping's columns."""
    parsed = parse_text(sample, dialect, last=last)
    records = [record for record in parsed.records if not is_blank(record)]
    if parsed.broken or not records or len(records[0]) < _LEAST_COLUMNS:
        return False
    return len(set(map(len, records))) == 1 and _knows(records[0], expected, least=len(expected))


def _knows(header: Sequence[str], expected: Collection[str], *, least: int) -> bool:
    return not expected or len(set(expected).intersection(header)) >= least


def _plain_records(sample: str, delimiter: str, *, last: bool) -> list[list[str]] | None:
    """Return the records as plain CSV; None if quotes are broken."""
    allow_long_cells()
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, strict=True)
    records: list[list[str]] = []
    try:
        records.extend(reader)
    except csv.Error as error:
        # A sample may end inside a cell.
        return records if records and not last and "end of data" in str(error) else None
    return records
