"""Text from anywhere as people may see it: on one line, without what steers a terminal, not endless."""

from __future__ import annotations

_TEXT_SHOWN = 400


def one_line(text: str, longest: int = _TEXT_SHOWN) -> str:
    """Text of a server or a cell as one line that can't steer a terminal, and that ends somewhere."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:longest])
    return f"{shown}…" if len(text) > longest else shown


def labelled(label: str, text: str) -> str:
    """Return a line of a plan or a summary: the label in a column of 13 characters, and the text."""
    return f"{label:<13}{text}"


def size_text(size_bytes: int) -> str:
    """A size in decimal units: ``5.0 MB``."""
    size = float(size_bytes)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":  # noqa: PLR2004 - decimal units
            break
        size /= 1000
    return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
