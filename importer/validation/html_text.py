"""Converts HTML to plain text as a reader sees it, and plain text to HTML that looks the same."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from importer.validation.expensive_html import flat_text, is_expensive
from importer.validation.html_tags import escape_non_tags, has_tags

_LINE_END = re.compile(r"\r\n?")
_WORD_OR_BLANKS = re.compile(r"[ \t\n\f]+|[^ \t\n\f]+")
_PARAGRAPHS = re.compile(r"\n(?:[ \t]*\n)+")
_PRESERVED_BLANK = re.compile(r"^ | (?= )", re.MULTILINE)

_WHOLE_PAGE = re.compile(r"\s*<(?:!|[a-zA-Z])[^<>]*>.*</?[a-zA-Z][^<>]*>\s*", re.DOTALL)
_MOST_ESCAPES = 2

_INVISIBLE = frozenset({"head", "script", "style", "template", "title", "-comment", "-doctype"})
_BLOCKS = frozenset({"address", "article", "aside", "body", "center", "dd", "details", "dialog", "div", "dt"})
_BLOCKS |= {"fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "legend", "li", "main"}
_BLOCKS |= {"nav", "section", "summary", "tr"}
_APART = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
_LISTS = frozenset({"ol", "ul"})
_MOST_MARKS = 50  # depth of nested quotes and lists that is shown: each line begins with all their marks
_LINK_PARTS = 2_000  # of a link's text that are compared with its target; a bound, because links can nest
_TARGETS = ("http://", "https://", "mailto:", "tel:")


def to_text(cell: str) -> str:
    """Return the visible text of HTML: paragraphs, line breaks, lists, quotes, table cells and link targets.

    A cell without tags keeps its line breaks. A cell that is escaped HTML as a whole (`&lt;p&gt;`) is unescaped first.
    HTML without visible text gives an empty text. HTML that is too expensive for a parser gives its words, in lines.
    """
    source = _LINE_END.sub("\n", cell)
    if not has_tags(source):
        source = _unescaped_page(source) or source
    if not has_tags(source):
        return _tidy(html.unescape(source))
    source = escape_non_tags(source)
    if is_expensive(source):
        return flat_text(source)
    tree = LexborHTMLParser(source)
    page = _Page()
    if tree.body is not None:
        for node, opens in _walk(tree.body):
            if opens:
                page.open(node)
            else:
                page.close(node)
    return _tidy("".join(page.parts))


def _unescaped_page(source: str) -> str:
    """Return HTML that was escaped as a whole, once or twice; empty if only a part of the text is escaped HTML."""
    for _ in range(_MOST_ESCAPES):
        if "&" not in source:
            break
        source = html.unescape(source)
        if _WHOLE_PAGE.fullmatch(source) and has_tags(source):
            return source
    return ""


def from_text(text: str) -> str:
    """Return text as HTML: blank lines separate paragraphs, other line breaks are ``<br>``, blanks are kept."""
    lines = _LINE_END.sub("\n", text).strip("\n").replace("\t", "    ")
    escaped = _PRESERVED_BLANK.sub("&nbsp;", html.escape(lines, quote=False))
    paragraphs = _PARAGRAPHS.split(escaped)
    return "".join("<p>" + paragraph.replace("\n", "<br>") + "</p>" for paragraph in paragraphs)


def _tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\u00a0", " ").split("\n")]
    return "\n".join(lines).strip("\n")


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Yield every node below ``root`` when it opens and when it closes; not recursive, for any depth."""
    node, depth = root, 0
    opens = True
    while True:
        if opens:
            yield node, True
            below = None if node.tag in _INVISIBLE else node.first_child
            if below is not None:
                node, depth = below, depth + 1
                continue
        yield node, False
        if depth == 0:
            return
        after = node.next
        if after is not None:
            node, opens = after, True
        else:
            above = node.parent
            assert above is not None  # every node below the root has a parent
            node, depth, opens = above, depth - 1, False


class _Page:
    """Collects the text of nodes in document order.

    Line breaks and line prefixes are written only when the next word comes. So empty elements leave no trace, and
    breaks that several elements ask for appear once.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._breaks = 0  # line breaks to write before the next word
        self._blank = False  # whether to write a blank before the next word
        self._cell = False  # whether the next word starts another cell of the same row
        self._marker = ""  # of a list item that has no word yet
        self._lists: list[int | None] = []  # open lists: the number of the last item; None for lists without numbers
        self._quotes = 0
        self._verbatim = 0
        self._links: list[int] = []  # open links: the number of parts before each

    def open(self, node: LexborNode) -> None:
        """Add the start of a node, or a whole text node."""
        match node.tag:
            case "-text":
                self._text(node.text_content or "")
            case "br":
                self._breaks += 1
                self._blank = False
            case "img":
                self._text(node.attributes.get("alt") or "")
            case "a":
                self._links.append(len(self.parts))
            case "td" | "th":
                self._cell = bool(self.parts) and not self._breaks
            case tag:
                self._begin(tag or "")

    def close(self, node: LexborNode) -> None:
        """Add the end of a node."""
        tag = node.tag or ""
        if tag == "a":
            self._end_link(node.attributes.get("href") or "")
        elif tag in _LISTS:
            self._lists.pop()
        elif tag == "blockquote":
            self._break(2)
            self._quotes -= 1
        elif tag == "pre":
            self._verbatim -= 1
        self._block(tag)

    def _begin(self, tag: str) -> None:
        self._block(tag)
        if tag in _LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._marker = "- "
            if self._lists and (number := self._lists[-1]) is not None:
                self._lists[-1] = number + 1
                self._marker = f"{number + 1}. "
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._verbatim += 1

    def _block(self, tag: str) -> None:
        if tag in _APART and not (tag in _LISTS and len(self._lists) > 0):
            self._break(2)
        elif tag in _BLOCKS or tag in _LISTS:
            self._break(1)

    def _break(self, breaks: int) -> None:
        self._breaks = max(self._breaks, breaks)
        self._blank = False

    def _end_link(self, target: str) -> None:
        target = target.strip()
        begins = self._links.pop()
        shown = "".join(self.parts[begins : begins + _LINK_PARTS])
        if target.lower().startswith(_TARGETS) and target.partition(":")[2].strip("/") not in shown:
            self._blank = True
            self._words(f"({target})")

    def _text(self, text: str) -> None:
        if self._verbatim:
            first, *others = text.split("\n")
            self._words(first)
            for line in others:
                self._breaks += 1
                self._words(line)
            return
        for word in _WORD_OR_BLANKS.findall(text):
            if word[0] in " \t\n\f":
                self._blank = True
            else:
                self._words(word)

    def _words(self, words: str) -> None:
        if not words:
            return
        if self.parts and not self._breaks:
            self.parts.append(" | " if self._cell else " " if self._blank else "")
        else:
            self.parts.append("\n" * self._breaks if self.parts else "")
            self.parts.append("> " * min(self._quotes, _MOST_MARKS) + self._margin())
        self.parts.append(words)
        self._breaks, self._blank, self._cell = 0, False, False

    def _margin(self) -> str:
        depth = len(self._lists) - 1 if self._marker else len(self._lists)
        margin = "  " * min(depth, _MOST_MARKS) + self._marker
        self._marker = ""
        return margin
