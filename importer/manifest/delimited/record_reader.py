"""Reads the records of a delimited text: in blocks if its quotes are plain, else one by one."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.block_parser import Block, parse_block
from importer.manifest.delimited.delimiter_hint import between_quotes_hint, delimiter_between_quotes
from importer.manifest.delimited.encoding import Encoding
from importer.manifest.header import column_letter
from importer.manifest.records import BlankRecords, RecordList

_BLOCK_BYTES = 1 << 21

# Python's default of 128 KB refuses real descriptions; without a limit, one stray quote makes the rest of the file
# a single cell (at 4 bytes a character).
MAX_CELL_CHARS = 1 << 23
MAX_RECORD_BYTES = 1 << 24
_MAX_BROKEN_ROWS = 20
_BLANKS = b" \t\r\n"
_MANY_BLANKS_BYTES = 1 << 16
_MAX_MARKS = 1 << 19  # in one block, which takes a hundred bytes of memory for each
_CHARACTER_BYTES = 8  # at least as many as a character has
_LINE_END = re.compile(rb"\r\n?|\n")

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

_DOS_END = b"\x1a"


def allow_long_cells() -> None:
    """Raise the limit of Python's CSV reader.

    It applies to the whole process, where it does no harm.
    """
    csv.field_size_limit(MAX_CELL_CHARS)


class _TooLongError(Exception):
    """A record has more bytes than the limit."""


class RecordReader:
    """The records of a text, read strictly.

    Malformed text is an error, and never changes the data silently. Close the reader with ``close``.
    """

    def __init__(self, text: Utf8Text, delimiter: str, shown: str) -> None:
        allow_long_cells()
        self._text = text
        self._delimiter = delimiter
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        self.shown = shown
        self._row = 0
        self._record: list[str] = []  # the lines of the current record
        self._start = 0  # where the current record begins

    def close(self) -> None:
        """Close the file."""
        self._text.close()

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

    @property
    def has_more(self) -> bool:
        """Return whether anything follows the records read so far."""
        return bool(self._text.peek())

    def skip_blank(self) -> int:
        """Skip records without content, if there are very many, and return their number."""
        rows = 0
        while size_bytes := _blank_bytes(self._text.peek(), self._delimiter, last=self._text.is_last):
            rows += self._text.line_ends(size_bytes)
            self._text.skip(size_bytes)
        self._row += rows
        return rows

    def _lines(self) -> Iterator[str]:
        """Yield the text's lines, and keep those of the current record. Raises _TooLongError."""
        for line in self._text.lines():
            self._record.append(line)
            if self._text.position - self._start > MAX_RECORD_BYTES:
                raise _TooLongError
            yield line

    def _begin_record(self) -> None:
        self._row += 1
        self._record.clear()
        self._start = self._text.position

    def blocks(self) -> Iterator[Block | RecordList | BlankRecords]:
        """Yield all remaining records, as blocks wherever that is possible."""
        while content := self._text.peek():
            if size_bytes := _blank_bytes(content, self._delimiter, last=self._text.is_last):
                rows = self._text.line_ends(size_bytes)
                self._row += rows
                self._text.skip(size_bytes)
                yield BlankRecords(size=rows)
                continue
            is_last = self._text.is_last
            while self._marks(content) > _MAX_MARKS:
                content, is_last = content[: len(content) // 2], False
            block = parse_block(content, self._delimiter, last=is_last) if self._text.is_utf8 else None
            if block is None:
                yield self._one_by_one(len(content))
            else:
                self._row += len(block)
                self._text.skip(min(int(block.record_ends[-1]), len(content)))
                yield block

    def _marks(self, content: bytes) -> int:
        """How many bytes may end a cell or a record."""
        return sum(map(content.count, (b"\n", b"\r", self._delimiter.encode())))

    def _one_by_one(self, size_bytes: int) -> RecordList:
        """Read the records that begin in the next ``size_bytes``."""
        end = self._text.position + size_bytes
        records: list[list[str]] = []
        while self._text.position < end:
            try:
                records.append(next(self))
            except StopIteration:
                break
        return RecordList(records=records)

    def _too_long(self) -> ManifestError:
        """The error for a cell, or else a record, that is longer than any is read."""
        csv.field_size_limit(2 * MAX_RECORD_BYTES)
        try:
            cells = next(csv.reader(self._record, delimiter=self._delimiter))
        finally:
            allow_long_cells()
        index = max(range(len(cells)), key=lambda at: len(cells[at]))
        where = f"{self.shown}, row {self._row:,}"
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
            f"{self.shown} has broken quotes, so it is not clear where its cells end",
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
            return f"row {self._row}: {_NEVER_CLOSED}"
        if "field limit" in reason:
            return f"row {self._row}: a quote is opened here and not closed within {MAX_CELL_CHARS:,} characters"
        return f"row {self._row}: text follows a closing quote"


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


class Utf8Text:
    """The file's text as UTF-8, read block by block, whatever the encoding of the file.

    A Ctrl+Z alone on the last line, with which DOS programs end a file, is not part of the text. ``skip_chars``: how
    many characters precede the first record. ``block_bytes``: how much to read at once.
    """

    def __init__(self, path: Path, encoding: Encoding, *, skip_chars: int = 0, block_bytes: int = _BLOCK_BYTES) -> None:
        self._block_bytes = block_bytes
        self._file = encoding.open_bytes(path)
        self._decoder = None if encoding.codec in ("utf-8", "ascii") else codecs.getincrementaldecoder(encoding.codec)()
        self._content = b""
        self._at = 0  # how much of the content has been read
        self._ended = False
        self.position = 0  # in the whole text
        self.is_utf8 = True  # of all that has been read so far
        if skip_chars:
            self._load(4 * skip_chars)
            self.skip(len(self._content[: 4 * skip_chars].decode(errors="ignore")[:skip_chars].encode()))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def is_last(self) -> bool:
        """Return whether nothing follows the peeked text."""
        return self._ended

    def peek(self, least_bytes: int = 0) -> bytes:
        """Return the next text without reading on: a few MB, but at least ``least_bytes``, or all that is left."""
        self._load(max(self._block_bytes, least_bytes))
        self._content, self._at = self._content[self._at :], 0
        return self._content

    def skip(self, size_bytes: int) -> None:
        """Skip so many bytes of the peeked text."""
        self._at += size_bytes
        self.position += size_bytes

    def line_ends(self, size_bytes: int) -> int:
        """Count the line ends in the next so many bytes of the peeked text."""
        ends = (self._content.count(end, self._at, self._at + size_bytes) for end in (b"\n", b"\r"))
        return sum(ends) - self._content.count(b"\r\n", self._at, self._at + size_bytes)

    def lines(self) -> Iterator[str]:
        """Yield lines from the current position, as a text file with ``newline=""`` does.

        A line of more than MAX_RECORD_BYTES is cut after these bytes.
        """
        while line := self._line():
            self.skip(len(line))
            yield line.decode("utf-8", "surrogatepass")

    def _line(self) -> bytes:
        while True:
            end = _LINE_END.search(self._content, self._at)
            # A carriage return at the end of what is in memory may be the first half of a line end.
            if end is not None and (end.end() < len(self._content) or end.group() == b"\n"):
                return self._content[self._at : end.end()]
            size_bytes = len(self._content) - self._at
            if size_bytes > MAX_RECORD_BYTES:
                return _whole_characters(self._content[self._at : self._at + MAX_RECORD_BYTES + _CHARACTER_BYTES])
            if self._ended:
                return self._content[self._at :]
            self._load(min(2 * size_bytes, MAX_RECORD_BYTES + _CHARACTER_BYTES) + self._block_bytes)

    def _load(self, size_bytes: int) -> None:
        """Load the next ``size_bytes``, or all that is left."""
        if len(self._content) - self._at >= size_bytes or self._ended:
            return
        parts = [self._content[self._at :]]
        while sum(map(len, parts)) < size_bytes and not self._ended:
            part = self._file.read(self._block_bytes)
            self._ended = not part
            parts.append(part if self._decoder is None else self._as_utf8(self._decoder, part))
        self._content, self._at = b"".join(parts), 0
        # The content begins with a line.
        if self._ended and self._content[-2:] in (_DOS_END, b"\n" + _DOS_END, b"\r" + _DOS_END):
            self._content = self._content.removesuffix(_DOS_END)

    def _as_utf8(self, decoder: codecs.IncrementalDecoder, part: bytes) -> bytes:
        text = decoder.decode(part, final=self._ended)
        try:
            return text.encode()
        except UnicodeEncodeError:  # half a surrogate pair, as some codecs allow; the row is reported later
            self.is_utf8 = False
            return text.encode("utf-8", "surrogatepass")


def _whole_characters(content: bytes) -> bytes:
    """Remove the last character, because some of its bytes may be missing."""
    end = len(content) - 1
    while content[end] & 0xC0 == 0x80:  # noqa: PLR2004 - the bits of a character's further bytes
        end -= 1
    return content[:end]
