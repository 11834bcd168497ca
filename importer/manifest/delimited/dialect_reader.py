"""Reads the records of a delimited text that is not plain CSV, block by block."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from importer.errors import ManifestError
from importer.manifest.delimited.dialect import Dialect
from importer.manifest.delimited.record_reader import MAX_CELL_CHARS
from importer.manifest.delimited.utf8_text import MAX_RECORD_BYTES, Utf8Text
from importer.manifest.records import RecordList

_MAX_BROKEN_ROWS = 20
COMMENT: list[str] = []  # the record of every comment
COPY_END_MARK = r"\."


@dataclass(kw_only=True)
class ParsedText:
    """Whole records at the beginning of a text.

    ``size``: how many characters they are. ``broken``: the records that can't be read, by their position, with the
    reason. ``is_ended``: the end mark of COPY was found.
    """

    records: list[list[str]] = field(default_factory=list)
    size: int = 0
    broken: dict[int, str] = field(default_factory=dict)
    is_ended: bool = False


def parse_text(text: str, dialect: Dialect, *, last: bool) -> ParsedText:
    """Parse the whole records at the beginning of a text. ``last``: nothing follows it."""
    parsed = ParsedText()
    while parsed.size < len(text) and not parsed.is_ended and len(parsed.broken) < _MAX_BROKEN_ROWS:
        try:
            end = _parse_record(text, dialect, parsed, last=last)
        except ValueError as error:
            parsed.broken[len(parsed.records)] = str(error)
            parsed.records.append([])
            end = _next_line(text, parsed.size)
        if end is None:
            break
        parsed.size = end
    return parsed


def _parse_record(text: str, dialect: Dialect, parsed: ParsedText, *, last: bool) -> int | None:
    """Add the record that begins at ``parsed.size``, and return where it ends; None if its end is not in ``text``.

    Raises ValueError if it can't be read.
    """
    at = parsed.size
    if dialect.comment and text.startswith(dialect.comment, at):
        parsed.records.append(COMMENT)
        return _next_line(text, at)
    record: list[str] = []
    while True:
        match = dialect.cell.match(text, at)
        if match is None:
            _check_unmatched(text, at, dialect, last=last)
            return None
        end = match["end"]
        if not end and not last:
            return None
        quoted = match["quoted"] if dialect.quote else None
        cell: str = match["plain"] if quoted is None else quoted
        if (dialect.escape and dialect.escape in cell) or (quoted is not None and dialect.quote in cell):
            if dialect.is_copy and not record and cell == COPY_END_MARK and end != dialect.delimiter:
                parsed.is_ended = True
                return match.end()
            cell = dialect.unescape(cell, is_quoted=quoted is not None)
        if len(cell) > MAX_CELL_CHARS:
            raise ValueError(f"a cell has more than the supported {MAX_CELL_CHARS:,} characters")
        record.append(cell)
        at = match.end()
        if end != dialect.delimiter:
            is_blank = len(record) == 1 and not cell and quoted is None
            parsed.records.append([] if is_blank else record)
            return at


def _check_unmatched(text: str, at: int, dialect: Dialect, *, last: bool) -> None:
    """Raise ValueError with what is wrong with a cell, unless its end may follow ``text``."""
    if dialect.quote and (opened := dialect.quoted.match(text, at)) and opened.end() < len(text):
        raise ValueError("text follows a closing quote")
    if last:
        is_quoted = dialect.quote and text[at:].lstrip(" \t").startswith(dialect.quote)
        raise ValueError("a quote is opened here and never closed" if is_quoted else "the file ends in an escape")


def _next_line(text: str, at: int) -> int:
    """Return where the next line begins."""
    ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
    if not ends:
        return len(text)
    return min(ends) + (2 if text.startswith("\r\n", min(ends)) else 1)


class DialectReader:
    """The records of a text in any dialect, read strictly. Close the reader with ``close``."""

    def __init__(self, text: Utf8Text, dialect: Dialect, file_name: str) -> None:
        self._text = text
        self._dialect = dialect
        self.file_name = file_name
        self._row = 0
        self._records: deque[list[str]] = deque()  # parsed, and not yet returned
        self._is_ended = False

    def close(self) -> None:
        """Close the file."""
        self._text.close()

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        while not self._records:
            if not self._parse():
                raise StopIteration
        return self._records.popleft()

    @property
    def has_more(self) -> bool:
        """Return whether anything follows the records read so far."""
        return bool(self._records or self._text.peek())

    def skip_blank(self) -> int:
        """Skip nothing: blank records are read like others."""
        return 0

    def blocks(self) -> Iterator[RecordList]:
        """Yield all remaining records."""
        while self._records or self._parse():
            records, self._records = list(self._records), deque()
            yield RecordList(records=records)

    def _parse(self) -> bool:
        """Parse the next block, and return whether there was one."""
        least = 0
        while content := self._text.peek(least):
            is_last = self._text.is_last
            # The last line may go on in the next block; a CR at the end may be half a line end.
            whole = len(content) if is_last else max(content.rfind(b"\n"), content.rfind(b"\r", 0, -1)) + 1
            text = content[:whole].decode("utf-8", "surrogatepass")
            if self._is_ended:
                self._refuse_text_below(text)
            parsed = parse_text(text, self._dialect, last=is_last)
            if parsed.broken:
                raise self._broken(parsed)
            if parsed.size:
                self._text.skip(len(text[: parsed.size].encode("utf-8", "surrogatepass")))
                self._row += len(parsed.records)
                self._is_ended = self._is_ended or parsed.is_ended
                self._records.extend(parsed.records)
                return True
            if len(content) > MAX_RECORD_BYTES:
                raise self._too_long()
            least = 2 * len(content)
        return False

    def _refuse_text_below(self, text: str) -> None:
        if text.strip():
            raise ManifestError(
                f"{self.file_name} has text below the end mark \\. in row {self._row + 1:,}",
                hint="A file may hold only one table: split it, and remove what does not belong to the table.",
            )

    def _too_long(self) -> ManifestError:
        return ManifestError(
            f"{self.file_name}, row {self._row + 1:,}: the row has more than the supported {MAX_RECORD_BYTES:,} bytes, "
            "or a quote is opened there and not closed",
            hint="Check the row, and the keys `quote`, `escape` and `delimiter` under `manifest:` in the mapping.",
        )

    def _broken(self, parsed: ParsedText) -> ManifestError:
        return ManifestError(
            f"{self.file_name} ({', '.join(self._dialect.notes)}) has rows that can't be divided into cells",
            details=[f"row {self._row + at + 1:,}: {reason}" for at, reason in parsed.broken.items()],
            hint="Correct these rows, or set `quote`, `escape` or `dialect` under `manifest:` in the mapping as the "
            r'program wrote the file; with `escape: "\\"`, `\n` is a line break, as MySQL reads it.',
            remedies=[("escape", "\\")],
        )
