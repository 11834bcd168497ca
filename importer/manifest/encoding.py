"""Which encoding a text file has: proved over the whole file, never over a sample alone."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from importer.errors import ManifestError
from importer.manifest.detect import SAMPLE_BYTES, utf16_without_mark

_BLOCK_BYTES = 1 << 20
_GUESS_BYTES = 1 << 15
_GUESS_BYTES_PER_BLOCK = 1 << 12

# UTF-32 stands before UTF-16, whose mark is the beginning of its own.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What exports are really written in; a guess among all of Python's codecs finds exotic ones for every short text.
_PLAUSIBLE = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "iso8859_2", "koi8_r"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "cp437", "cp850", "cp852", "cp866", "mac_roman"),
]
_MOST_LIKELY = "cp1252"

# Cells are cut out at bytes that no multi-byte encoding uses as the second half of a character.
_CELL = re.compile(rb"[^\n\r,;\t\"]*[\x80-\xff][^\n\r,;\t\"]*")

# Scripts other than Latin are written beyond ASCII throughout, in Latin ones such letters stand alone or in pairs.
_LONG_RUN = re.compile(rb"[\x80-\xff]{3}")


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """``codec``: Python's name. ``mark``: the byte order mark to skip. ``guessed``: inferred from the text."""

    codec: str
    mark: bytes = b""
    guessed: bool = False

    def open(self, path: Path) -> io.TextIOWrapper:
        """Open the text behind the mark; line ends stay as they are, so that cells keep theirs."""
        file = path.open("rb")
        file.seek(len(self.mark))
        return io.TextIOWrapper(file, encoding=self.codec, errors="strict", newline="")


@dataclass(frozen=True, kw_only=True)
class _Misfit:
    offset: int  # of the first byte that is not text in the encoding, from the file's beginning
    line: int


def find_encoding(path: Path, wanted: str | None, shown: str) -> Encoding:
    """Return the encoding in which the whole file can be read.

    ``wanted`` is an explicit choice. Raises ManifestError if that doesn't exist or doesn't fit, or if none fits.
    """
    with path.open("rb") as file:
        start = file.read(SAMPLE_BYTES)
    mark, marked_codec = next(((m, codec) for m, codec in _MARKS if start.startswith(m)), (b"", None))
    if wanted is not None:
        return _explicit(path, wanted, (mark, marked_codec), shown)
    codec = marked_codec or utf16_without_mark(start)
    if codec is not None:
        encoding = Encoding(codec=codec, mark=mark, guessed=not mark)
        _require_fit(path, encoding, f"{shown} begins like {codec.upper()}, but")
        return encoding
    utf8 = Encoding(codec="utf-8")
    misfit = _misfit(path, utf8)
    if misfit is None:
        return utf8
    return _guess(path, misfit, shown)


def _explicit(path: Path, wanted: str, marked: tuple[bytes, str | None], shown: str) -> Encoding:
    codec = _text_codec(wanted, shown)
    mark, marked_codec = marked
    # The mark is no text; and `utf-16` alone leaves the byte order to it.
    if marked_codec is not None and codec in {marked_codec, f"{marked_codec}-sig", marked_codec[:6]}:
        encoding = Encoding(codec=marked_codec, mark=mark)
    else:
        encoding = Encoding(codec="utf-8" if codec == "utf-8-sig" else codec)
    _require_fit(path, encoding, f"{shown} is not {wanted}, which the mapping says it is:")
    return encoding


def _text_codec(wanted: str, shown: str) -> str:
    try:
        codec = codecs.lookup(wanted).name
        io.TextIOWrapper(io.BytesIO(), encoding=codec).close()  # refuses codecs that are not for text, such as `hex`
    except (LookupError, ValueError) as error:
        raise ManifestError(
            f"{shown}: {wanted!r} is not the name of an encoding",
            hint="Correct `manifest: {encoding}` in the mapping (utf-8, cp1252, ...), or leave it out.",
        ) from error
    return codec


def _require_fit(path: Path, encoding: Encoding, message: str) -> None:
    misfit = _misfit(path, encoding)
    if misfit is not None:
        raise ManifestError(
            f"{message} line {misfit.line} (byte {misfit.offset} of the file) can't be read so",
            hint="Export the file again as UTF-8, or set `manifest: {encoding}` in the mapping to what it is.",
        )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _misfit(path: Path, encoding: Encoding) -> _Misfit | None:
    """Decode the whole file strictly; None if it fits, else the first place where it doesn't."""
    decoder = codecs.getincrementaldecoder(encoding.codec)("strict")
    position, pending = 0, b""
    skip = len(encoding.mark)
    for block in _blocks(path):
        data, skip, position = block[skip:], 0, position + skip
        try:
            decoder.decode(data)
        except UnicodeDecodeError as error:
            known = error.object[: error.start].count(b"\n")
            line = _line_before(path, encoding, position) + known
            return _Misfit(offset=position - len(pending) + error.start, line=line)
        except UnicodeError:
            return _Misfit(offset=position, line=_line_before(path, encoding, position))
        position += len(data)
        pending = decoder.getstate()[0]
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        return _Misfit(offset=position - len(pending), line=_line_before(path, encoding, position))
    return None


def _line_before(path: Path, encoding: Encoding, end: int) -> int:
    """The number of the line in which the text ends that the blocks before the byte at ``end`` hold."""
    decoder = codecs.getincrementaldecoder(encoding.codec)("strict")
    position, line = 0, 1
    for block in _blocks(path):
        data = block if position else block[len(encoding.mark) :]
        if position + len(block) > end:
            break
        line += decoder.decode(data).count("\n")
        position += len(block)
    return line


def _guess(path: Path, misfit: _Misfit, shown: str) -> Encoding:
    sample = _sample(path)
    for codec in [] if _is_damaged_utf8(sample) else _ranking(sample):
        encoding = Encoding(codec=codec, guessed=True)
        if _misfit(path, encoding) is None:
            return encoding
    raise ManifestError(
        f"{shown} is not UTF-8 (line {misfit.line}, byte {misfit.offset} of the file), and no other encoding fits it",
        hint="Export the file again as UTF-8, or set `manifest: {encoding}` in the mapping.",
    )


def _sample(path: Path) -> bytes:
    """Gather cells with bytes beyond ASCII from all over the file: accents may come first in the last row."""
    cells: dict[bytes, None] = {}  # a set that keeps its order, so that the same file gives the same answer
    size_bytes = 0
    for block in _blocks(path):
        taken_bytes = 0
        for match in _CELL.finditer(block):
            cell = match.group()
            if len(cell) > _GUESS_BYTES_PER_BLOCK or cell in cells:
                continue
            cells[cell] = None
            taken_bytes += len(cell)
            if taken_bytes > _GUESS_BYTES_PER_BLOCK and size_bytes + taken_bytes > _GUESS_BYTES:
                break
        size_bytes += taken_bytes
    return b"\n".join(cells)


def _is_damaged_utf8(sample: bytes) -> bool:
    """Say whether most characters beyond ASCII are proper UTF-8: in another encoding that happens by accident only."""
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    proper = sum(not character.isascii() for character in text) - broken
    return proper > broken


def _ranking(sample: bytes) -> list[str]:
    """Order the plausible encodings, best first. A tie goes to Windows-1252, by far the most frequent of them."""
    matches = list(charset_normalizer.from_bytes(sample, cp_isolation=_PLAUSIBLE))
    ranked: list[str] = []
    for match in matches:
        tied = (match.chaos, match.coherence) == (matches[0].chaos, matches[0].coherence)
        if tied and _MOST_LIKELY in {match.encoding, *match.could_be_from_charset}:
            ranked.insert(0, _MOST_LIKELY)
        ranked.append(match.encoding)
    # A few lone accents speak for no language, and charset-normalizer then has no preference either.
    if matches and not matches[0].coherence and not _LONG_RUN.search(sample):
        ranked.insert(0, _MOST_LIKELY)
    return list(dict.fromkeys(ranked))
