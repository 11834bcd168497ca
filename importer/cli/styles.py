"""Colours and breaks of the lines that a terminal shows. Files, pipes and logs get each line as it is."""

from __future__ import annotations

import os
import re
import sys
import textwrap

import click

_LABEL = re.compile(r"[a-z]+(?: [a-z]+)? (?= )")  # a label as `display_text.labelled` pads it
_PROBLEM = re.compile(r"\S.* in (?:row [\d]+|[\d,]+ rows)(?=(?:: [^:()]+)? \([a-z-]+\)$)")  # the title of its kind
LABEL_COLUMN = re.compile(r"(?=.{12} \S)(?:[a-z]+(?: [a-z]+)?)? +(?<=^.{13})(?=\S)")  # also without a label
_HANGING = 4
_COUNT = re.compile(r"([\d,]+ )(created|skipped|excluded|failed|rejected|unknown|pending)\b")
_COUNT_COLORS = {"created": "green", "skipped": "green", "pending": "yellow"}
_PREFIXES = {"error:": "red", "stopped:": "red", "hint:": "cyan", "warning": "yellow"}


def for_stream(line: str, stream: object) -> str:
    """Return a line as a stream gets it: for a terminal, wrapped between words, and coloured unless NO_COLOR is set."""
    if not is_tty(stream):
        return line
    first, *rest = wrapped(line, screen_width(stream)) or [""]
    return "\n".join([style_line(first if rest else line) if shows_color(stream) else first, *rest])


def wrapped(line: str, width: int) -> list[str]:
    """Break a line between words; its later parts are below its text.

    Commands to copy are not broken, and lines of YAML are too deep for it.
    """
    label = LABEL_COLUMN.match(line)
    start = len(label[0]) if label else len(line) - len(line.lstrip())
    is_command = line[start:].startswith("ticket-importer ")
    if len(line) <= width or is_command or (start > _HANGING and not label):
        return [line]
    return textwrap.wrap(
        line[start:], width, initial_indent=line[:start], subsequent_indent=" " * (start or _HANGING),
        break_long_words=False, break_on_hyphens=False, replace_whitespace=False, expand_tabs=False,
    )  # fmt: skip


def screen_width(stream: object) -> int:
    """Return how many characters a line of a terminal has; no bound for other streams."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or sys.maxsize  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return sys.maxsize


def style_line(line: str) -> str:
    """Return a line of a plan, a summary or a problem list with ANSI colours."""
    for prefix, color in _PREFIXES.items():
        if line.startswith(prefix):
            return click.style(prefix, fg=color, bold=True) + line.removeprefix(prefix)
    if title := _PROBLEM.match(line):
        return click.style(title[0], fg="red") + line[title.end() :]
    if label := _LABEL.match(line):
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
