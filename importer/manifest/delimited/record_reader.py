"""Reads the records of a delimited text: in blocks if its quotes are plain, else one by one."""

from __future__ import annotations

from collections.abc import Iterator

from importer.manifest.delimited.block_parser import BlockRecords, parse_block
from importer.manifest.delimited.strict_records import StrictRecords
from importer.manifest.delimited.utf8_text import Utf8Text
from importer.manifest.records import BlankRecords, RecordList

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
