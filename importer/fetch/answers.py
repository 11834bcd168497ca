"""What the answer of a web server says: the file's name, whether it is a login page, how it is compressed. Pure."""

from __future__ import annotations

import contextlib
import re
import urllib.parse

_HTML_ENDINGS = frozenset({"htm", "html", "xhtml", "xht", "shtml", "mht", "mhtml"})
# Files that may begin like a page although the server calls them something else.
_TEXT_ENDINGS = _HTML_ENDINGS | {
    "txt",
    "text",
    "md",
    "xml",
    "svg",
    "eml",
    "msg",
    "log",
    "php",
    "asp",
    "aspx",
    "jsp",
    "js",
}
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,500}?-->\s*|<\?xml[^>]{0,200}\?>\s*)*<(?:!doctype\s+html|html[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_EXTENDED = re.compile(r"filename\*\s*=\s*([\w-]+)'[^']*'([^;\s]+)", re.IGNORECASE)
_PLAIN = re.compile(r'filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]+))', re.IGNORECASE)
_COMPRESSED_ENDINGS = frozenset({"gz", "tgz", "svgz", "emz", "wmz"})
_BYTES = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

PAGE_BYTES = 1_000  # of a body, enough for `looks_like_page`


def header_name(content_disposition: str | None) -> str:
    """Return the file name of a Content-Disposition header; empty if it has none."""
    if content_disposition is None:
        return ""
    if extended := _EXTENDED.search(content_disposition):
        with contextlib.suppress(LookupError, UnicodeDecodeError):
            return urllib.parse.unquote(extended[2], encoding=extended[1], errors="strict")
    if plain := _PLAIN.search(content_disposition):
        quoted = plain[1]
        name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain[2].strip()
        return _as_utf8(name)
    return ""


def _as_utf8(name: str) -> str:
    """Many servers send UTF-8 although the header's encoding is Latin-1."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


def ending(name: str) -> str:
    """Return the ending of a name in lower case, without the dot."""
    stem, _, last = name.rpartition(".")
    return last.lower() if stem else ""


def is_html_type(content_type: str) -> bool:
    """Return whether a Content-Type header says that the body is a page."""
    return content_type.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")


def is_wrong_page(name: str, *, is_html: bool, start: bytes) -> bool:
    """Return whether a body is a page where the name says otherwise, such as a login page instead of a picture.

    ``name``: empty if nothing says a name. ``is_html``: the header says that it is a page. ``start``: its first bytes.
    """
    its_ending = ending(name)
    if its_ending in _HTML_ENDINGS:
        return False
    return is_html or (its_ending not in _TEXT_ENDINGS and _PAGE.match(start) is not None)


def keeps_compression(name: str) -> bool:
    """Return whether a compressed answer is the file itself: some servers mark `logs.gz` as compressed text."""
    return ending(name) in _COMPRESSED_ENDINGS


def content_range(header: str | None) -> tuple[int, int | None] | None:
    """Return the first byte and the total length (if known) of a Content-Range header."""
    found = _BYTES.fullmatch(header.strip()) if header is not None else None
    if found is None:
        return None
    return int(found[1]), None if found[3] == "*" else int(found[3])
