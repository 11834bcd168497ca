"""What is a tag of HTML in a cell, and what is a `<` that people wrote: `<none>`, `<Mina Meier>`, `if a<b then stop`.

To a browser all of it is tags, and words that look like one it doesn't know are lost. So only what has the name of an
element is one here; what is none of these is left to be read.
"""

from __future__ import annotations

import re

# HTML's elements, of today and of old, and what programs for mail and office write beside them.
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
    """What stands behind the `<` of a tag. ``end``: what may stand for the `>` of one that was cut off."""
    # Every repetition gives nothing back: in a cell of a megabyte, trying again at each sign would take for ever.
    # Of one letter, they are as likely to be somebody's variable: a word behind one that is no attribute tells.
    letters = rf"[abipqsu](?=[\s/]*+(?:>|{end})|\s[^<>=]*+=)"
    # Those with a prefix, with an attribute in quotes, and every end tag are some program's: nobody writes such words.
    prefixed, attributed = r"[a-z][a-z0-9]{0,2}:[a-z][\w-]*+", r"""[a-z][\w.-]*+(?=\s++[\w:.-]++\s*+=\s*+["'])"""
    name = rf"(?:(?:{letters}|{'|'.join(_NAMES.split())}|{prefixed})(?=[\s>]|/\s*+>|{end})|{attributed})"
    # The `>` may stand in quotes before.
    rest = rf"""(?:(?:[^<>"']|"[^"]*"|'[^']*'){{0,4000}}+>|[^<>]*+>|[\s/]*+{end}|[^<>=]*+=[^<>]*+{end})"""
    return rf"(?:{name}{rest}|/[a-z][\w:.-]*+\s*+(?:>|{end})|!--|!doctype\b|!\[|\?xml\b)"


_NOTHING, _THE_END = r"(?!)", r"\Z"
_TAG = re.compile(f"<{_inside(_NOTHING)}", re.IGNORECASE)
_NO_TAG = re.compile(f"<(?!{_inside(_THE_END)})", re.IGNORECASE)


def has_tags(text: str) -> bool:
    """Whether anything in a text is a whole tag."""
    return _TAG.search(text) is not None


def only_tags(text: str) -> str:
    """The text as HTML, in which nothing is a tag but what has the name of one; the last may be cut off."""
    return _NO_TAG.sub("&lt;", text)
