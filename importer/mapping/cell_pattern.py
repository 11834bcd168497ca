"""Regular expressions that the mapping applies to cells. RE2 matches them in time linear in the cell's length. Pure."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import re2

_MOST_CHARS = 1_000  # longer patterns take seconds to compile
# The address in `Ann <ann@example.com>` or `Ann (ann@example.com)`, the first in `ann@example.com, ben@example.com`.
# As in Python: characters of all alphabets; RE2's own classes are ASCII only.
_CLASSES = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": r"\t-\r\x1c-\x20\x{85}\p{Z}"}
_READY_PATTERNS = {"email": r"""([^\s<>()\[\]:;,"'@]+@[^\s<>()\[\]:;,"'@]*[^\s<>()\[\]:;,."'@])"""}


@dataclass(frozen=True)
class CellPattern:
    """A pattern that has to match a whole cell. ``.`` matches line breaks, too."""

    regex: str

    @property
    def groups(self) -> frozenset[str]:
        """The names of its groups. Raises ValueError if RE2 can't compile the pattern."""
        return frozenset(_compiled(self.regex).groupindex)

    def first_group(self, cell: str) -> str | None:
        """Return the text of the first group where the pattern first matches, or ``None`` if it matches nowhere."""
        try:
            found = _compiled(self.regex).search(cell)
        except UnicodeEncodeError:
            return None
        return None if found is None else found[1]

    def match(self, cell: str) -> dict[str, str] | None:
        """Return the text of each named group, or ``None`` if the pattern does not match the whole cell."""
        try:
            found = _compiled(self.regex).fullmatch(cell)
        except UnicodeEncodeError:  # half a character; no such text can be sent
            return None
        return None if found is None else {name: text or "" for name, text in found.groupdict().items()}


def extract_pattern(value: str) -> CellPattern:
    """Return the pattern of a rule's `extract`: a ready one such as `email`, or a regular expression with a group.

    Raises ValueError.
    """
    pattern = CellPattern(_READY_PATTERNS.get(value, value))
    if not _compiled(pattern.regex).groups:
        raise ValueError("has no group; put the part to send in brackets, or write `email`")
    return pattern


@functools.lru_cache(maxsize=64)
def _compiled(regex: str) -> re2.Pattern:
    """Compile a pattern. Raises ValueError with the reason."""
    if len(regex) > _MOST_CHARS:
        raise ValueError(f"is longer than {_MOST_CHARS:,} characters; shorten it")
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(_with_all_alphabets(regex), options)
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown reason"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"is not a regular expression of RE2: {text}") from None
    except UnicodeEncodeError:
        raise ValueError("holds half a character; write the whole character") from None


def _with_all_alphabets(regex: str) -> str:
    r"""Replace the classes ``\w``, ``\d`` and ``\s``, which RE2 knows for ASCII only."""
    parts = []
    in_set = False
    for piece in re.findall(r"\\.|.", regex, re.DOTALL):
        part = piece
        if piece in "[]":
            in_set = piece == "["
        elif piece[0] == "\\" and (members := _CLASSES.get(piece[1].lower())):
            if piece[1].islower():
                part = members if in_set else f"[{members}]"
            elif not in_set:
                part = f"[^{members}]"
        parts.append(part)
    return "".join(parts)
