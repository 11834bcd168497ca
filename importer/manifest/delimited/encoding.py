"""Finds the encoding of a text file, checked over the whole file and not only a sample."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.delimited.encoding_guess import Sample, candidates
from importer.manifest.delimited.undecodable import (
    MAX_PLACES,
    UndecodablePlace,
    blocks,
    find_undecodable,
    is_damaged_utf8,
)
from importer.manifest.delimited.unicode_signs import (
    SAMPLE_BYTES,
    PartOfFile,
    blank_lines,
    detect_utf_without_bom,
    text_end,
    utf8_bom,
    without_padding,
)
from importer.manifest.manifest_format import EncodingCertainty, encoding_name

# UTF-32 comes first: its byte order mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_WITHOUT_BYTE_ORDER = frozenset({"utf-16", "utf-32"})

# Encodings of mail that consist of ASCII bytes, and the bytes that switch their character sets.
_SWITCHES = {"iso2022_jp": (b"\x1b$B", b"\x1b$@"), "iso2022_kr": (b"\x1b$)C",), "hz": (b"~{",)}
_ONLY_IF_CHOSEN = "hz"  # its switch may be text as well

# In ISO 8859 these bytes are control characters, which no text has; in Windows code pages they are signs.
_ISO_8859 = "iso8859"
_CONTROL = re.compile(rb"[\x80-\x9f]")

# Python's codecs for host names, Python source and old mail.
_NOT_OF_FILES = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"})

_REPLACEMENT = "\ufffd".encode()
_SET_ENCODING = "set `manifest: {encoding}` in the mapping to the right encoding"


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """An encoding, and where the text begins and ends in its file.

    ``codec``: Python's name. ``bom``: the byte order mark to skip, with blank lines before it, which stay rows.
    ``end``: where padding begins; None without any. ``warnings``: reasons for doubt.
    """

    codec: str
    bom: bytes = b""
    certainty: EncodingCertainty = EncodingCertainty.CERTAIN
    end: int | None = None
    warnings: tuple[str, ...] = ()

    def open(self, path: Path) -> io.TextIOWrapper:
        """Open the text after the byte order mark.

        Line ends stay as they are, for cells with line breaks.
        """
        return io.TextIOWrapper(
            io.BufferedReader(self.open_bytes(path)), encoding=self.codec, errors="strict", newline=""
        )

    def open_bytes(self, path: Path) -> io.RawIOBase:
        """Open the bytes of the text only."""
        file = path.open("rb", buffering=0)
        file.seek(len(self.bom))
        blank = blank_lines(self.bom)
        if not blank and self.end is None:
            return file
        return PartOfFile(blank, file, path.stat().st_size if self.end is None else self.end)


def find_encoding(path: Path, wanted: str | None, file_name: str) -> Encoding:
    """Return the encoding in which the whole file can be read, except padding at its end.

    ``wanted``: the encoding set in the mapping. Raises ManifestError if that does not exist or fit, or if no encoding
    fits.
    """
    encoding = _find(path, wanted, file_name)
    size_bytes = path.stat().st_size
    end = text_end(path, len(encoding.bom), _unit_bytes(encoding.codec))
    if end in (size_bytes, len(encoding.bom)):
        return encoding
    return replace(
        encoding, end=end, warnings=(*encoding.warnings, *_padding_warnings(path, end, encoding.codec, file_name))
    )


def _unit_bytes(codec: str) -> int:
    return 2 if codec.startswith("utf-16") else 4 if codec.startswith("utf-32") else 1


def _padding_warnings(path: Path, end: int, codec: str, file_name: str) -> Iterator[str]:
    """Warn of padding, but not of a single Ctrl+Z on the last line, which ends a DOS file."""
    with path.open("rb") as file:
        file.seek(max(end - _unit_bytes(codec), 0))
        rest = file.read(2 * _unit_bytes(codec) + 1)
    if rest in {f"{line_end}\x1a".encode(codec) for line_end in "\r\n"}:
        return
    size_bytes = path.stat().st_size - end
    yield (
        f"{file_name} ends with padding (NUL or Ctrl+Z, {size_bytes:,} byte{'s' if size_bytes > 1 else ''}), which is "
        "ignored; if the program that wrote the file was interrupted, rows are missing: then export it again"
    )


def _find(path: Path, wanted: str | None, file_name: str) -> Encoding:
    with path.open("rb") as file:
        start = without_padding(file.read(SAMPLE_BYTES))
    if wanted is not None:
        return _check_chosen(path, wanted, start, file_name)
    bom, bom_codec = _find_bom(start)
    codec = bom_codec or detect_utf_without_bom(start)
    if codec is not None:
        encoding = Encoding(
            codec=codec, bom=bom, certainty=EncodingCertainty.CERTAIN if bom else EncodingCertainty.LIKELY
        )
        _require_decodable(path, encoding, f"{file_name} begins like {encoding_name(codec)}, but")
        return encoding
    text = _Utf8Text()
    places = find_undecodable(path, "utf-8", on_block=text.add)
    if not places:
        return _utf8(path, text, file_name)
    if is_damaged_utf8(path):
        raise _undecodable_error(places, f"{file_name} is UTF-8 except for a few bytes:")
    sample = Sample.of(path)
    for candidate in candidates(sample):
        stray = find_undecodable(path, candidate.codec)
        if not stray and not _has_control_characters(path, candidate.codec):
            return _guessed(candidate.codec, sample, likely=candidate.likely, file_name=file_name)
        if 0 < len(stray) < MAX_PLACES:
            raise _undecodable_error(stray, f"{file_name} looks like {encoding_name(candidate.codec)}, but")
    raise _undecodable_error(places[:1], f"{file_name} is not UTF-8, and no other encoding fits the text:")


def _has_control_characters(path: Path, codec: str) -> bool:
    return codec.startswith(_ISO_8859) and any(_CONTROL.search(block) for block in blocks(path))


def _guessed(codec: str, sample: Sample, *, likely: bool, file_name: str) -> Encoding:
    warning = (
        f"{file_name} has no byte order mark and is not UTF-8. In {encoding_name(codec)} one of its cells is "
        f"{sample.example(codec)!r}: if that is right, confirm it by `manifest: {{encoding: {codec}}}` in the mapping"
    )
    return Encoding(
        codec=codec, certainty=EncodingCertainty.LIKELY if likely else EncodingCertainty.GUESS, warnings=(warning,)
    )


class _Utf8Text:
    """Signs of encodings that switch by ASCII bytes, and lost characters, in blocks of text."""

    def __init__(self) -> None:
        self.switches: set[str] = set()
        self.lost = 0

    def add(self, block: bytes) -> None:
        if b"\x1b" in block or b"~" in block:  # a single byte is found much faster than several
            self.switches |= {codec for codec, signs in _SWITCHES.items() if any(sign in block for sign in signs)}
        self.lost += 0 if block.isascii() else block.count(_REPLACEMENT)


def _utf8(path: Path, text: _Utf8Text, file_name: str) -> Encoding:
    lost = text.lost
    codec = next(
        (codec for codec in _SWITCHES if codec in text.switches and not find_undecodable(path, codec)), "utf-8"
    )
    warnings: list[str] = []
    if is_doubtful := codec == _ONLY_IF_CHOSEN:
        codec = "utf-8"
        warnings.append(
            f"{file_name} contains ~{{, which is text, or the beginning of Chinese in {encoding_name(_ONLY_IF_CHOSEN)}"
            f": if it is Chinese, set `manifest: {{encoding: {_ONLY_IF_CHOSEN}}}` in the mapping"
        )
    if lost:
        warnings.append(
            f"{file_name} contains the character \ufffd {lost:,} time{'s' if lost > 1 else ''}: another program wrote "
            "it in place of text that it could not read; only a new export restores that text"
        )
    is_certain = codec == "utf-8" and not is_doubtful
    certainty = EncodingCertainty.CERTAIN if is_certain else EncodingCertainty.LIKELY
    return Encoding(codec=codec, certainty=certainty, warnings=tuple(warnings))


def _check_chosen(path: Path, wanted: str, start: bytes, file_name: str) -> Encoding:
    codec = _text_codec(wanted, file_name)
    bom, bom_codec = _find_bom(start)
    # The byte order mark is not text; and `utf-16` leaves the byte order to it.
    if bom_codec is not None and codec in {bom_codec, f"{bom_codec}-sig", bom_codec[:6]}:
        encoding = Encoding(codec=bom_codec, bom=bom, certainty=EncodingCertainty.CHOSEN)
    elif codec in _WITHOUT_BYTE_ORDER:
        ordered = detect_utf_without_bom(start) or ""
        if not ordered.startswith(codec):
            raise ManifestError(
                f"{file_name} is not {wanted} with a byte order mark, and without one the byte order is unknown",
                hint=f"Set `manifest: {{encoding}}` in the mapping to {codec}-le or {codec}-be, or leave it out.",
            )
        encoding = Encoding(codec=ordered, certainty=EncodingCertainty.CHOSEN)
    else:
        encoding = Encoding(codec="utf-8" if codec == "utf-8-sig" else codec, certainty=EncodingCertainty.CHOSEN)
    _require_decodable(path, encoding, f"{file_name} is not {wanted}, although the mapping says so:")
    return encoding


def _find_bom(start: bytes) -> tuple[bytes, str | None]:
    if bom := utf8_bom(start):
        return bom, "utf-8"
    return next(((bom, codec) for bom, codec in _BYTE_ORDER_MARKS if start.startswith(bom)), (b"", None))


def _text_codec(wanted: str, file_name: str) -> str:
    try:
        codec = codecs.lookup(wanted).name
        io.TextIOWrapper(io.BytesIO(), encoding=codec).close()  # refuses codecs of other things, such as `hex`
        if codec in _NOT_OF_FILES:
            raise LookupError(codec)  # noqa: TRY301 - one error for all wrong names
    except (LookupError, ValueError) as error:
        raise ManifestError(
            f"{file_name}: {wanted!r} is not the name of an encoding of text files",
            hint="Correct `manifest: {encoding}` in the mapping (utf-8, cp1252, ...), or leave it out.",
        ) from error
    return codec


def _require_decodable(path: Path, encoding: Encoding, message: str) -> None:
    if places := find_undecodable(path, encoding.codec, skip=len(encoding.bom)):
        raise _undecodable_error(places, message)


def _undecodable_error(places: list[UndecodablePlace], message: str) -> ManifestError:
    first, *others = (place.describe() for place in places)
    return ManifestError(
        f"{message} {first} can't be decoded",
        details=[f"and {other}" for other in others],
        hint=f"Export the file again as UTF-8, correct {'those cells' if others else 'that cell'}, or {_SET_ENCODING}.",
    )
