"""How a delimited text marks its cells, if it is not plain CSV."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from importer.models import ManifestOptions

BLANKS_NOTE = "blanks around quotes"
COPY_NOTE = "text format of PostgreSQL's COPY"
_BACKSLASH = "\\"
_COPY = "postgres-copy"
_MYSQL_LETTERS = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_COPY_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_COPY_BYTE = r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3}))"
_BLANKS = r"[ \t]*+"


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The characters of a delimited text.

    ``quote`` and ``escape`` may be empty. ``comment``: how lines that are no rows begin. ``is_copy``: the text format
    of PostgreSQL's COPY. ``has_blanks``: blanks may be around quoted cells. ``is_found``: it was found by itself, so
    that an escape before a letter, which programs read in different ways, is an error.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    comment: str = ""
    is_copy: bool = False
    has_blanks: bool = False
    is_found: bool = False

    @property
    def is_plain(self) -> bool:
        """Return whether this is CSV as Python's ``csv`` reads it."""
        return (self.quote, self.escape, self.comment) == ('"', "", "") and not (
            self.is_copy or self.has_blanks or len(self.delimiter) > 1
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is not plain CSV: ``quoted with '``, ``escaped with ^``."""
        if self.is_copy:
            return (COPY_NOTE,)
        parts = {
            f"quoted with {self.quote}": self.quote != '"',
            f"escaped with {self.escape}": bool(self.escape),
            f"comments after {self.comment}": bool(self.comment),
            BLANKS_NOTE: self.has_blanks,
        }
        return tuple(part for part, is_there in parts.items() if is_there)

    @functools.cached_property
    def cell(self) -> re.Pattern[str]:
        """Return the pattern of one cell and what ends it: groups `quoted`, `plain` and `end`."""
        quote, escape, first = (re.escape(each) for each in (self.quote, self.escape, self.delimiter[0]))
        delimiter = re.escape(self.delimiter)
        escaped = rf"|{escape}(?:\r\n|[\s\S])" if escape else ""
        rest = rf"|{first}(?!{re.escape(self.delimiter[1:])})" if len(self.delimiter) > 1 else ""
        plain = rf"(?P<plain>(?:[^{escape}{first}\r\n]++{rest}{escaped})*+)"
        end = rf"(?P<end>{delimiter}|\r\n|\r|\n|\Z)"
        if not quote:
            return re.compile(plain + end)
        blanks = _BLANKS if self.has_blanks else ""
        return re.compile(rf"(?:{blanks}{self._quoted}{blanks}|(?!{blanks}{quote}){plain}){end}")

    @functools.cached_property
    def quoted(self) -> re.Pattern[str]:
        """Return the pattern of a quoted cell, whatever follows it."""
        return re.compile((_BLANKS if self.has_blanks else "") + self._quoted)

    @property
    def _quoted(self) -> str:
        quote, escape = re.escape(self.quote), re.escape(self.escape)
        escaped = rf"|{escape}(?:\r\n|[\s\S])" if escape else ""
        return rf"{quote}(?P<quoted>(?:[^{quote}{escape}]++|{quote}{quote}{escaped})*+){quote}"

    @functools.cached_property
    def _escapes(self) -> re.Pattern[str]:
        """Return the pattern of escapes and, if there are quotes, doubled ones."""
        parts = [rf"{re.escape(self.escape)}(?P<character>\r\n|[\s\S])"] if self.escape else []
        if self.is_copy:
            parts.insert(0, rf"(?P<bytes>(?:{_COPY_BYTE})+)")
        return re.compile("|".join(parts + [re.escape(self.quote) * 2] * bool(self.quote)))

    def unescape(self, cell: str, *, is_quoted: bool) -> str:
        """Return the text of a cell that contains quotes or escapes.

        Raises ValueError for an escape whose meaning is not certain.
        """
        if self.escape == _BACKSLASH and cell == r"\N":
            return ""
        if not is_quoted and not self.escape:
            return cell
        return self._escapes.sub(self._unescaped if is_quoted else self._unescaped_outside, cell)

    def _unescaped_outside(self, match: re.Match[str]) -> str:
        return match[0] if match.lastgroup is None else self._unescaped(match)

    def _unescaped(self, match: re.Match[str]) -> str:
        if match.lastgroup is None:
            return self.quote
        if match.lastgroup == "bytes":
            values = re.finditer(_COPY_BYTE, match[0])
            return bytes(int(each[1], 16) if each[1] else int(each[2], 8) & 0xFF for each in values).decode()
        character = match["character"]
        if self.escape != _BACKSLASH:
            return character
        if self.is_copy:
            return _COPY_LETTERS.get(character, character)
        if self.is_found and character.isalnum() and character != "0":
            raise ValueError(f"`{match[0]}` may be one character or two")
        return _MYSQL_LETTERS.get(character, character)


def dialect_of(options: ManifestOptions, delimiter: str) -> Dialect:
    """Return the dialect that the mapping sets; what it does not set is as in plain CSV."""
    if options.dialect == _COPY:
        return Dialect(delimiter=delimiter, quote="", escape=_BACKSLASH, comment=options.comment or "", is_copy=True)
    quote = options.quote or '"'
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        escape="" if options.escape in (None, quote) else options.escape,
        comment=options.comment or "",
        has_blanks=options.strip,
    )


def sets_dialect(options: ManifestOptions) -> bool:
    """Return whether the mapping sets more than the delimiter."""
    return any((options.quote, options.escape, options.comment, options.dialect, options.strip))
