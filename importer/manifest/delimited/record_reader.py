"""Reads the records of a delimited text: in blocks if its quotes are plain, else one by one with `csv`, strictly."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from importer.errors import ManifestError
from importer.manifest.delimited.block_parser import BlockRecords, parse_block
from importer.manifest.delimited.delimiter_hint import between_quotes_hint, delimiter_between_quotes
from importer.manifest.delimited.utf8_text import MAX_RECORD_BYTES, Utf8Text
from importer.manifest.header import column_letter
from importer.manifest.records import BlankRecords, RecordList

# Python's default of 128 KB refuses real descriptions; without a limit, one stray quote makes the rest of the file
# a single cell (at 4 bytes a character).
MAX_CELL_CHARS = 1 << 23
_MAX_BROKEN_ROWS = 20

_LONE_QUOTE_HINT = (
    'Write a quote inside a quoted cell twice (""), and close every opened quote; most programs do this by themselves'
    " when they export CSV."
)
_BLANKS_HINT = (
    "There are blanks between a closing quote and a delimiter: set `manifest: {strip: true}` in the mapping, or export "
    "without them."
)
_BACKSLASH_HINT = (
    "Quotes are written as \\\", as MySQL does: set `manifest: {escape: '\\'}` in the mapping, or export with quotes "
    'written twice ("").'
)
_NEVER_CLOSED = "a quote is opened here and never closed"
_CUT_HINT = " If the file is cut off there, export it again."


def allow_long_cells() -> None:
    """Raise the limit of Python's CSV reader.

    It applies to the whole process, where it does no harm.
    """
    csv.field_size_limit(MAX_CELL_CHARS)


class _TooLongError(Exception):
    """A record has more bytes than the limit."""


class StrictRecords:
    """The records of a text. Malformed text is an error, and never changes the data silently.

    ``row``: the number of the record that was read last. The caller may skip text and add to ``row``.
    """

    def __init__(self, text: Utf8Text, delimiter: str, file_name: str) -> None:
        allow_long_cells()
        self._text = text
        self._delimiter = delimiter
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        self._file_name = file_name
        self.row = 0
        self._record: list[str] = []  # the lines of the current record
        self._start = 0  # where the current record begins

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        self._begin_record()
        try:
            return next(self._reader)
        except _TooLongError:
            raise self._too_long() from None
        except csv.Error as error:
            if "field limit" in str(error):
                raise self._too_long() from error
            raise self._broken(error) from error

    def _lines(self) -> Iterator[str]:
        """Yield the text's lines, and keep those of the current record. Raises _TooLongError."""
        for line in self._text.lines():
            self._record.append(line)
            if self._text.position - self._start > MAX_RECORD_BYTES:
                raise _TooLongError
            yield line

    def _begin_record(self) -> None:
        self.row += 1
        self._record.clear()
        self._start = self._text.position

    def _too_long(self) -> ManifestError:
        """The error for a cell, or else a record, that is longer than any is read."""
        csv.field_size_limit(2 * MAX_RECORD_BYTES)
        try:
            cells = next(csv.reader(self._record, delimiter=self._delimiter))
        finally:
            allow_long_cells()
        index = max(range(len(cells)), key=lambda at: len(cells[at]))
        where = f"{self._file_name}, row {self.row:,}"
        if len(cells[index]) <= MAX_CELL_CHARS:
            return ManifestError(
                f"{where}: the row has more than the supported {MAX_RECORD_BYTES:,} bytes",
                hint="A ticket can't be that long: check the export, and leave out what is not needed.",
            )
        column = f"{where}, column {column_letter(index)}"
        if len(self._record) > 1:
            return ManifestError(
                f"{column}: a quote is opened here and not closed within {MAX_CELL_CHARS:,} characters",
                hint=_LONE_QUOTE_HINT,
            )
        return ManifestError(
            f"{column}: the cell has more than the supported {MAX_CELL_CHARS:,} characters",
            hint="A ticket can't be that long: shorten the cell, or leave its column out of the export.",
        )

    def _broken(self, error: csv.Error) -> ManifestError:
        """Return the error, after reading on to name further broken rows."""
        details = [self._describe(error)]
        cause, remedies = self._cause()
        while len(details) < _MAX_BROKEN_ROWS:
            self._begin_record()
            try:
                next(self._reader)
            except csv.Error as further:
                details.append(self._describe(further))
            except (StopIteration, _TooLongError):
                break
        return ManifestError(
            f"{self._file_name} has broken quotes, so it is not clear where its cells end",
            details=details,
            hint=(cause or _LONE_QUOTE_HINT) + (_CUT_HINT if details[-1].endswith(_NEVER_CLOSED) else ""),
            remedies=remedies,
        )

    def _cause(self) -> tuple[str, Sequence[tuple[str, str | bool]]]:
        """Return a hint and what helps if the line read last shows a habit of the program that wrote the file."""
        line = self._record[-1] if self._record else ""
        if re.search(rf'"[ \t]+(?:{re.escape(self._delimiter)}|[\r\n]|\Z)', line):
            return _BLANKS_HINT, [("strip", True)]
        if delimiter := delimiter_between_quotes(line, self._delimiter):
            return between_quotes_hint(delimiter), [("delimiter", delimiter)]
        return (_BACKSLASH_HINT, [("escape", "\\")]) if '\\"' in line else ("", ())

    def _describe(self, error: csv.Error) -> str:
        reason = str(error)
        if "end of data" in reason:
            return f"row {self.row}: {_NEVER_CLOSED}"
        if "field limit" in reason:
            return f"row {self.row}: a quote is opened here and not closed within {MAX_CELL_CHARS:,} characters"
        return f"row {self.row}: text follows a closing quote"


_BLANKS = b" \t\r\n"
_MANY_BLANKS_BYTES = 1 << 16
_MAX_MARKS = 1 << 19  # in one block, which takes a hundred bytes of memory for each


class RecordReader:
    """The records of a text, read strictly. Close the reader with ``close``."""

    def __init__(self, text: Utf8Text, delimiter: str, file_name: str) -> None:
        self._text = text
        self._delimiter = delimiter
        self._records = StrictRecords(text, delimiter, file_name)
        self.file_name = file_name

    def close(self) -> None:
        """Close the file."""
        self._text.close()

    def __iter__(self) -> Iterator[list[str]]:
        return self._records

    def __next__(self) -> list[str]:
        return next(self._records)

    @property
    def has_more(self) -> bool:
        """Return whether anything follows the records read so far."""
        return bool(self._text.peek())

    def skip_blank(self) -> int:
        """Skip records without content, if there are very many, and return their number."""
        rows = 0
        while skipped := self._skip_some_blank(self._text.peek()):
            rows += skipped
        return rows

    def blocks(self) -> Iterator[BlockRecords | RecordList | BlankRecords]:
        """Yield all remaining records, as blocks wherever that is possible."""
        while content := self._text.peek():
            if rows := self._skip_some_blank(content):
                yield BlankRecords(size=rows)
                continue
            is_last = self._text.is_last
            while self._marks(content) > _MAX_MARKS:
                content, is_last = content[: len(content) // 2], False
            records = parse_block(content, self._delimiter, last=is_last) if self._text.is_utf8 else None
            if records is None:
                yield self._one_by_one(len(content))
            else:
                self._records.row += len(records)
                self._text.skip(min(int(records.block.record_ends[-1]), len(content)))
                yield records

    def _skip_some_blank(self, content: bytes) -> int:
        """Skip the blank records at the beginning of the peeked text, if very many, and return their number."""
        size_bytes = _blank_bytes(content, self._delimiter, last=self._text.is_last)
        rows = self._text.line_ends(size_bytes)
        self._text.skip(size_bytes)
        self._records.row += rows
        return rows

    def _marks(self, content: bytes) -> int:
        """Return how many bytes may end a cell or a record."""
        return sum(map(content.count, (b"\n", b"\r", self._delimiter.encode())))

    def _one_by_one(self, size_bytes: int) -> RecordList:
        """Read the records that begin in the next ``size_bytes``."""
        end = self._text.position + size_bytes
        records: list[list[str]] = []
        while self._text.position < end:
            try:
                records.append(next(self._records))
            except StopIteration:
                break
        return RecordList(records=records)


def _blank_bytes(content: bytes, delimiter: str, *, last: bool) -> int:
    """Return how many bytes at the beginning are blank records, if very many.

    ``last``: nothing follows ``content``.
    """
    blanks = _BLANKS + (delimiter.encode() if delimiter.isascii() else b"")
    end = len(content) - len(content.lstrip(blanks))
    if end == len(content) and content[-1:] == b"\r" and not last:
        end -= 1  # its line feed may be the next byte
    size_bytes = max(content.rfind(b"\n", 0, end), content.rfind(b"\r", 0, end)) + 1
    return size_bytes if size_bytes >= _MANY_BLANKS_BYTES else 0
