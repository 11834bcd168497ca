"""Paths to the rows of nested manifests: names with dots in JSON, names with slashes in XML."""

from __future__ import annotations

import json
import re

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH_NAME = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)|("(?:[^"\\]|\\.)+")')
_XML_NAME = r"[^\W\d][\w:-]*(?:\.[\w:-]+)*"
_XML_PATH = re.compile(rf"{_XML_NAME}(?:/{_XML_NAME})*")


def shown_path(path: tuple[str, ...]) -> str:
    """Return names as a path, which is a JMESPath expression."""
    return ".".join(name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in path)


def plain_path(expression: str) -> tuple[str, ...] | None:
    """Return the names of an expression that is names with dots between; None for any other expression."""
    names: list[str] = []
    at = 0
    text = expression.strip()
    while found := _PATH_NAME.match(text, at):
        try:
            names.append(found[1] or json.loads(found[2]))
        except ValueError:
            return None
        at = found.end()
        if at == len(text):
            return tuple(names)
        if text[at] != ".":
            return None
        at += 1
    return None


def xml_path(text: str) -> tuple[str, ...] | None:
    """Return the names of a path such as `tickets/ticket`; None if it is none."""
    return tuple(text.strip().split("/")) if _XML_PATH.fullmatch(text.strip()) else None
