"""Finds the dialect of a delimited text, if its beginning can be read in one way only."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from importer.manifest.delimited.delimiter_hint import likely_delimiter
from importer.manifest.delimited.dialect import Dialect
from importer.manifest.delimited.dialect_reader import parse_text
from importer.manifest.delimited.strict_records import allow_long_cells
from importer.manifest.manifest_format import DELIMITERS
from importer.manifest.records import is_blank

_LEAST_COLUMNS = 2


def find_dialect(sample: str, plain: Dialect, expected: Collection[str], *, last: bool) -> Dialect:
    """Return the only dialect that fits the sample; ``plain`` if it fits, or if nothing else does.

    ``expected``: the mapping's columns. ``last``: the sample is the whole text.
    """
    records = _plain_records(sample, plain, last=last)
    header = next((record for record in records or () if not is_blank(record)), None)
    if header is not None and not expected:
        return plain
    if header is not None and _knows(header, expected, least=1) and not _is_undivided(header, plain, expected):
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


def _is_undivided(header: Sequence[str], plain: Dialect, expected: Collection[str]) -> bool:
    return bool(likely_delimiter(header, plain.delimiter, expected))


def _knows(header: Sequence[str], expected: Collection[str], *, least: int) -> bool:
    return not expected or len(set(expected).intersection(header)) >= least


def _plain_records(sample: str, plain: Dialect, *, last: bool) -> list[list[str]] | None:
    """Return the records as plain CSV; None if quotes are broken."""
    allow_long_cells()
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=plain.delimiter, strict=True)
    records: list[list[str]] = []
    try:
        records.extend(reader)
    except csv.Error as error:
        # A sample may end inside a cell.
        return records if records and not last and "end of data" in str(error) else None
    return records
