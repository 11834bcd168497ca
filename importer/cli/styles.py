"""Colours of the lines that a terminal shows. Files, pipes and logs get plain text."""

from __future__ import annotations

import os
import re

import click

LABEL = re.compile(r"[a-z]+(?: [a-z]+)? (?= )")  # a label as `display_text.labelled` pads it
_PROBLEM = re.compile(r"\S.* in (?:row [\d]+|[\d,]+ rows)(?=(?:: [^:()]+)? \([a-z-]+\)$)")  # the title of its kind
_COUNT = re.compile(r"([\d,]+ )(created|skipped|excluded|failed|rejected|unknown|pending)\b")
_COUNT_COLORS = {"created": "green", "skipped": "green", "pending": "yellow"}
_PREFIXES = {"error:": "red", "stopped:": "red", "hint:": "cyan", "warning": "yellow"}


def style_line(line: str) -> str:
    """Return a line of a plan, a summary or a problem list with ANSI colours."""
    for prefix, color in _PREFIXES.items():
        if line.startswith(prefix):
            return click.style(prefix, fg=color, bold=True) + line.removeprefix(prefix)
    if title := _PROBLEM.match(line):
        return click.style(title[0], fg="red") + line[title.end() :]
    if label := LABEL.match(line):
        rest = line[label.end() :]
        if label[0].strip() == "rows":
            rest = _COUNT.sub(_style_count, rest)
        return click.style(label[0], bold=True) + rest
    return line


def _style_count(count: re.Match[str]) -> str:
    return click.style(count[0], fg=_COUNT_COLORS.get(count[2], "red"))


def is_tty(stream: object) -> bool:
    """Return whether a stream is a terminal. A stream that a daemon has closed is none."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # None, where a daemon closed it
    except (AttributeError, ValueError):
        return False


def shows_color(stream: object) -> bool:
    """Return whether a stream is a terminal whose user has not switched colours off."""
    return is_tty(stream) and not os.environ.get("NO_COLOR")
