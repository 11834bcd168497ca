"""HTML that a parser takes minutes or gigabytes for: how to know it beforehand, and its text without a parser.

The rules by which browsers mend HTML make three things of a few kilobytes expensive: tags that are never closed (every
other tag looks through all of them), letters in bold and the like that are never closed (every paragraph opens all of
them again), and tags of thousands of attributes (each is compared with all others). No mail program writes any of them.
"""

from __future__ import annotations

import html
import re
from collections import Counter

_HARMLESS_CHARS = 4_000  # whatever stands in them
_MOST_STEPS = 30_000_000  # from tag to tag that is open: a tenth of a second
_MOST_REOPENED = 500_000  # 250 bytes each
_LONGEST_TAG_CHARS = 4_000

_PICTURE = re.compile(r"""=\s*(?:"data:[^"<>]*"|'data:[^'<>]*')""", re.IGNORECASE)  # a long value, but one alone
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*)((?:[^>"']|"[^"]*"|'[^']*')*+)""")

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_CLOSED_BY_THE_NEXT = frozenset({"body", "dd", "dt", "head", "html", "li", "option", "p", "td", "th", "tr"})
_LETTERS = frozenset({"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"})

_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template|title)\b.*?(?:</\1\b[^<>]*>?|\Z)", re.DOTALL | re.IGNORECASE
)
_LINE_TAG = re.compile(
    r"</?(?:address|blockquote|br|d[dlt]|div|h[1-6r]|li|[ou]l|p|pre|section|table|tr)\b[^<>]*>?", re.IGNORECASE
)
_ANY_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
_SPACES = re.compile(" {2,}")
_BLANKS = re.compile(r"\s+")
_LINE_BREAKS = re.compile(r" ?\n[ \n]*")


def is_heavy(source: str) -> bool:
    """Say whether a parser would take more than a fraction of a second, or of a gigabyte, for this HTML."""
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
    """The words of any HTML, in lines: what `to_text` gives without lists, quotes, and where links lead. Linear."""
    seen = _BLANKS.sub(" ", _UNSEEN.sub(" ", source))
    words = html.unescape(_ANY_TAG.sub(" ", _LINE_TAG.sub("\n", seen)))
    return _LINE_BREAKS.sub("\n", _SPACES.sub(" ", words)).strip()
