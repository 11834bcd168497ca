"""What was found out about a manifest, and how it is told to people."""

from __future__ import annotations

from dataclasses import dataclass

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", ":": "colon"}

_ENCODING_NAMES = {
    "ascii": "ASCII",
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "utf-32-le": "UTF-32 LE",
    "utf-32-be": "UTF-32 BE",
}


@dataclass(frozen=True, kw_only=True)
class Detected:
    """How a manifest is read.

    ``format``: ``CSV`` or ``Excel .xlsx``. For CSV ``encoding`` (a name that Python knows), ``bom``, ``guessed`` (the
    encoding was inferred from the text, nothing in the file says it) and ``delimiter`` (None with a single column);
    for a workbook ``sheet``. ``header_row`` as a spreadsheet counts. ``warnings``: what a person would want to know.
    """

    format: str
    encoding: str | None = None
    bom: bool = False
    guessed: bool = False
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int = 1
    warnings: tuple[str, ...] = ()

    def describe(self) -> str:
        """One line for people, such as ``CSV, UTF-8 with BOM, comma`` or ``Excel, sheet 'Tickets'``."""
        if self.encoding is None:
            parts = ["Excel", f"sheet {self.sheet!r}"]
        else:
            parts = [self.format, self._encoding_name(), self._delimiter_name()]
        if self.header_row > 1:
            parts.append(f"header in row {self.header_row}")
        return ", ".join(parts)

    def _encoding_name(self) -> str:
        name = self.encoding or ""
        if name.startswith("cp125"):
            name = f"Windows-{name[2:]}"
        name = _ENCODING_NAMES.get(name, name)
        return f"{name}{' with BOM' if self.bom else ''}{' (a guess)' if self.guessed else ''}"

    def _delimiter_name(self) -> str:
        if self.delimiter is None:
            return "one column"
        return DELIMITERS.get(self.delimiter, repr(self.delimiter))
