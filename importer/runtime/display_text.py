"""Formats texts, sizes, durations and limits for the user."""

from __future__ import annotations

from importer.models import Rate

_TEXT_SHOWN = 400


def one_line(text: str, longest: int = _TEXT_SHOWN) -> str:
    """Return text of a server or a cell as one line of limited length that can't steer a terminal."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:longest])
    return f"{shown}…" if len(text) > longest else shown


def labelled(label: str, text: str) -> str:
    """Return a line of a plan or a summary: the label in a column of 13 characters, and the text."""
    return f"{label:<13}{text}"


def size_text(size_bytes: int) -> str:
    """Return a size in decimal units: ``5.0 MB``."""
    size = float(size_bytes)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":  # noqa: PLR2004 - decimal units
            break
        size /= 1000
    return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"


def limit_text(limit: Rate) -> str:
    """Return a limit as text: ``25 per 5 s``."""
    return f"{limit.calls:,} per {limit.period_s:g} s"


def duration(seconds: float) -> str:
    """Return a duration as text: ``45 s``, ``12 min``, ``5 h 36 min``, ``2 d 7 h``."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds, minutes, hours
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:  # noqa: PLR2004
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
