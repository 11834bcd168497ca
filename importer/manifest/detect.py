"""What a file is, judged by its content: endings lie, and a picture read as text would be an import of nonsense."""

from __future__ import annotations

import enum
import re
import zipfile
from pathlib import Path

from importer.errors import ManifestError

SAMPLE_BYTES = 1 << 16
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_UNICODE_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")

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
    (re.compile(rb'\s*(?:\[\s*)?\{\s*"[^"\n]*"\s*:'), "JSON"),
)

# Control characters that text files hold for good reasons: tab, LF, VT, FF, CR, the DOS end of file, escape.
_BINARY = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
_BINARY_SHARE = 0.03
_BINARY_LEAST = 8  # in a file of a few bytes one stray NUL is a large share


class Kind(enum.Enum):
    """What the importer can read."""

    DELIMITED = "delimited text"
    WORKBOOK = "an Excel workbook"


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
    if sample.startswith(_OLE2):
        raise _ole2_error(path, shown)
    _refuse_foreign(sample, shown)
    if encoding is None and _is_binary(sample):
        raise _not_a_manifest(shown, "a binary file")
    return Kind.DELIMITED


def _refuse_foreign(sample: bytes, shown: str) -> None:
    for signature, name in _SIGNATURES:
        if sample.startswith(signature):
            raise _not_a_manifest(shown, name)
    for pattern, name in _TEXT_SHAPES:
        if pattern.match(sample.removeprefix(b"\xef\xbb\xbf")):
            raise ManifestError(f"{shown} is {name}, a format that isn't read yet", hint=_SAVE_AS)


def _is_binary(sample: bytes) -> bool:
    if sample.startswith(_UNICODE_MARKS) or utf16_without_mark(sample):
        return False
    controls = len(sample) - len(sample.translate(None, _BINARY))
    return controls > max(_BINARY_LEAST, len(sample) * _BINARY_SHARE)


def utf16_without_mark(sample: bytes) -> str | None:
    """Return the codec of a text that is UTF-16 without a byte order mark and mostly Latin, else None."""
    half = len(sample) // 2
    zeros_first, zeros_second = sample[0::2].count(0), sample[1::2].count(0)
    # In Latin text every other byte is zero and the rest is not; binary files have zeros on both sides.
    if zeros_second * 2 > half and zeros_first * 10 <= zeros_second:
        return "utf-16-le"
    if zeros_first * 2 > half and zeros_second * 10 <= zeros_first:
        return "utf-16-be"
    return None


def _not_a_manifest(shown: str, name: str) -> ManifestError:
    return ManifestError(
        f"{shown} is not a table: its content is that of {name}",
        hint="Name the exported CSV file or Excel workbook; the file's ending says nothing about its content.",
    )


def _detect_zip(path: Path, shown: str) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ManifestError(
            f"{shown} looks like an Excel workbook or a ZIP archive, but it is cut off or damaged",
            hint="Export or copy the file again.",
        ) from error
    if "xl/workbook.xml" in names:
        return Kind.WORKBOOK
    if "xl/workbook.bin" in names:
        raise ManifestError(f"{shown} is an Excel binary workbook (.xlsb), which isn't read yet", hint=_SAVE_AS)
    if "content.xml" in names and "mimetype" in names:
        raise ManifestError(f"{shown} is an OpenDocument file (.ods), which isn't read yet", hint=_SAVE_AS)
    if "word/document.xml" in names:
        raise _not_a_manifest(shown, "a Word document")
    raise _not_a_manifest(shown, "a ZIP archive")


def _ole2_error(path: Path, shown: str) -> ManifestError:
    if _holds(path, "EncryptedPackage".encode("utf-16-le")):
        return ManifestError(
            f"{shown} is protected by a password",
            hint="Open it in Excel, take the password off (File > Info > Protect Workbook) and save it again.",
        )
    if _holds(path, "Workbook".encode("utf-16-le")):
        return ManifestError(f"{shown} is a workbook of Excel 97-2003 (.xls), which isn't read yet", hint=_SAVE_AS)
    return ManifestError(f"{shown} is a file of an old Office program, which isn't read", hint=_SAVE_AS)


def _holds(path: Path, needle: bytes) -> bool:
    """Search the whole file: the directory of an OLE2 container may stand anywhere in it."""
    tail = b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if needle in tail + block:
                return True
            tail = block[-len(needle) :]
    return False
