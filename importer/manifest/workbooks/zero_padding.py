"""Number formats that pad with zeros: 00123 is stored as 123, and only the cell's format knows of the zeros."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from importer.manifest.workbooks.cells import number_text

_LEAST_ZEROS = 2  # a single 0 is in most formats, so that zero is shown at all
# A colour, condition or locale; a quoted or an escaped literal; room for alignment; a placeholder; what stands for
# itself. Whatever else is in a format (a point, %, E, letters) shows the number otherwise, and the value is taken.
_FORMAT_TOKEN = re.compile(
    r'(?P<unseen>\[(?:\$-[^\]]*|[A-Za-z]+\d*|[<>=][^\]]*)\]|_.|\*.)|"(?P<quoted>[^"]*)"|\\(?P<escaped>.)'
    r"|(?P<placeholder>[0#?])|(?P<literal>[-+() $:])"
)


@dataclass(frozen=True, kw_only=True)
class ZeroPadding:
    """A number format such as ``00000`` or ``000-00-0000``: (is a placeholder, its text) from left to right."""

    pieces: tuple[tuple[bool, str], ...]

    @classmethod
    def parse(cls, format_code: str) -> ZeroPadding | None:
        """Read a number format; None if it doesn't pad whole numbers with zeros."""
        pieces: list[tuple[bool, str]] = []
        position = 0
        # Behind the semicolon is the format of negative numbers: they get the same one and a sign.
        while position < len(format_code) and format_code[position] != ";":
            match = _FORMAT_TOKEN.match(format_code, position)
            if match is None:
                return None
            if match.lastgroup is not None and match.lastgroup != "unseen":
                pieces.append((match.lastgroup == "placeholder", match.group(match.lastgroup)))
            position = match.end()
        return cls(pieces=tuple(pieces)) if pieces.count((True, "0")) >= _LEAST_ZEROS else None

    def apply(self, number: float) -> str:
        """Write a whole number as its cell shows it; of another number, the value."""
        text = number_text(number)
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        if not digits.isdecimal():
            return text
        if self._is_zeros_only:
            return sign + digits.zfill(len(self.pieces))
        rest = list(digits)
        open_places = sum(is_place for is_place, _ in self.pieces)
        shown: list[str] = []
        for is_place, piece in reversed(self.pieces):
            if not is_place:
                shown.append(piece)
                continue
            open_places -= 1
            # The leftmost place takes all digits that are left over.
            taken = "".join(rest) if not open_places else "".join(rest[-1:])
            del rest[-1:]
            shown.append(taken or ("0" if piece == "0" else ""))
        return sign + "".join(reversed(shown))

    @functools.cached_property
    def _is_zeros_only(self) -> bool:
        """Most formats that pad are ``00000``."""
        return set(self.pieces) == {(True, "0")}
