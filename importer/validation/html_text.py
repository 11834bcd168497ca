"""HTML to plain text as it looks when it is read, and plain text to HTML that looks the same."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from importer.validation.expensive_html import flat_text, is_heavy
from importer.validation.html_tags import has_tags, only_tags

_LINE_END = re.compile(r"\r\n?")
_WORD_OR_BLANKS = re.compile(r"[ \t\n\f]+|[^ \t\n\f]+")
_PARAGRAPHS = re.compile(r"\n(?:[ \t]*\n)+")
_BLANK_THAT_COUNTS = re.compile(r"^ | (?= )", re.MULTILINE)

_WHOLE_PAGE = re.compile(r"\s*<(?:!|[a-zA-Z])[^<>]*>.*</?[a-zA-Z][^<>]*>\s*", re.DOTALL)
_MOST_ESCAPES = 2

_UNSEEN = frozenset({"head", "script", "style", "template", "title", "-comment", "-doctype"})
_BLOCKS = frozenset({"address", "article", "aside", "body", "center", "dd", "details", "dialog", "div", "dt"})
_BLOCKS |= {"fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "legend", "li", "main"}
_BLOCKS |= {"nav", "section", "summary", "tr"}
_APART = frozenset({"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
_LISTS = frozenset({"ol", "ul"})
_MOST_MARKS = 50  # of quotes and lists in one another: each line begins with all of them
_LINK_PARTS = 2_000  # in which a link's target is looked for; links can stand in one another
_TARGETS = ("http://", "https://", "mailto:", "tel:")


def to_text(cell: str) -> str:
    """What a reader of the HTML sees: paragraphs, line breaks, lists, quotes, cells of tables, and where links lead.

    A cell without any tag keeps its line breaks. HTML that was escaped once more (`&lt;p&gt;`) is read as HTML if all
    of the cell is. What holds nothing to be seen becomes the empty text. Of HTML that no
    parser could take in a second there are the words, in lines.
    """
    source = _LINE_END.sub("\n", cell)
    if not has_tags(source):
        source = _unescaped_page(source) or source
    if not has_tags(source):
        return _tidy(html.unescape(source))
    source = only_tags(source)
    if is_heavy(source):
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
    """HTML that was escaped as a whole, once or twice; empty if it is none: a text may speak of a tag."""
    for _ in range(_MOST_ESCAPES):
        if "&" not in source:
            break
        source = html.unescape(source)
        if _WHOLE_PAGE.fullmatch(source) and has_tags(source):
            return source
    return ""


def from_text(text: str) -> str:
    """The text as HTML: a paragraph for what blank lines set apart, ``<br>`` for other line breaks, all blanks kept."""
    lines = _LINE_END.sub("\n", text).strip("\n").replace("\t", "    ")
    escaped = _BLANK_THAT_COUNTS.sub("&nbsp;", html.escape(lines, quote=False))
    paragraphs = _PARAGRAPHS.split(escaped)
    return "".join("<p>" + paragraph.replace("\n", "<br>") + "</p>" for paragraph in paragraphs)


def _tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\u00a0", " ").split("\n")]
    return "\n".join(lines).strip("\n")


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Every node below ``root`` as it opens and as it closes; without recursion, as a page may nest at will."""
    node, depth = root, 0
    opens = True
    while True:
        if opens:
            yield node, True
            below = None if node.tag in _UNSEEN else node.first_child
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
            assert above is not None  # the root is above all others
            node, depth, opens = above, depth - 1, False


class _Page:
    """Takes nodes in the order of reading, and writes down what is seen of them.

    Line breaks and what stands before a line are owed until there is a word: so nothing is written for empty parts, and
    breaks that several parts ask for are made once.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._breaks = 0  # line ends since the last word
        self._blank = False  # whether a blank is owed before the next word
        self._cell = False  # whether the next word stands in another cell of the same row
        self._marker = ""  # of a list's item that has no word yet
        self._lists: list[int | None] = []  # for each list around: the number of its last item, if they are numbered
        self._quotes = 0
        self._verbatim = 0
        self._links: list[int] = []  # for each link around: how many parts there were before it

    def open(self, node: LexborNode) -> None:
        """Take a node's beginning; a text is all there."""
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
        """Take a node's end."""
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
