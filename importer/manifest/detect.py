"""What a file is, judged by its content: endings lie, and a picture read as text would be an import of nonsense."""

from __future__ import annotations

import codecs
import enum
import re
import zipfile
import zlib
from pathlib import Path

from importer.errors import ManifestError
from importer.manifest.packed import is_bomb
from importer.manifest.text.unmarked import SAMPLE_BYTES, codec_without_mark
from importer.manifest.workbooks.ole2 import OLE2_SIGNATURE, stream_names
from importer.manifest.workbooks.sheet_facts import UnreadableSheetError

_ZIP = b"PK\x03\x04"
_MIMETYPE = "mimetype"
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
_UNICODE_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")

_TAR_AT = 257
_SHAPE_BYTES = 1 << 12  # enough to tell by
_HARMLESS_PART_BYTES = 1 << 27  # of a workbook, which is held in memory

_SAVE_AS = "Save it as .xlsx or as CSV (in Excel: CSV UTF-8), then run again."

_SIGNATURES = (
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "an RTF document"),
)

_TEXT_SHAPES = (
    (re.compile(rb"\s*<(?:!doctype\s+html|html[\s>])", re.IGNORECASE), "a web page (HTML)"),
    (re.compile(rb"\s*<\?xml\s", re.IGNORECASE), "an XML file"),
)
_JSON = re.compile(rb'\s*(?:(?:\[\s*)?\{\s*(?:"(?:[^"\n\\]|\\.)*"\s*:|\}\s*[,\]\s])|\[\s*\]\s*\Z)')

# Control characters that text files hold for good reasons: tab, LF, VT, FF, CR, the DOS end of file, escape.
_BINARY = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
_BINARY_SHARE = 0.03
_BINARY_LEAST = 8  # in a file of a few bytes one stray NUL is a large share


class Kind(enum.Enum):
    """What the importer can read."""

    DELIMITED = "delimited text"
    JSON = "JSON Lines, or a list in JSON"
    WORKBOOK = "an Excel workbook (.xlsx)"
    MACRO_WORKBOOK = "an Excel workbook with macros (.xlsm)"
    BINARY_WORKBOOK = "an Excel binary workbook (.xlsb)"
    OLD_WORKBOOK = "a workbook of Excel 97-2003 (.xls)"
    OPEN_DOCUMENT = "an OpenDocument spreadsheet (.ods)"


def detect_kind(path: Path, shown: str, *, encoding: str | None = None) -> Kind:
    """Look into the file. Raises ManifestError that says what it is, if that can't be read; OSError as it comes.

    ``encoding``: what the user says it is, if anything; a file of which that is said is text unless it has a signature
    of something else.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample:
        raise ManifestError(f"{shown} is empty: it has no bytes", hint="Export the file again.")
    if sample.startswith(_ZIP):
        return _detect_zip(path, shown)
    if sample.startswith(OLE2_SIGNATURE):
        return _detect_ole2(path, shown)
    if sample[_TAR_AT:].startswith(b"ustar"):
        raise _not_a_manifest(shown, "a tar archive")
    _refuse_foreign(sample, shown)
    if encoding is None and _is_binary(sample):
        raise _not_a_manifest(shown, "a binary file")
    return Kind.JSON if _JSON.match(_latin(sample)) else Kind.DELIMITED


def _refuse_foreign(sample: bytes, shown: str) -> None:
    for signature, name in _SIGNATURES:
        if sample.startswith(signature):
            raise _not_a_manifest(shown, name)
    for pattern, name in _TEXT_SHAPES:
        if pattern.match(_latin(sample)):
            raise ManifestError(f"{shown} is {name}, a format that isn't read yet", hint=_SAVE_AS)


def _latin(sample: bytes) -> bytes:
    """The beginning of a text with its ASCII characters as single bytes, whichever way Unicode is written."""
    for mark in _UNICODE_MARKS:
        sample = sample.removeprefix(mark)
    return sample[:_SHAPE_BYTES].replace(b"\0", b"")


def _is_binary(sample: bytes) -> bool:
    if sample.startswith(_UNICODE_MARKS) or codec_without_mark(sample) is not None:
        return False
    if b"\0" not in sample and _is_utf8(sample):
        return False  # whatever it says, it is text
    controls = len(sample) - len(sample.translate(None, _BINARY))
    return controls > max(_BINARY_LEAST, len(sample) * _BINARY_SHARE)


def _is_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # which may end within a character
    except UnicodeDecodeError:
        return False
    return True


def _not_a_manifest(shown: str, name: str) -> ManifestError:
    return ManifestError(
        f"{shown} is not a table: its content is that of {name}",
        hint="Name the exported CSV file or Excel workbook; the file's ending says nothing about its content.",
    )


def _detect_zip(path: Path, shown: str) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            names = {part.filename.replace("\\", "/") for part in parts}  # some programs of Windows write it so
            mimetype = b""
            if _MIMETYPE in names:
                with archive.open(_MIMETYPE) as file:
                    mimetype = file.read(_SHAPE_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise ManifestError(
            f"{shown} looks like an Excel workbook or a ZIP archive, but it is cut off or damaged",
            hint="Export or copy the file again.",
        ) from error
    if any(is_bomb(part.file_size, part.compress_size, _HARMLESS_PART_BYTES) for part in parts):
        raise ManifestError(
            f"{shown} is a workbook that unfolds to hundreds of times what it is packed",
            hint="No export is like that; if it is one, save the sheet as CSV and name that.",
        )
    if "xl/workbook.xml" in names:
        return Kind.MACRO_WORKBOOK if "xl/vbaProject.bin" in names else Kind.WORKBOOK
    if "xl/workbook.bin" in names:
        return Kind.BINARY_WORKBOOK
    if mimetype.startswith(_OPEN_DOCUMENT):
        if not mimetype.startswith(_OPEN_DOCUMENT + b"spreadsheet"):
            raise _not_a_manifest(shown, "an OpenDocument text or drawing")
        return Kind.OPEN_DOCUMENT
    if "word/document.xml" in names:
        raise _not_a_manifest(shown, "a Word document")
    if any(name.startswith("xl/") for name in names):
        raise ManifestError(
            f"{shown} is an Excel workbook whose parts have unusual names, which isn't read",
            hint="Open it in Excel and save it again.",
        )
    raise _not_a_manifest(shown, "a ZIP archive")


def _detect_ole2(path: Path, shown: str) -> Kind:
    try:
        streams = stream_names(path)
    except UnreadableSheetError as error:
        raise ManifestError(
            f"{shown} looks like a workbook of Excel 97-2003, but it is cut off or damaged",
            hint="Export or copy the file again.",
        ) from error
    if "EncryptedPackage" in streams:
        raise ManifestError(
            f"{shown} is protected by a password",
            hint="Open it in Excel, take the password off (File > Info > Protect Workbook) and save it again.",
        )
    if "Workbook" in streams:
        return Kind.OLD_WORKBOOK
    raise ManifestError(f"{shown} is a file of an old Office program, which isn't read", hint=_SAVE_AS)
