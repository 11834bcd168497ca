"""The text of a file as UTF-8, whatever the encoding of the file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from importer.manifest.delimited.encoding import Encoding

MAX_RECORD_BYTES = 1 << 24  # a longer line is cut
_BLOCK_BYTES = 1 << 21
_CHARACTER_BYTES = 8  # at least as many as a character has
_DOS_END = b"\x1a"
_LINE_END = re.compile(rb"\r\n?|\n")


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
