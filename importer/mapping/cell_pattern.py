"""Regular expressions that the mapping applies to cells. RE2 matches them in time linear in the cell's length. Pure."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import re2

_MOST_CHARS = 1_000  # longer patterns take seconds to compile


@dataclass(frozen=True)
class CellPattern:
    """A pattern that has to match a whole cell. ``.`` matches line breaks, too."""

    regex: str

    @property
    def groups(self) -> frozenset[str]:
        """The names of its groups. Raises ValueError if RE2 can't compile the pattern."""
        return frozenset(_compiled(self.regex).groupindex)

    def match(self, cell: str) -> dict[str, str] | None:
        """Return the text of each named group, or ``None`` if the pattern does not match the whole cell."""
        try:
            found = _compiled(self.regex).fullmatch(cell)
        except UnicodeEncodeError:  # half a character; no such text can be sent
            return None
        return None if found is None else {name: text or "" for name, text in found.groupdict().items()}


@functools.lru_cache(maxsize=64)
def _compiled(regex: str) -> re2.Pattern:
    """Compile a pattern. Raises ValueError with the reason."""
    if len(regex) > _MOST_CHARS:
        raise ValueError(f"is longer than {_MOST_CHARS:,} characters; shorten it")
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(regex, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown reason"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"is not a regular expression of RE2: {text}") from None
    except UnicodeEncodeError:
        raise ValueError("holds half a character; write the whole character") from None
