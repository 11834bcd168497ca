"""Detects HTML that would cost a parser minutes or gigabytes, and extracts its text without a parser.

The HTML standard's error recovery makes three things expensive, even in a few kilobytes: tags that are never closed
(every later tag searches all of them), formatting tags such as <b> that are never closed (every paragraph opens all of
them again), and tags with thousands of attributes (each is compared with all others). No mail program writes these.
"""

from __future__ import annotations

import html
import re
from collections import Counter

_HARMLESS_CHARS = 4_000  # shorter texts are always cheap
_MOST_STEPS = 30_000_000  # comparisons of a tag with an open tag; together a tenth of a second
_MOST_REOPENED = 500_000  # formatting tags opened again, 250 bytes each
_LONGEST_TAG_CHARS = 4_000

_PICTURE = re.compile(r"""=\s*(?:"data:[^"<>]*"|'data:[^'<>]*')""", re.IGNORECASE)  # a long value, but a single one
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*)((?:[^>"']|"[^"]*"|'[^']*')*+)""")

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_CLOSED_BY_THE_NEXT = frozenset({"body", "dd", "dt", "head", "html", "li", "option", "p", "td", "th", "tr"})
_LETTERS = frozenset({"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"})

_INVISIBLE = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template|title)\b.*?(?:</\1\b[^<>]*>?|\Z)", re.DOTALL | re.IGNORECASE
)
_LINE_TAG = re.compile(
    r"</?(?:address|blockquote|br|d[dlt]|div|h[1-6r]|li|[ou]l|p|pre|section|table|tr)\b[^<>]*>?", re.IGNORECASE
)
_ANY_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
_SPACES = re.compile(" {2,}")
_BLANKS = re.compile(r"\s+")
_LINE_BREAKS = re.compile(r" ?\n[ \n]*")


def is_expensive(source: str) -> bool:
    """Return whether a parser could need more than about a second or a gigabyte for this HTML."""
    if len(source) <= _HARMLESS_CHARS:
        return False
    is_open: Counter[str] = Counter()
    depth = deepest = letters = reopened = 0
    for count, tag in enumerate(_TAG.finditer(_PICTURE.sub("", source)), start=1):
        slash, written, attributes = tag.groups()
        if len(attributes) > _LONGEST_TAG_CHARS:
            return True
        name = written.lower()
        reopened += letters
        if name in _VOID or name in _CLOSED_BY_THE_NEXT:
            continue
        if slash and not is_open[name]:
            continue
        step = -1 if slash else 1
        is_open[name] += step
        depth += step
        deepest = max(deepest, depth)
        if name in _LETTERS:
            letters += step
        if count * deepest > _MOST_STEPS or reopened > _MOST_REOPENED:
            return True
    return False


def flat_text(source: str) -> str:
    """Return the words of any HTML, in lines, without marks of lists and quotes and without link targets. Linear."""
    seen = _BLANKS.sub(" ", _INVISIBLE.sub(" ", source))
    words = html.unescape(_ANY_TAG.sub(" ", _LINE_TAG.sub("\n", seen)))
    return _LINE_BREAKS.sub("\n", _SPACES.sub(" ", words)).strip()
