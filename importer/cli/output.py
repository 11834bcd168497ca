"""Prints lines on standard output and standard error, with the keys hidden."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import sys
from collections.abc import Iterable

import click

from importer.cli.styles import LABEL_COLUMN, for_stream
from importer.errors import visible
from importer.runtime.redaction import Redactor

log = logging.getLogger("importer")


def print_line(text: str) -> None:
    """Print a line on standard output.

    A reader that has gone, such as `head`, is no error: the exit code still says how the command ended.
    """
    _print(visible(redactor().text(text)))


def print_report(lines: Iterable[str]) -> None:
    """Print lines of a plan, a summary or a problem list on standard output, with colours on a terminal."""
    for line in lines:
        _print(for_stream(visible(redactor().text(line)), sys.stdout))


def _print(text: str) -> None:
    try:
        click.echo(text)
    except OSError as error:
        discard_output(sys.stdout)
        if error.errno not in (errno.EPIPE, errno.EIO):
            log.warning("can't write to standard output: %s", error.strerror)


def print_to_stderr(line: str) -> None:
    """Print a line of a plan or an error on standard error, with colours on a terminal."""
    click.echo(for_stream(visible(redactor().text(line)), sys.stderr), err=True)


def show_lines(level: int, lines: Iterable[str], *, even_if_quiet: bool = False) -> None:
    """Log lines of a plan: as they are on a terminal, elsewhere as sentences without the layout of a screen.

    A line that begins with a blank belongs to the line above it. With ``even_if_quiet``, lines that ``--quiet`` hides
    are printed: the user is asked about them.
    """
    groups: list[list[str]] = []
    for line in lines:
        if groups and line.startswith(" "):
            groups[-1].append(line)
        else:
            groups.append([line])
    for group in groups:
        if log.isEnabledFor(level):
            first = _without_layout(group[0]).removeprefix("warning: ")  # the level says it
            text = "; ".join([first, *map(str.strip, group[1:])]).replace(":; ", ": ")
            log.log(level, "%s", text, extra={"screen": group})
        elif even_if_quiet:
            for line in group:
                print_to_stderr(line)


def _without_layout(line: str) -> str:
    label = LABEL_COLUMN.match(line)
    return f"{label[0].strip()}: {line[label.end() :]}" if label else line


def error_text(word: str, lines: list[str]) -> str:
    """Return an error's lines as one text that begins with ``word``."""
    return "\n".join([f"{word}: {lines[0]}", *lines[1:]])


def discard_output(stream: object) -> None:
    """Redirect a stream that can't be written to the null device, so that later writes don't fail."""
    with contextlib.suppress(OSError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]  # a closed or missing stream is suppressed
        os.close(nowhere)


def flush_streams() -> None:
    """Flush both streams, so that a failing flush at Python's exit can't change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            discard_output(stream)


def accept_any_text() -> None:
    """Let standard output take any text: characters that its encoding lacks are printed as escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class RedactingFilter(logging.Filter):
    """Hides the keys in log records."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self.redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record's message, details and hint."""
        record.msg, record.args = self.redactor.text(record.getMessage()), ()
        for name in ("lines", "screen", "details", "hint", "summary"):
            if hasattr(record, name):
                setattr(record, name, self.redactor.value(getattr(record, name)))
        return True


def redactor() -> Redactor:
    """Return the redactor of the settings, or one that hides nothing before they are read."""
    return next((each.redactor for each in log.filters if isinstance(each, RedactingFilter)), Redactor())


def hide(more: Redactor) -> None:
    """Hide more secrets in all lines from now on, beside those of the settings."""
    both = redactor().joined(more)
    for each in log.filters:
        if isinstance(each, RedactingFilter):
            each.redactor = both
            return
    log.addFilter(RedactingFilter(both))
