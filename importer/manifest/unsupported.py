"""Kinds of file that can't be read: each with its name, and a hint what to do instead.

Every text format is recognized by its first lines. A single sign is never enough, because a table may begin with a word
in angle brackets or with `ID;P`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from importer.errors import ManifestError
from importer.manifest.markup_kind import Markup, markup_kind

SAVE_AS = "Save it as .xlsx or as CSV (in Excel: CSV UTF-8), then run again."
OPEN_AND_SAVE = f"Open it in Excel or LibreOffice. {SAVE_AS}"
_USE_EXPORT = "Use the exported CSV file or Excel workbook; the file's ending says nothing about its content."
_EXPORT_TABLE = "Export the table itself as CSV or .xlsx, and use that file."


@dataclass(frozen=True)
class UnsupportedFile:
    """A kind of file: its name, and a hint.

    ``is_table``: it holds a table in an unsupported format.
    """

    name: str
    hint: str = _USE_EXPORT
    is_table: bool = False

    def error(self, file_name: str) -> ManifestError:
        """Return the error that refuses the file."""
        if self.is_table:
            return ManifestError(f"{file_name} is {self.name}, a format that is not supported", hint=self.hint)
        return ManifestError(f"{file_name} is not a table but {self.name}", hint=self.hint)


_SIGNATURES = {
    b"%PDF-": "a PDF document",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF87a": "a GIF picture",
    b"GIF89a": "a GIF picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"SQLite format 3\x00": "an SQLite database",
    b"\0\1\0\0Standard Jet DB": "a Microsoft Access database",
    b"\0\1\0\0Standard ACE DB": "a Microsoft Access database",
    b"PGDMP": "a dump of a PostgreSQL database",
    b"!BDN": "an Outlook data file (.pst)",
    b"PAR1": "a Parquet file",
    b"Obj\x01": "an Avro file",
    b"ARROW1\0": "an Arrow file",
    b"bplist00": "a property list of macOS",
    b"\x7fELF": "a program",
    b"{\\rtf": "an RTF document",
}
# Some pictures and films begin with a length.
_LATER_SIGNATURES = ((8, b"WEBP", "a WebP picture"), (4, b"ftyp", "a picture or film (HEIC, MP4)"))
_VERY_OLD_EXCEL = re.compile(rb"\x09[\x00\x02\x04\x08][\x04-\x10]\x00..[\x00\x05\x10\x20\x40]\x00", re.DOTALL)

_SYLK = re.compile(rb"ID;P[^\r\n]*[\r\n]++(?:[A-Z]{1,2}(?:;[^\r\n]*)?[\r\n]++)*?[BCF];(?:[XY][0-9]++;?)++")
_DIF = re.compile(rb"TABLE\s*?[\r\n]++0,1[\r\n]++\"")
_MBOX = re.compile(rb"From \S+ [^\r\n]*?[0-9]{4}[^\r\n]*+\r?\n[A-Za-z-]++:")
_MAIL_HEADER = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*+:(?:[ \t][^\r\n]*+)?\r?\n(?:[ \t]++[^\r\n]*+\r?\n)*+){3,}")
_MAIL_NAME = re.compile(
    rb"^(?:message-id|mime-version|received|return-path|delivered-to):", re.IGNORECASE | re.MULTILINE
)
_SQL = re.compile(
    rb"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*.*?\*/;?)*+(?:(?:create|drop|alter)\s++(?:temporary\s++)?(?:table|database|schema|"
    rb"type|sequence|extension|view)\b|insert\s++(?:ignore\s++)?into\b|set\s++[\w@.]++\s*+(?:=|to\b)|begin\s*+"
    rb"(?:transaction\s*+)?;|start\s++transaction\b|pragma\s|use\s++[`\w]++\s*+;|lock\s++tables\b|copy\s++\S++\s*+\()",
    re.IGNORECASE | re.DOTALL,
)
_SQL_COMMENT = re.compile(rb"--\s+(?:MySQL|MariaDB|phpMyAdmin SQL|PostgreSQL database|Adminer|HeidiSQL)[^\n]*")
_MARKDOWN = re.compile(
    rb"[^\r\n|]*+\|[^\r\n]*+\r?\n[ \t]*+\|?(?:[ \t]*+:?-{3,}+:?[ \t]*+\|)++[ \t]*+(?::?-{3,}+:?[ \t]*+)?\|?\s*?[\r\n]"
)
_DRAWN_LINES = re.compile(
    rb"\+-[-+]*+\r?\n\||[^\r\n|]*+\|[^\r\n]*+\r?\n-++(?:\+-++)++[ \t]*+[\r\n]|[\xe2][\x94\x95][\x80-\xbf]"
)

_LINE_OF_DASHES = re.compile(rb"[^\r\n]++\r?\n[ \t]*+-{2,}+(?:[ ]*[,;\t |][ ]*-++)+[ ]*+[\r\n]")

_WEB_PAGE = UnsupportedFile(
    "a web page (HTML)",
    f"Open it in a browser: if it is a login or error page, export again. {OPEN_AND_SAVE}",
    is_table=True,
)
_ARCHIVED_PAGE = UnsupportedFile("a web archive (MHTML)", OPEN_AND_SAVE, is_table=True)
_FLAT_DOCUMENT = UnsupportedFile("an OpenDocument spreadsheet in XML (.fods)", OPEN_AND_SAVE, is_table=True)
_SYLK_FILE = UnsupportedFile("a SYLK spreadsheet (.slk)", OPEN_AND_SAVE, is_table=True)
_DIF_FILE = UnsupportedFile("a DIF spreadsheet (.dif)", OPEN_AND_SAVE, is_table=True)
_VERY_OLD_FILE = UnsupportedFile("a workbook of Excel 5 or older", OPEN_AND_SAVE, is_table=True)
_MARKDOWN_TABLE = UnsupportedFile("a Markdown table", f"Paste it into a spreadsheet. {SAVE_AS}", is_table=True)
_DRAWN_TABLE = UnsupportedFile(
    "a table drawn with lines, as database clients print it",
    "Export it as CSV: `mysql --batch` writes tab-separated rows, `psql --csv` CSV.",
    is_table=True,
)
_RULED_TABLE = UnsupportedFile(
    "a table with a line of dashes below its header, as sqlcmd prints it",
    "Delete that line (it would be a ticket), or export the table as CSV.",
    is_table=True,
)
_SQL_DUMP = UnsupportedFile("an SQL dump", "Load it into a database, and export the table as CSV.")
_MAILBOX = UnsupportedFile("a mailbox (mbox)", _EXPORT_TABLE)
_MAIL = UnsupportedFile(
    "an e-mail message (.eml)", "Save the attached table from it, or export the table as CSV, and use that file."
)
_CALENDAR = UnsupportedFile("a calendar or an address card (iCalendar, vCard)", _EXPORT_TABLE)

OUTLOOK_MESSAGE = UnsupportedFile("an Outlook message (.msg)", "Save the attached table from it, and use that file.")
OLD_WORD = UnsupportedFile("a Word document (.doc)", _EXPORT_TABLE)
OLD_POWERPOINT = UnsupportedFile("a PowerPoint presentation (.ppt)", _EXPORT_TABLE)
EXCEL_95 = UnsupportedFile("a workbook of Excel 5 or 95", OPEN_AND_SAVE, is_table=True)
WORD = UnsupportedFile("a Word document", _EXPORT_TABLE)
POWERPOINT = UnsupportedFile("a PowerPoint presentation", _EXPORT_TABLE)
APPLE = UnsupportedFile(
    "an Apple Numbers (or Pages, Keynote) document",
    "In Numbers choose File > Export To > CSV (encoding Unicode UTF-8) or Excel, and use that file.",
    is_table=True,
)


def unsupported_file(sample: bytes, start: bytes) -> UnsupportedFile | None:
    """Return which unsupported kind a file is; None if it may be a manifest.

    ``sample``: its beginning. ``start``: the same as text, without byte order marks, leading blanks and NULs.
    """
    for signature, name in _SIGNATURES.items():
        if sample.startswith(signature):
            return UnsupportedFile(name)
    for at, signature, name in _LATER_SIGNATURES:
        if sample.startswith(signature, at) and b"\0" in sample[:16]:
            return UnsupportedFile(name)
    if _VERY_OLD_EXCEL.match(sample):
        return _VERY_OLD_FILE
    return next((found for look in _TEXTS if (found := look(start)) is not None), None)


def _markup(start: bytes) -> UnsupportedFile | None:
    kind = markup_kind(start)
    return _WEB_PAGE if kind is Markup.WEB_PAGE else _FLAT_DOCUMENT if kind is Markup.FLAT_DOCUMENT else None


def _mail(start: bytes) -> UnsupportedFile | None:
    if _MBOX.match(start):
        return _MAILBOX
    header = _MAIL_HEADER.match(start)
    if header is None or not _MAIL_NAME.search(header[0]):  # reports may begin with From and To, too
        return None
    return _ARCHIVED_PAGE if b"multipart/related" in start else _MAIL


def _recognizer(pattern: re.Pattern[bytes], found: UnsupportedFile) -> Callable[[bytes], UnsupportedFile | None]:
    return lambda start: found if pattern.match(start) else None


_TEXTS = (
    _markup,
    _mail,
    _recognizer(_SYLK, _SYLK_FILE),
    _recognizer(_DIF, _DIF_FILE),
    _recognizer(_SQL, _SQL_DUMP),
    _recognizer(_SQL_COMMENT, _SQL_DUMP),
    _recognizer(_MARKDOWN, _MARKDOWN_TABLE),
    _recognizer(_DRAWN_LINES, _DRAWN_TABLE),
    _recognizer(_LINE_OF_DASHES, _RULED_TABLE),
    _recognizer(re.compile(rb"BEGIN:(?:VCALENDAR|VCARD)\r?\n"), _CALENDAR),
)
