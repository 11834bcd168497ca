"""The text of a cell of a web page, as a reader sees it."""

from __future__ import annotations

import re

_BLANKS = re.compile(r"[ \t\n\r\f]+")
_BLOCKS = frozenset(
    """
    address article aside blockquote center dd details div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr
    li main nav ol p section summary ul
    """.split()  # noqa: SIM905 - shorter
)
_KEPT = frozenset({"pre", "textarea", "listing", "xmp"})
_UNSEEN = frozenset({"script", "style", "template", "noscript", "head", "title"})
_NO_BREAK_SPACE = "\xa0"


class CellContent:
    """Collects the content of one cell: runs of blanks are one blank, and `<br>` and paragraphs break the line."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._kept = 0
        self._unseen = 0

    def start(self, tag: str) -> None:
        """Take the start of an element."""
        if tag == "br":
            self._break()
        elif tag in _BLOCKS:
            self._break(only_after_text=True)
        elif tag in _KEPT:
            self._break(only_after_text=True)
            self._kept += 1
        elif tag in _UNSEEN:
            self._unseen += 1

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        if tag in _BLOCKS:
            self._break(only_after_text=True)
        elif tag in _KEPT and self._kept:
            self._break(only_after_text=True)
            self._kept -= 1
        elif tag in _UNSEEN and self._unseen:
            self._unseen -= 1

    def text(self, text: str) -> None:
        """Take text."""
        if not self._unseen:
            self._line.append(text if self._kept else _BLANKS.sub(" ", text))

    def result(self) -> str:
        """Return the text; a cell with only no-break spaces is empty, as programs write them into empty cells."""
        self._break()
        text = "\n".join(self._lines).strip("\n")
        return "" if not text.strip(f" {_NO_BREAK_SPACE}") else text

    def _break(self, *, only_after_text: bool = False) -> None:
        line = "".join(self._line)
        if not self._kept:
            line = re.sub(" {2,}", " ", line).strip(" ")
        if line or not only_after_text:
            self._lines.append(line)
        self._line = []
