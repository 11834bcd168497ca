"""Regular expressions that the mapping applies to cells. RE2 matches them in time linear in the cell's length. Pure."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import re2

_MOST_CHARS = 1_000  # longer patterns take seconds to compile
# As in Python: characters of all alphabets; RE2's own classes are ASCII only.
_CLASSES = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": r"\t-\r\x1c-\x20\x{85}\p{Z}"}
# Letters of all alphabets, roughly: RE2's exact classes are so large that matching takes four times as long.
_LETTERS = r"A-Za-z0-9\x{c0}-\x{1fff}\x{2070}-\x{2fff}\x{3040}-\x{fefe}\x{ff66}-\x{10ffff}"
_ADDRESS = (
    rf"[{_LETTERS}_+#!$%&^~][{_LETTERS}_.!#$%&'*+/=?^`{{|}}~-]*"
    rf"@[{_LETTERS}](?:[{_LETTERS}.-]*[{_LETTERS}])?"
)
# The address in `Ann <ann@example.com>` or `Ann (ann@example.com)`, and the first one in `ann@example.com, Ben <...>`.
# A name before the address may look like an address itself, as in `'ann@example.com' via Support <...>`.
_READY_PATTERNS = {"email": rf"""(?:"[^"]*"\s*<\s*|{_ADDRESS}[^,;<>]*<\s*|<\s*)?({_ADDRESS})"""}


@dataclass(frozen=True)
class CellPattern:
    """A pattern that has to match a whole cell. ``.`` matches line breaks, too."""

    regex: str

    @property
    def groups(self) -> frozenset[str]:
        """The names of its groups. Raises ValueError if RE2 can't compile the pattern."""
        return frozenset(_compiled(self.regex).groupindex)

    def first_group(self, cell: str) -> str | None:
        """Return the text of the first group where the pattern first matches, or ``None`` if it matches nowhere.

        The text is empty if the pattern matches without that group.
        """
        try:
            found = _compiled(self.regex).search(cell.encode())  # bytes take half the time
            return None if found is None else (found[1] or b"").decode()
        except UnicodeError:  # half a character in the cell, or a pattern with \C that cuts one
            return None

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
    parts: list[str] = []
    in_set = False
    at = 0
    while at < len(regex):
        part = regex[at]
        if part == "\\":
            part = regex[at : at + 2]
            parts.append(_class(part, in_set=in_set))
        elif in_set and regex.startswith("[:", at) and ":]" in regex[at:]:  # such as [:alpha:]
            part = regex[at : regex.index(":]", at) + 2]
            parts.append(part)
        else:
            if not in_set and part == "[":  # a bracket right after the start of a set is one of its members
                part = next(start for start in ("[^]", "[]", "[^", "[") if regex.startswith(start, at))
            in_set = part[0] == "[" or (in_set and part != "]")
            parts.append(part)
        at += len(part)
    return "".join(parts)


def _class(escape: str, *, in_set: bool) -> str:
    letter = escape[1:]
    members = _CLASSES.get(letter.lower())
    if members is None or (letter.isupper() and in_set):
        return escape
    if in_set:
        return members
    return f"[{members}]" if letter.islower() else f"[^{members}]"
