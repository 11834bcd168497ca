"""The records of a delimited text: many at once where its quotes are plain, else one by one and strictly."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.block_parser import Block, parse_block
from importer.manifest.delimited.encoding import Encoding
from importer.manifest.header import column_letter
from importer.manifest.records import BlankRecords, RecordList

_BLOCK_BYTES = 1 << 21

# Python's default of 128 KB refuses real descriptions; without any limit, one stray quote makes the rest of the file
# a single cell (at 4 bytes a character).
MAX_CELL_CHARS = 1 << 23
MAX_RECORD_BYTES = 1 << 24
_MAX_BROKEN_ROWS = 20
_BLANKS = b" \t\r\n"
_MANY_BLANKS_BYTES = 1 << 16
_MOST_MARKS = 1 << 19  # of one block, which takes a hundred bytes for each
_CHARACTER_BYTES = 8  # at least as many as a character has
_LINE_END = re.compile(rb"\r\n?|\n")

_LONE_QUOTE_HINT = (
    'Write a quote inside a quoted cell twice (""), and close every quote that is opened; most programs do so by'
    " themselves when they export CSV."
)
_BLANKS_HINT = (
    "Blanks stand between a closing quote and the delimiter: export without them, or replace them throughout the file, "
    "such as '\" ,' by '\",'."
)
_BACKSLASH_HINT = (
    'Quotes are written as \\" here, as MySQL does: export with a quote written twice (""), in MySQL with '
    "FIELDS ESCAPED BY '\"'."
)
_NEVER_CLOSED = "a quote is opened here and never closed"
_CUT_HINT = " Or the file is cut off there: then export it again."

_DOS_END = b"\x1a"


def allow_long_cells() -> None:
    """Raise the limit of Python's reader, which keeps it for the whole process; no other reader is harmed by more."""
    csv.field_size_limit(MAX_CELL_CHARS)


class _TooLongError(Exception):
    """A record has more bytes than any is read with."""


class RecordReader:
    """The records of a text, strictly: what is not well-formed is an error and never a silent change of the data.

    Close it with ``close``.
    """

    def __init__(self, text: Utf8Text, delimiter: str, shown: str) -> None:
        allow_long_cells()
        self._text = text
        self._delimiter = delimiter
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        self.shown = shown
        self._row = 0
        self._record: list[str] = []  # the lines of the record that is read
        self._start = 0  # where it begins

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
        """Whether anything follows the records that were read."""
        return bool(self._text.peek())

    def skip_blank(self) -> int:
        """Go past records without content, if there are very many of them, and say past how many."""
        rows = 0
        while size_bytes := _blank_bytes(self._text.peek(), self._delimiter, last=self._text.is_last):
            rows += self._text.line_ends(size_bytes)
            self._text.skip(size_bytes)
        self._row += rows
        return rows

    def _lines(self) -> Iterator[str]:
        """The text's lines; those of the present record are kept. Raises _TooLongError."""
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
        """Yield all records that are left: some of them as a block wherever that is possible."""
        while content := self._text.peek():
            if size_bytes := _blank_bytes(content, self._delimiter, last=self._text.is_last):
                rows = self._text.line_ends(size_bytes)
                self._row += rows
                self._text.skip(size_bytes)
                yield BlankRecords(size=rows)
                continue
            is_last = self._text.is_last
            while self._marks(content) > _MOST_MARKS:
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
                f"{where}: the row has more than {MAX_RECORD_BYTES:,} bytes, and longer ones are not read",
                hint="No ticket takes so much: look into the export, and leave out what is not needed.",
            )
        column = f"{where}, column {column_letter(index)}"
        if len(self._record) > 1:
            return ManifestError(
                f"{column}: a quote is opened here and not closed within {MAX_CELL_CHARS:,} characters",
                hint=_LONE_QUOTE_HINT,
            )
        return ManifestError(
            f"{column}: the cell has more than {MAX_CELL_CHARS:,} characters, and longer ones are not read",
            hint="No ticket takes so much: shorten the cell, or leave its column out of the export.",
        )

    def _broken(self, error: csv.Error) -> ManifestError:
        """Read on only to name further broken rows, so that a person can mend them all at once."""
        details = [self._describe(error)]
        cause = self._cause()
        while len(details) < _MAX_BROKEN_ROWS:
            self._begin_record()
            try:
                next(self._reader)
            except csv.Error as further:
                details.append(self._describe(further))
            except (StopIteration, _TooLongError):
                break
        return ManifestError(
            f"{self.shown} has broken quotes, so its cells can't be told apart",
            details=details,
            hint=(cause or _LONE_QUOTE_HINT) + (_CUT_HINT if details[-1].endswith(_NEVER_CLOSED) else ""),
        )

    def _cause(self) -> str:
        """What in the line that was read last breaks its quotes, where it is a habit of the program that wrote it."""
        line = self._record[-1] if self._record else ""
        if re.search(rf'"[ \t]+(?:{re.escape(self._delimiter)}|[\r\n]|\Z)', line):
            return _BLANKS_HINT
        return _BACKSLASH_HINT if '\\"' in line else ""

    def _describe(self, error: csv.Error) -> str:
        reason = str(error)
        if "end of data" in reason:
            return f"row {self._row}: {_NEVER_CLOSED}"
        if "field limit" in reason:
            return f"row {self._row}: a quote is opened here and not closed within {MAX_CELL_CHARS:,} characters"
        return f"row {self._row}: text follows a closing quote"


def _blank_bytes(content: bytes, delimiter: str, *, last: bool) -> int:
    """How many bytes in front are records of nothing but blanks and delimiters, if they are very many.

    ``last``: nothing follows ``content``.
    """
    blanks = _BLANKS + (delimiter.encode() if delimiter.isascii() else b"")
    end = len(content) - len(content.lstrip(blanks))
    if end == len(content) and content[-1:] == b"\r" and not last:
        end -= 1  # its line feed may be the next byte
    size_bytes = max(content.rfind(b"\n", 0, end), content.rfind(b"\r", 0, end)) + 1
    return size_bytes if size_bytes >= _MANY_BLANKS_BYTES else 0


class Utf8Text:
    """A text as UTF-8, whatever it is in the file, of which some is always in memory.

    The sign with which programs of DOS end a file is not of the text where it stands on a line of its own.
    ``skip_chars``: how much of it stands before the first record. ``block_bytes``: how much is read at once.
    """

    def __init__(self, path: Path, encoding: Encoding, *, skip_chars: int = 0, block_bytes: int = _BLOCK_BYTES) -> None:
        self._block_bytes = block_bytes
        self._file = encoding.open_bytes(path)
        self._decoder = None if encoding.codec in ("utf-8", "ascii") else codecs.getincrementaldecoder(encoding.codec)()
        self._content = b""
        self._at = 0  # how much of the content is read
        self._ended = False
        self.position = 0  # in the whole text
        self.is_utf8 = True  # all that was read so far
        if skip_chars:
            self._need(4 * skip_chars)
            self.skip(len(self._content[: 4 * skip_chars].decode(errors="ignore")[:skip_chars].encode()))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def is_last(self) -> bool:
        """Whether nothing follows what was peeked at."""
        return self._ended

    def peek(self) -> bytes:
        """Look at the text that comes next: a few MB, or all that is left."""
        self._need(self._block_bytes)
        self._content, self._at = self._content[self._at :], 0
        return self._content

    def skip(self, size_bytes: int) -> None:
        """Go past so much of what was peeked at."""
        self._at += size_bytes
        self.position += size_bytes

    def line_ends(self, size_bytes: int) -> int:
        """How many lines end in the next so many bytes of what was peeked at."""
        ends = (self._content.count(end, self._at, self._at + size_bytes) for end in (b"\n", b"\r"))
        return sum(ends) - self._content.count(b"\r\n", self._at, self._at + size_bytes)

    def lines(self) -> Iterator[str]:
        """Yield line by line, as a text file with ``newline=""`` does, always from where the text has been read to.

        A line of more than MAX_RECORD_BYTES is cut behind them.
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
            self._need(min(2 * size_bytes, MAX_RECORD_BYTES + _CHARACTER_BYTES) + self._block_bytes)

    def _need(self, size_bytes: int) -> None:
        """Have the next ``size_bytes`` in memory, or all that is left."""
        if len(self._content) - self._at >= size_bytes or self._ended:
            return
        parts = [self._content[self._at :]]
        while sum(map(len, parts)) < size_bytes and not self._ended:
            part = self._file.read(self._block_bytes)
            self._ended = not part
            parts.append(part if self._decoder is None else self._as_utf8(self._decoder, part))
        self._content, self._at = b"".join(parts), 0
        # What is left in memory begins with a line.
        if self._ended and self._content[-2:] in (_DOS_END, b"\n" + _DOS_END, b"\r" + _DOS_END):
            self._content = self._content.removesuffix(_DOS_END)

    def _as_utf8(self, decoder: codecs.IncrementalDecoder, part: bytes) -> bytes:
        text = decoder.decode(part, final=self._ended)
        try:
            return text.encode()
        except UnicodeEncodeError:  # some codecs can write half a surrogate pair, and the row with it is told of later
            self.is_utf8 = False
            return text.encode("utf-8", "surrogatepass")


def _whole_characters(content: bytes) -> bytes:
    """Leave out the last character: some of its bytes may be missing."""
    end = len(content) - 1
    while content[end] & 0xC0 == 0x80:  # noqa: PLR2004 - the bits of a byte that goes on with a character
        end -= 1
    return content[:end]
