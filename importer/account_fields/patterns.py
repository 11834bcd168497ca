"""Matches the account's own patterns with RE2, in time linear in the value's length. Pure.

Only patterns that mean the same in all dialects of regular expressions are checked; others, and those that RE2 does not
support, are not.
"""

from __future__ import annotations

import functools
import re

import re2

_MOST_CHARS = 1_000  # longer patterns take seconds to compile
_SETS_OF_SETS = re.compile(r"\[\^?\[|\[\^?\]|--|&&|\|\||~~")
_REPETITION = re.compile(r"\{\d+(?:,\d*)?\}")
_PLAIN_ESCAPES = frozenset(r".\/^$|?*+()[]{}-")
_BOUNDARIES = frozenset("bB")
# As in Python: characters of all alphabets; RE2's own classes are ASCII only.
_SETS = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": r"\t-\r\x1c-\x20\x{85}\p{Z}"}
_END = r"(?:\n?\z)"


class Pattern:
    """Compiled pattern of a field. It may match a part of the value, unless it has anchors."""

    def __init__(self, regex: str, compiled: re2.Pattern) -> None:
        self._compiled = compiled
        self._has_boundary = "\\b" in regex or "\\B" in regex

    def allows(self, value: str) -> bool:
        """Return whether a value matches. True if unknown: RE2 has only ASCII word boundaries."""
        if self._has_boundary and not value.isascii():
            return True
        return self._compiled.search(value.encode("utf-8", "replace").decode()) is not None


@functools.lru_cache(maxsize=512)
def compiled_pattern(regex: str) -> Pattern | None:
    """Compile a field's pattern; ``None`` if it is not checked."""
    translated = _translated(regex) if 0 < len(regex) <= _MOST_CHARS and not _SETS_OF_SETS.search(regex) else None
    if translated is None:
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return Pattern(regex, re2.compile(translated, options))
    except (re2.error, UnicodeEncodeError):
        return None


def _translated(regex: str) -> str | None:
    """Translate a pattern for RE2; ``None`` if dialects differ in a part of it."""
    parts: list[str] = []
    in_set = False
    at = 0
    while at < len(regex):
        character = regex[at]
        part: str | None = character
        if character == "\\":
            part = _escape(regex[at + 1 : at + 2], in_set=in_set)
            at += 1
        elif character in "[]":
            in_set = character == "["
        elif not in_set:
            part = _sign(regex, at)
        if part is None:
            return None
        parts.append(part)
        at += 1
    return "".join(parts)


def _escape(letter: str, *, in_set: bool) -> str | None:
    if letter in _SETS:
        return _SETS[letter] if in_set else f"[{_SETS[letter]}]"
    if letter.lower() in _SETS:
        return None if in_set else f"[^{_SETS[letter.lower()]}]"
    if letter in _PLAIN_ESCAPES or (letter in _BOUNDARIES and not in_set):
        return f"\\{letter}"
    return None


def _sign(regex: str, at: int) -> str | None:
    match regex[at]:
        case "$":
            return _END
        case "(" if regex[at + 1 : at + 2] == "?" and regex[at + 2 : at + 3] != ":":
            return None
        case "{" if not _REPETITION.match(regex, at):
            return None
        case sign:
            return sign
