"""Tells HTML tags from other text in angle brackets: `<none>`, `<Mina Meier>`, `if a<b then stop`.

A browser treats all of these as tags, and drops the words in them. Here only names of HTML elements, and forms that
only programs write, are tags; everything else stays in the text.
"""

from __future__ import annotations

import re

# HTML's elements, current and obsolete, and those that mail and office programs add.
_NAMES = (
    "abbr acronym address applet area article aside audio base basefont bdi bdo bgsound big blink blockquote body br "
    "button canvas caption center cite code col colgroup command content data datalist dd del details dfn dialog dir "
    "div dl dt em embed fieldset figcaption figure font footer form frame frameset g h1 h2 h3 h4 h5 h6 head header "
    "hgroup hr html iframe image img input ins isindex kbd keygen label layer legend li line link listing main map "
    "mark marquee math menu menuitem meta meter multicol nav nextid nobr noembed noframes noscript object ol optgroup "
    "option output param path picture plaintext portal pre progress rb rbc rp rt rtc ruby samp script search section "
    "select slot small source spacer span strike strong style sub summary sup svg table tbody td template textarea "
    "tfoot th thead time title tr track tt ul var video wbr xml xmp"
)


def _inside(end: str) -> str:
    """Return the pattern of a tag after its `<`. ``end``: what may replace the `>` of a tag that was cut off."""
    # All repetitions are possessive: backtracking in a cell of a megabyte would take forever.
    # A one-letter name may be a variable, as in `a<b`: it is a tag only if an attribute or the end follows.
    letters = rf"[abipqsu](?=[\s/]*+(?:>|{end})|\s[^<>=]*+=)"
    # Names with a prefix, names with a quoted attribute, and end tags are always tags: users don't write such text.
    prefixed, attributed = r"[a-z][a-z0-9]{0,2}:[a-z][\w-]*+", r"""[a-z][\w.-]*+(?=\s++[\w:.-]++\s*+=\s*+["'])"""
    name = rf"(?:(?:{letters}|{'|'.join(_NAMES.split())}|{prefixed})(?=[\s>]|/\s*+>|{end})|{attributed})"
    # A `>` inside a quoted attribute does not end the tag.
    rest = rf"""(?:(?:[^<>"']|"[^"]*"|'[^']*'){{0,4000}}+>|[^<>]*+>|[\s/]*+{end}|[^<>=]*+=[^<>]*+{end})"""
    return rf"(?:{name}{rest}|/[a-z][\w:.-]*+\s*+(?:>|{end})|!--|!doctype\b|!\[|\?xml\b)"


_NOTHING, _THE_END = r"(?!)", r"\Z"
_TAG = re.compile(f"<{_inside(_NOTHING)}", re.IGNORECASE)
_NO_TAG = re.compile(f"<(?!{_inside(_THE_END)})", re.IGNORECASE)


def has_tags(text: str) -> bool:
    """Return whether a text contains a complete tag."""
    return _TAG.search(text) is not None


def escape_non_tags(text: str) -> str:
    """Escape every `<` that starts no tag. The last tag may be cut off."""
    return _NO_TAG.sub("&lt;", text)
