"""What was found out about a manifest, and how it is told to people."""

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
    """How sure an encoding is."""

    CERTAIN = "certainly {}"  # a byte order mark says it, or all of it is proper UTF-8, which no other text is
    SAID = "{} as the mapping says"
    LIKELY = "likely {}"
    GUESS = "{} at a guess"


def encoding_name(codec: str) -> str:
    """Name an encoding as people do; another's Python name is as good as any."""
    if codec.startswith("cp125"):
        return f"Windows-{codec[2:]}"
    return _ENCODING_NAMES.get(codec, codec)


@dataclass(frozen=True, kw_only=True)
class Detected:
    """How a manifest is read.

    ``format``: ``CSV``, ``JSON Lines`` or such as ``Excel .xlsx``. For text ``encoding`` (a name that Python knows),
    ``bom``, ``sureness`` (of the encoding) and for CSV ``delimiter`` (None with a single column); for a workbook
    ``sheet``. ``header_row`` as a spreadsheet counts; 0 where there is none. ``packed``: the kind of archive that it
    was taken out of, such as ``gzip``. ``absent``: columns that no object of JSON has. ``warnings``: what a person
    would want to know.
    """

    format: str
    encoding: str | None = None
    bom: bool = False
    sureness: EncodingCertainty = EncodingCertainty.CERTAIN
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int = 1
    packed: str | None = None
    absent: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def guessed(self) -> bool:
        """Whether the encoding was inferred from the text, and nothing in the file or the mapping says it."""
        return self.sureness in (EncodingCertainty.LIKELY, EncodingCertainty.GUESS)

    @property
    def stores_numbers(self) -> bool:
        """Whether cells may be numbers by themselves, which are read with a decimal point whatever they look like."""
        return self.encoding is None or not self.header_row  # a workbook, or JSON

    def describe(self) -> str:
        """One line for people, such as ``CSV, certainly UTF-8, comma`` or ``Excel .xlsx, sheet 'Tickets'``."""
        if self.encoding is None:
            parts = [self.format, f"sheet {self.sheet!r}"]
        elif self.header_row:
            parts = [self.format, self._encoding(), self._delimiter_name()]
        else:
            parts = [self.format, self._encoding()]
        if self.packed is not None:
            parts[0] = f"{parts[0]} in {self.packed}"
        if self.header_row > 1:
            parts.append(f"header in row {self.header_row}")
        return ", ".join(parts)

    def _encoding(self) -> str:
        name = f"{encoding_name(self.encoding or '')}{' with BOM' if self.bom else ''}"
        return self.sureness.value.format(name)

    def _delimiter_name(self) -> str:
        if self.delimiter is None:
            return "one column"
        return DELIMITERS.get(self.delimiter, repr(self.delimiter))
