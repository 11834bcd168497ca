"""Detects the type of the manifest by its content: a file's ending proves nothing."""

from __future__ import annotations

import codecs
import enum
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.parsers.expat import ExpatError

from importer.errors import ManifestError
from importer.manifest.archives import is_bomb
from importer.manifest.delimited.unicode_signs import SAMPLE_BYTES, detect_utf_without_bom, without_padding
from importer.manifest.markup_kind import Markup, markup_kind
from importer.manifest.unsupported import (
    APPLE,
    EXCEL_95,
    OLD_POWERPOINT,
    OLD_WORD,
    OUTLOOK_MESSAGE,
    POWERPOINT,
    SAVE_AS,
    WORD,
    UnsupportedFile,
    unsupported_file,
)
from importer.manifest.workbooks.containers import (
    OLE2_SIGNATURE,
    DamagedWorkbookError,
    MainPart,
    find_main_part,
    stream_names,
)
from importer.manifest.workbooks.xls import is_encrypted

_ZIP = b"PK\x03\x04"
_MIMETYPE, _DOCUMENT_PARTS = "mimetype", "META-INF/manifest.xml"
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
_ENCRYPTED = b"encryption-data"
_LIST_BYTES = 1 << 20
_UNLOCK_DOCUMENT = "Open it in LibreOffice, save it without a password (File > Save As), and run again."
_OLD_STREAMS = {
    "Book": EXCEL_95,
    "WordDocument": OLD_WORD,
    "PowerPoint Document": OLD_POWERPOINT,
    "__properties_version1.0": OUTLOOK_MESSAGE,
}
_UNICODE_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_UTF8_MARKS_AND_BLANKS = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n])*+")

_TAR_AT = 257
_HARMLESS_PART_BYTES = 1 << 27  # of a workbook, which is read into memory

_JSON = re.compile(
    rb'\s*(?:(?:\[\s*)?\{\s*(?:"(?:[^"\n\\]|\\.)*"\s*:|\}(?:\s*[,\]\s]|\Z))|(?:\[|\{|\[\s*\{|\[\s*\])\s*\Z)'
)

# All control characters except those of text files: tab, LF, VT, FF, CR, the DOS end of file, escape.
_BINARY = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
_BINARY_SHARE = 0.03
_BINARY_LEAST = 8  # in a tiny file one stray NUL is a large share


class FileType(enum.Enum):
    """The kinds of file that the importer can read."""

    DELIMITED = "delimited text"
    JSON = "JSON Lines, or a list in JSON"
    XML = "XML"
    XML_WORKBOOK = "a workbook of Excel 2003 in XML"
    HTML = "a table of a web page (HTML)"
    WORKBOOK = "an Excel workbook (.xlsx)"
    MACRO_WORKBOOK = "an Excel workbook with macros (.xlsm)"
    BINARY_WORKBOOK = "an Excel binary workbook (.xlsb)"
    OLD_WORKBOOK = "a workbook of Excel 97-2003 (.xls)"
    OPEN_DOCUMENT = "an OpenDocument spreadsheet (.ods)"


# The most specific ones first.
_CONTENT_TYPES = {
    "sheet.binary": FileType.BINARY_WORKBOOK,
    "ms-excel.sheet.macroEnabled": FileType.MACRO_WORKBOOK,
    "ms-excel.template.macroEnabled": FileType.MACRO_WORKBOOK,
    "spreadsheetml.sheet.main": FileType.WORKBOOK,
    "spreadsheetml.template.main": FileType.WORKBOOK,
}
_MAIN_PARTS = {"workbook.xml": FileType.WORKBOOK, "workbook.bin": FileType.BINARY_WORKBOOK}


def detect_file_type(path: Path, file_name: str, *, encoding: str | None = None) -> FileType:
    """Return the kind of the file.

    Raises ManifestError that names a kind that can't be read; OSError.

    ``encoding``: the encoding set in the mapping; with one, the file counts as text unless it has another signature.
    """
    with path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample:
        raise ManifestError(f"{file_name} is empty (0 bytes)", hint="Export the file again.")
    if sample.startswith(_ZIP):
        return _detect_zip(path, file_name)
    if sample.startswith(OLE2_SIGNATURE):
        return _detect_ole2(path, file_name)
    if sample[_TAR_AT:].startswith(b"ustar"):
        raise _not_a_manifest(file_name, "a tar archive")
    start = _as_ascii(sample)
    if (unsupported := unsupported_file(sample, start)) is not None:
        raise unsupported.error(file_name)
    if encoding is None and _is_binary(sample):
        raise _not_a_manifest(file_name, "a binary file")
    if (markup := markup_kind(start)) is not None:
        return _MARKUP_TYPES[markup]
    return FileType.JSON if _JSON.match(start) else FileType.DELIMITED


_MARKUP_TYPES = {
    Markup.WEB_TABLE: FileType.HTML,
    Markup.XML_WORKBOOK: FileType.XML_WORKBOOK,
    Markup.XML: FileType.XML,
}


def _as_ascii(sample: bytes) -> bytes:
    """Return the beginning of a text with ASCII characters as single bytes.

    Works for any Unicode encoding.
    """
    for mark in _UNICODE_MARKS:
        sample = sample.removeprefix(mark)
    text = sample.replace(b"\0", b"")
    blanks = _UTF8_MARKS_AND_BLANKS.match(text)
    return text[blanks.end() :] if blanks else text


def _is_binary(sample: bytes) -> bool:
    sample = without_padding(sample) or sample
    if sample.startswith(_UNICODE_MARKS) or detect_utf_without_bom(sample) is not None:
        return False
    if b"\0" not in sample and _is_utf8(sample):
        return False
    controls = len(sample) - len(sample.translate(None, _BINARY))
    return controls > max(_BINARY_LEAST, len(sample) * _BINARY_SHARE)


def _is_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # the sample may end within a character
    except UnicodeDecodeError:
        return False
    return True


def _not_a_manifest(file_name: str, name: str) -> ManifestError:
    return UnsupportedFile(name).error(file_name)


def _detect_zip(path: Path, file_name: str) -> FileType:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            contents = _ZipContents.of(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise ManifestError(
            f"{file_name} looks like an Excel workbook or a ZIP archive, but it is cut off or damaged",
            hint="Export or copy the file again.",
        ) from error
    if any(is_bomb(part.file_size, part.compress_size, _HARMLESS_PART_BYTES) for part in parts):
        raise ManifestError(
            f"{file_name} is a workbook that expands to hundreds of times its size, as no usual workbook does",
            hint="If it really is an export, save the sheet as CSV and use that.",
        )
    if (unsupported := contents.unsupported()) is not None:
        raise unsupported.error(file_name)
    if contents.is_locked:
        raise ManifestError(f"{file_name} is protected by a password", hint=_UNLOCK_DOCUMENT)
    kind = contents.kind()
    if kind is not None:
        return kind
    if any(name.startswith("xl/") for name in contents.names):
        raise ManifestError(
            f"{file_name} looks like an Excel workbook, but its list of parts is missing or damaged",
            hint="Open it in Excel and save it again.",
        )
    raise _not_a_manifest(file_name, "a ZIP archive")


@dataclass(frozen=True, kw_only=True)
class _ZipContents:
    """The contents list of a ZIP archive that is a document, or may be one."""

    names: frozenset[str]
    mimetype: bytes
    main: MainPart | None  # of an Office document
    is_locked: bool  # an OpenDocument file whose parts are encrypted

    @classmethod
    def of(cls, archive: zipfile.ZipFile) -> _ZipContents:
        """Read the lists of an archive's parts."""
        names = {name.replace("\\", "/") for name in archive.namelist()}  # some Windows programs write backslashes
        lists = {}
        for name in {_MIMETYPE, _DOCUMENT_PARTS} & names:
            with archive.open(name) as file:
                lists[name] = file.read(_LIST_BYTES)
        try:
            main = find_main_part(archive)
        except (ExpatError, LookupError):
            main = None
        return cls(
            names=frozenset(names),
            mimetype=lists.get(_MIMETYPE, b""),
            main=main,
            is_locked=_ENCRYPTED in lists.get(_DOCUMENT_PARTS, b"").replace(b"\0", b""),
        )

    def kind(self) -> FileType | None:
        """Return the kind of workbook; None if it is not a workbook."""
        if self.mimetype.strip().startswith(_OPEN_DOCUMENT + b"spreadsheet"):
            return FileType.OPEN_DOCUMENT
        if "xl/workbook.xml" in self.names:
            return FileType.MACRO_WORKBOOK if "xl/vbaProject.bin" in self.names else FileType.WORKBOOK
        if "xl/workbook.bin" in self.names:
            return FileType.BINARY_WORKBOOK
        if self.main is None:
            return None
        known = next((kind for sign, kind in _CONTENT_TYPES.items() if sign in self.main.content_type), None)
        return known or _MAIN_PARTS.get(PurePosixPath(self.main.name).name.lower())

    def unsupported(self) -> UnsupportedFile | None:
        """Return which unsupported document it is; None if it may be a workbook."""
        content_type = self.main.content_type if self.main is not None else ""
        if "word/document.xml" in self.names or "wordprocessingml" in content_type:
            return WORD
        if "ppt/presentation.xml" in self.names or "presentationml" in content_type:
            return POWERPOINT
        if any(name.endswith(".iwa") for name in self.names):
            return APPLE
        mimetype = self.mimetype.strip()
        if mimetype.startswith(_OPEN_DOCUMENT) and not mimetype.startswith(_OPEN_DOCUMENT + b"spreadsheet"):
            return UnsupportedFile("an OpenDocument text or drawing")
        return UnsupportedFile("an e-book (EPUB)") if mimetype.startswith(b"application/epub") else None


def _detect_ole2(path: Path, file_name: str) -> FileType:
    try:
        streams = stream_names(path)
        is_locked = "EncryptedPackage" in streams or ("Workbook" in streams and is_encrypted(path))
    except DamagedWorkbookError as error:
        raise ManifestError(
            f"{file_name} looks like a workbook of Excel 97-2003, but it is cut off or damaged",
            hint="Export or copy the file again.",
        ) from error
    if is_locked:
        raise ManifestError(
            f"{file_name} is protected by a password",
            hint="Open it in Excel, remove the password (File > Info > Protect Workbook) and save it again.",
        )
    if "Workbook" in streams:
        return FileType.OLD_WORKBOOK
    if (found := next((each for name, each in _OLD_STREAMS.items() if name in streams), None)) is not None:
        raise found.error(file_name)
    raise ManifestError(f"{file_name} is a file of an old Office program, which is not supported", hint=SAVE_AS)
