"""Tells apart the kinds of text with tags in angle brackets."""

from __future__ import annotations

import enum
import re

_HTML_TAGS = (
    rb"html|head|body|meta|style|script|title|base|link|table|caption|colgroup|thead|tbody|tr|td|th|div|span|p|br|hr|"
    rb"center|font|form|h[1-6]|ul|ol|pre|img|a|b|i|big|small"
)
_HTML = re.compile(rb"<!doctype\s+html|<(?:" + _HTML_TAGS + rb")(?:\s[^<>]*+)?/?>", re.IGNORECASE)
_XML = re.compile(
    rb"<\?xml\s|<!DOCTYPE\s|<[A-Za-z_][\w.:-]*+\s[^<>]*?\bxmlns|"
    rb"<[A-Za-z_][\w.:-]*+(?:\s[^<>]*?)?(?:/>\s*+\Z|>\s*<[A-Za-z_/!])|<([A-Za-z_][\w.:-]*+)>[^<]*</\1>\s*+\Z"
)
_COMMENTS = re.compile(rb"\s*+(?:<!--.*?-->\s*+)++", re.DOTALL)
# The header of some programs: <TICKER>,<DATE>
_BRACKETED_HEADER = re.compile(rb"<[^<>\r\n]*+>[ \t]*+[,;\t|]")
_TABLE_TAG = re.compile(rb"<table[\s>]", re.IGNORECASE)
_PASSWORD = re.compile(rb"<input[^>]*?\stype\s*=\s*[\"']?password", re.IGNORECASE)


class Markup(enum.Enum):
    """Kinds of markup."""

    WEB_TABLE = enum.auto()
    WEB_PAGE = enum.auto()  # without a table, or with a login
    XML_WORKBOOK = enum.auto()
    FLAT_DOCUMENT = enum.auto()
    XML = enum.auto()


def markup_kind(start: bytes) -> Markup | None:
    """Return the kind of markup; None for other texts, also tables whose header has names in angle brackets.

    ``start``: the beginning of the text, without byte order marks, leading blanks and NULs.
    """
    comments = _COMMENTS.match(start)
    inside = start[comments.end() :] if comments else start
    if not inside.startswith(b"<") or _BRACKETED_HEADER.match(inside):
        return Markup.WEB_PAGE if comments and not inside else None
    if b"urn:oasis:names:tc:opendocument" in start:
        return Markup.FLAT_DOCUMENT
    if _HTML.match(inside) or (_XML.match(inside) and re.search(rb"<html[\s>]", inside, re.IGNORECASE)):
        return Markup.WEB_TABLE if _TABLE_TAG.search(inside) and not _PASSWORD.search(inside) else Markup.WEB_PAGE
    if b"urn:schemas-microsoft-com:office:spreadsheet" in start:
        return Markup.XML_WORKBOOK
    return Markup.XML if _XML.match(inside) else None
