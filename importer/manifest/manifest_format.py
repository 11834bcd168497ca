"""How a manifest is read, and how this is described to the user."""

from __future__ import annotations

import enum
from dataclasses import dataclass

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", ":": "colon"}

_ENCODING_NAMES = {
    "ascii": "ASCII",
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "utf-32-le": "UTF-32 LE",
    "utf-32-be": "UTF-32 BE",
    "cp932": "Shift-JIS",
    "cp949": "Korean (cp949)",
    "big5": "Big5",
    "gb18030": "GB18030",
    "euc_jp": "EUC-JP",
    "iso2022_jp": "ISO-2022-JP",
    "iso2022_kr": "ISO-2022-KR",
    "hz": "HZ",
    "iso8859-1": "ISO 8859-1",
    "iso8859_2": "ISO 8859-2",
    "koi8_r": "KOI8-R",
    "mac_roman": "Mac Roman",
}


class EncodingCertainty(enum.Enum):
    """How certain an encoding is, as a phrase."""

    CERTAIN = "{}"  # it has a byte order mark, or all of it is valid UTF-8, which no other text is
    CHOSEN = "{} as set in the mapping"
    LIKELY = "probably {}"
    GUESS = "{} as a guess"


def encoding_name(codec: str) -> str:
    """Return the usual name of an encoding; for the others Python's name."""
    if codec.startswith("cp125"):
        return f"Windows-{codec[2:]}"
    return _ENCODING_NAMES.get(codec, codec)


@dataclass(frozen=True, kw_only=True)
class ManifestFormat:
    """How a manifest is read, and warnings about it for the user.

    ``name``: ``CSV``, ``JSON Lines``, ``Excel .xlsx`` and so on. Text has an ``encoding`` (Python's name) with its
    ``certainty``, CSV also a ``delimiter`` (None with a single column), a workbook has a ``sheet``. ``notes``: what
    else is unusual. ``header_row``: as a spreadsheet counts; 0 if there is none. ``archive``: the kind of archive that
    holds the file, such as ``gzip``. ``records``: where the rows are in JSON or XML. ``ignored_members``: of its
    records, which no column reads. ``has_only_texts``: no cell is stored as a number. ``lacks_line_end``: the last row
    has none. ``absent_columns``: columns that no record has.
    """

    name: str
    encoding: str | None = None
    bom: bool = False
    certainty: EncodingCertainty = EncodingCertainty.CERTAIN
    delimiter: str | None = None
    notes: tuple[str, ...] = ()
    sheet: str | None = None
    header_row: int = 1
    records: str | None = None
    ignored_members: int = 0
    has_only_texts: bool = False
    lacks_line_end: bool = False
    archive: str | None = None
    absent_columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_encoding_guessed(self) -> bool:
        """Return whether the encoding is inferred from the text, and not stated anywhere."""
        return self.certainty in (EncodingCertainty.LIKELY, EncodingCertainty.GUESS)

    @property
    def stored_types(self) -> frozenset[str]:
        """Return as what cells may be stored besides text: numbers have a decimal point, dates are in ISO 8601."""
        if self.has_only_texts or (self.encoding is not None and self.header_row):
            return frozenset()
        return frozenset({"number"} if self.sheet is None else {"number", "date"})  # JSON, or a workbook

    def describe(self) -> str:
        """Describe the format for the user: ``CSV, UTF-8, comma-separated``."""
        parts = [self.name]
        if self.encoding is not None:
            parts.append(self._encoding())
            if self.header_row and not self.has_only_texts:
                parts.append(self._separation())
        if self.sheet is not None:
            parts.append(f"sheet {self.sheet!r}")
        if self.archive is not None:
            parts[0] = f"{parts[0]} in {self.archive}"
        if self.records is not None:
            parts.append(f"rows in {self.records}")
        if self.ignored_members:
            parts.append(f"{self.ignored_members:,} other member{'s' if self.ignored_members > 1 else ''} ignored")
        if self.header_row > 1:
            parts.append(f"header in row {self.header_row}")
        return ", ".join([*parts, *self.notes])

    def _encoding(self) -> str:
        name = f"{encoding_name(self.encoding or '')}{' with BOM' if self.bom else ''}"
        return self.certainty.value.format(name)

    def _separation(self) -> str:
        if self.delimiter is None:
            return "one column"
        name = DELIMITERS.get(self.delimiter)
        return f"{name}-separated" if name else f"separated by {self.delimiter!r}"
