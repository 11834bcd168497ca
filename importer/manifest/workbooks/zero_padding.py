"""Number formats that pad with zeros: 123 is stored, and the format shows 00123."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from importer.manifest.workbooks.cell_text import number_text

_LEAST_ZEROS = 2  # most formats have a single 0, so that zero is visible
# A colour, condition, locale or alignment; a quoted or an escaped literal; a placeholder; a plain literal.
# A format with anything else (a point, %, E, letters) does not pad, so the stored value is used.
_FORMAT_TOKEN = re.compile(
    r'(?P<invisible>\[(?:\$-[^\]]*|[A-Za-z]+\d*|[<>=][^\]]*)\]|_.|\*.)|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)'
    r"|(?P<placeholder>[0#?])|(?P<literal>[-+() $:])"
)


@dataclass(frozen=True, kw_only=True)
class ZeroPadding:
    """A number format such as ``000-00-0000``, as (is a placeholder, text) from the left."""

    pieces: tuple[tuple[bool, str], ...]

    @classmethod
    def parse(cls, format_code: str) -> ZeroPadding | None:
        """Parse a number format; None if it does not pad whole numbers with zeros."""
        pieces: list[tuple[bool, str]] = []
        position = 0
        # The format after a semicolon is for negative numbers; they get this one and a sign.
        while position < len(format_code) and format_code[position] != ";":
            match = _FORMAT_TOKEN.match(format_code, position)
            if match is None:
                return None
            if match.lastgroup is not None and match.lastgroup != "invisible":
                pieces.append((match.lastgroup == "placeholder", match.group(match.lastgroup)))
            position = match.end()
        return cls(pieces=tuple(pieces)) if pieces.count((True, "0")) >= _LEAST_ZEROS else None

    def apply(self, number: float) -> str:
        """Write a whole number as its cell shows it, and any other number without padding."""
        text = number_text(number)
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        if not digits.isdecimal():
            return text
        if self._is_zeros_only:
            return sign + digits.zfill(len(self.pieces))
        rest = list(digits)
        open_placeholders = sum(is_placeholder for is_placeholder, _ in self.pieces)
        shown: list[str] = []
        for is_placeholder, piece in reversed(self.pieces):
            if not is_placeholder:
                shown.append(piece)
                continue
            open_placeholders -= 1
            # The leftmost placeholder takes all remaining digits.
            taken = "".join(rest) if not open_placeholders else "".join(rest[-1:])
            del rest[-1:]
            shown.append(taken or ("0" if piece == "0" else ""))
        return sign + "".join(reversed(shown))

    @functools.cached_property
    def _is_zeros_only(self) -> bool:
        """Whether the format is like ``00000``, as most are: a shortcut."""
        return set(self.pieces) == {(True, "0")}
