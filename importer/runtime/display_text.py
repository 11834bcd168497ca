"""Formats texts, sizes, durations and limits for the user."""

from __future__ import annotations

from importer.models import Rate

_TEXT_SHOWN = 400
_MINUTES_ALONE = 10  # from here on, seconds don't matter


def one_line(text: str, longest: int = _TEXT_SHOWN) -> str:
    """Return text of a server or a cell as one line of limited length that can't steer a terminal."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:longest])
    return f"{shown}…" if len(text) > longest else shown


def counted(number: int, what: str) -> str:
    """Return a number with its noun: ``1 row``, ``1,200 rows``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


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
    """Return a duration as text: ``45 s``, ``1 min 19 s``, ``12 min``, ``5 h 36 min``, ``2 d 7 h``.

    What is less than the smaller unit is left out, so that "at least" is true.
    """
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    if not minutes:
        return f"{rest_s} s"
    if minutes < _MINUTES_ALONE:
        return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"
    if not hours:
        return f"{minutes} min"
    if hours < 24:  # noqa: PLR2004
        return f"{hours} h {rest_min} min" if rest_min else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def least_duration(seconds: float) -> str:
    """Return the least duration of calls that take ``seconds`` from the first to the last."""
    return f"at least {duration(seconds)}" if seconds >= 1 else "a few seconds"


def age_text(rows: int, oldest_s: float | None) -> str:
    """Return the age of the oldest of some rows, to follow their state; empty below a minute, or if it is not known."""
    if oldest_s is None or oldest_s < 60:  # noqa: PLR2004 - a minute
        return ""
    return f" for {duration(oldest_s)}" if rows == 1 else f" (the oldest for {duration(oldest_s)})"
