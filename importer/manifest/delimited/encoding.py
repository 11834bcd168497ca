"""Which encoding a text file has: proved over the whole file, never over a sample alone."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.encoding_guess import Sample, candidates
from importer.manifest.delimited.padding import PartOfFile, blank_lines, text_end, utf8_bom, without_padding
from importer.manifest.delimited.undecodable import (
    MAX_PLACES,
    UndecodablePlace,
    blocks,
    find_undecodable,
    is_damaged_utf8,
)
from importer.manifest.delimited.utf_without_bom import SAMPLE_BYTES, detect_utf_without_bom
from importer.manifest.manifest_format import EncodingCertainty, encoding_name

# UTF-32 stands before UTF-16, whose mark is the beginning of its own.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_WITHOUT_AN_ORDER = frozenset({"utf-16", "utf-32"})

# Encodings of mail that are ASCII to the eye of a computer, and with what they switch their characters.
_SWITCHES = {"iso2022_jp": (b"\x1b$B", b"\x1b$@"), "iso2022_kr": (b"\x1b$)C",), "hz": (b"~{",)}
_READ_ONLY_IF_SAID = "hz"  # what switches it may be text as well

# All of these bytes are control characters there, which no text has: it is one of Windows, where they are signs.
_WITH_CONTROLS = "iso8859"
_CONTROL = re.compile(rb"[\x80-\x9f]")

# Python's codecs for host names, its own source and old mail, some of which can say what is no character.
_NOT_OF_FILES = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"})

_REPLACEMENT = "\ufffd".encode()
_SET_IT = "set `manifest: {encoding}` in the mapping to what it is"


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """``codec``: Python's name. ``mark``: the byte order mark to skip, with blank lines before it, which stay rows.

    ``end``: where padding begins; None without any. ``warnings``: what makes doubtful reading.
    """

    codec: str
    mark: bytes = b""
    certainty: EncodingCertainty = EncodingCertainty.CERTAIN
    end: int | None = None
    warnings: tuple[str, ...] = ()

    def open(self, path: Path) -> io.TextIOWrapper:
        """Open the text behind the mark; line ends stay as they are, so that cells keep theirs."""
        return io.TextIOWrapper(
            io.BufferedReader(self.open_bytes(path)), encoding=self.codec, errors="strict", newline=""
        )

    def open_bytes(self, path: Path) -> io.RawIOBase:
        """Open the bytes of the text alone."""
        file = path.open("rb", buffering=0)
        file.seek(len(self.mark))
        blank = blank_lines(self.mark)
        if not blank and self.end is None:
            return file
        return PartOfFile(blank, file, path.stat().st_size if self.end is None else self.end)


def find_encoding(path: Path, wanted: str | None, shown: str) -> Encoding:
    """Return the encoding in which the whole file can be read, but for padding at its end.

    ``wanted`` is an explicit choice. Raises ManifestError if that doesn't exist or doesn't fit, or if none fits.
    """
    encoding = _find(path, wanted, shown)
    size_bytes = path.stat().st_size
    end = text_end(path, len(encoding.mark), _unit_bytes(encoding.codec))
    if end in (size_bytes, len(encoding.mark)):
        return encoding
    return replace(encoding, end=end, warnings=(*encoding.warnings, *_padding(path, end, encoding.codec, shown)))


def _unit_bytes(codec: str) -> int:
    return 2 if codec.startswith("utf-16") else 4 if codec.startswith("utf-32") else 1


def _padding(path: Path, end: int, codec: str, shown: str) -> Iterator[str]:
    """Warn of padding, but not of the single Ctrl+Z on the last line with which DOS ends a file."""
    with path.open("rb") as file:
        file.seek(max(end - _unit_bytes(codec), 0))
        rest = file.read(2 * _unit_bytes(codec) + 1)
    if rest in {f"{line_end}\x1a".encode(codec) for line_end in "\r\n"}:
        return
    size_bytes = path.stat().st_size - end
    yield (
        f"{shown} ends with padding (NUL or Ctrl+Z, {size_bytes:,} byte{'s' if size_bytes > 1 else ''}), which is "
        "passed over; if the program that wrote the file was interrupted, rows are missing: then export it again"
    )


def _find(path: Path, wanted: str | None, shown: str) -> Encoding:
    with path.open("rb") as file:
        start = without_padding(file.read(SAMPLE_BYTES))
    if wanted is not None:
        return _explicit(path, wanted, start, shown)
    mark, marked_codec = _mark_of(start)
    codec = marked_codec or detect_utf_without_bom(start)
    if codec is not None:
        encoding = Encoding(
            codec=codec, mark=mark, certainty=EncodingCertainty.CERTAIN if mark else EncodingCertainty.LIKELY
        )
        _require_fit(path, encoding, f"{shown} begins like {encoding_name(codec)}, but")
        return encoding
    misfits = find_undecodable(path, "utf-8")
    if not misfits:
        return _utf8(path, shown)
    if is_damaged_utf8(path):
        raise _misfit(misfits, f"{shown} is UTF-8 but for a few bytes:")
    sample = Sample.of(path)
    for candidate in candidates(sample):
        stray = find_undecodable(path, candidate.codec)
        if not stray and not _has_controls(path, candidate.codec):
            return _guessed(candidate.codec, sample, likely=candidate.likely, shown=shown)
        if 0 < len(stray) < MAX_PLACES:
            raise _misfit(stray, f"{shown} looks like {encoding_name(candidate.codec)}, but")
    raise _misfit(misfits[:1], f"{shown} is not UTF-8, and which other encoding it has could not be told:")


def _has_controls(path: Path, codec: str) -> bool:
    return codec.startswith(_WITH_CONTROLS) and any(_CONTROL.search(block) for block in blocks(path))


def _guessed(codec: str, sample: Sample, *, likely: bool, shown: str) -> Encoding:
    warning = (
        f"{shown} does not say its encoding; read as {encoding_name(codec)}, one of its cells is "
        f"{sample.example(codec)!r}: if that is right, `manifest: {{encoding: {codec}}}` in the mapping makes it sure"
    )
    return Encoding(
        codec=codec, certainty=EncodingCertainty.LIKELY if likely else EncodingCertainty.GUESS, warnings=(warning,)
    )


def _utf8(path: Path, shown: str) -> Encoding:
    """Look at a text that is UTF-8 for what is no UTF-8 all the same, and for what was lost before."""
    switched: set[str] = set()
    lost = 0
    for block in blocks(path):
        if b"\x1b" in block or b"~" in block:  # one byte is found much sooner than several
            switched |= {codec for codec, signs in _SWITCHES.items() if any(sign in block for sign in signs)}
        lost += 0 if block.isascii() else block.count(_REPLACEMENT)
    codec = next((codec for codec in _SWITCHES if codec in switched and not find_undecodable(path, codec)), "utf-8")
    warnings: list[str] = []
    if is_doubtful := codec == _READ_ONLY_IF_SAID:
        codec = "utf-8"
        warnings.append(
            f"{shown} holds ~{{, which is text, or begins Chinese in {encoding_name(_READ_ONLY_IF_SAID)}: if it is "
            f"that, set `manifest: {{encoding: {_READ_ONLY_IF_SAID}}}` in the mapping"
        )
    if lost:
        warnings.append(
            f"{shown} holds the character \ufffd {lost:,} time{'s' if lost > 1 else ''}: an earlier program could not "
            "read what stood there, and wrote that instead; only a new export brings it back"
        )
    is_certain = codec == "utf-8" and not is_doubtful
    certainty = EncodingCertainty.CERTAIN if is_certain else EncodingCertainty.LIKELY
    return Encoding(codec=codec, certainty=certainty, warnings=tuple(warnings))


def _explicit(path: Path, wanted: str, start: bytes, shown: str) -> Encoding:
    codec = _text_codec(wanted, shown)
    mark, marked_codec = _mark_of(start)
    # The mark is no text; and `utf-16` alone leaves the byte order to it.
    if marked_codec is not None and codec in {marked_codec, f"{marked_codec}-sig", marked_codec[:6]}:
        encoding = Encoding(codec=marked_codec, mark=mark, certainty=EncodingCertainty.CHOSEN)
    elif codec in _WITHOUT_AN_ORDER:
        ordered = detect_utf_without_bom(start) or ""
        if not ordered.startswith(codec):
            raise ManifestError(
                f"{shown} is not {wanted} with a byte order mark, and without one its order of bytes can't be told",
                hint=f"Set `manifest: {{encoding}}` in the mapping to {codec}-le or {codec}-be, or leave it out.",
            )
        encoding = Encoding(codec=ordered, certainty=EncodingCertainty.CHOSEN)
    else:
        encoding = Encoding(codec="utf-8" if codec == "utf-8-sig" else codec, certainty=EncodingCertainty.CHOSEN)
    _require_fit(path, encoding, f"{shown} is not {wanted}, which the mapping says it is:")
    return encoding


def _mark_of(start: bytes) -> tuple[bytes, str | None]:
    if mark := utf8_bom(start):
        return mark, "utf-8"
    return next(((mark, codec) for mark, codec in _MARKS if start.startswith(mark)), (b"", None))


def _text_codec(wanted: str, shown: str) -> str:
    try:
        codec = codecs.lookup(wanted).name
        io.TextIOWrapper(io.BytesIO(), encoding=codec).close()  # refuses codecs that are not for text, such as `hex`
        if codec in _NOT_OF_FILES:
            raise LookupError(codec)  # noqa: TRY301 - one error for all that is no such name
    except (LookupError, ValueError) as error:
        raise ManifestError(
            f"{shown}: {wanted!r} is not the name of an encoding of text files",
            hint="Correct `manifest: {encoding}` in the mapping (utf-8, cp1252, ...), or leave it out.",
        ) from error
    return codec


def _require_fit(path: Path, encoding: Encoding, message: str) -> None:
    if misfits := find_undecodable(path, encoding.codec, skip=len(encoding.mark)):
        raise _misfit(misfits, message)


def _misfit(misfits: list[UndecodablePlace], message: str) -> ManifestError:
    first, *others = (misfit.describe() for misfit in misfits)
    return ManifestError(
        f"{message} {first} can't be read so",
        details=[f"nor can {other}" for other in others],
        hint=f"Export the file again as UTF-8, mend {'those cells' if others else 'that cell'}, or {_SET_IT}.",
    )
