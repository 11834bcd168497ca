"""Sends the log to standard error and to ``--log-file``, as text or JSON."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from importer.cli.ending import command_run
from importer.cli.output import RedactingFilter, discard_output, error_text, log
from importer.cli.styles import for_stream, is_tty
from importer.errors import SettingsError, UsageError, visible
from importer.runtime.atomic_files import open_to_append
from importer.runtime.events import Warned
from importer.runtime.ledger_address import has_password
from importer.settings import Environment, ledger_url

_TIME = "%Y-%m-%dT%H:%M:%S%z"


def set_up_log(flags: Mapping[str, Any], environment: Environment, *, written: Sequence[Path | str] = ()) -> None:
    """Send the log to standard error, and to the file of ``--log-file``. Raises UsageError.

    Later lines hide the keys of ``environment``, and its warnings are logged. ``written``: files that the command
    writes although no argument names them; the log must not go there. The ledger is added to them.
    """
    close_log()
    log.addFilter(RedactingFilter(environment.redactor(flags.get("ledger"))))
    log_file: Path | None = flags["log_file"]
    handlers: list[logging.Handler] = [_StderrHandler(sys.stderr)] if sys.stderr is not None else []
    with contextlib.suppress(SettingsError):
        written = (*written, ledger_url(flags.get("ledger"), environment))
    if log_file is not None:
        _check_log_file(log_file, [*_named_files(), *written, Path(".env")])
        try:
            handlers.append(_LogFileHandler(log_file))
        except OSError as error:
            raise UsageError(
                f"the log {log_file} can't be written: {error.strerror}", hint="choose another file for --log-file"
            ) from error
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(_json_formatter() if flags["log_format"] == "json" else _text_formatter(handler))
        log.addHandler(handler)
    log.setLevel(logging.WARNING if flags["quiet"] else logging.DEBUG if flags["verbose"] else logging.INFO)
    log.propagate = False
    if has_password(flags.get("ledger") or ""):
        environment.warnings.append(
            "other users of this machine can see the password in --ledger while the command runs: use LSQ_LEDGER, "
            "LSQ_LEDGER_FILE or libpq's PGPASSFILE"
        )
    for warning in environment.warnings:
        log.warning("%s", warning)
        command_run().listen(Warned(warning))


def close_log() -> None:
    """Remove and close the log's handlers and filters."""
    for handler in list(log.handlers):
        log.removeHandler(handler)
        _close(handler)
    for each in list(log.filters):
        log.removeFilter(each)
    log.setLevel(logging.NOTSET)
    log.propagate = True


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to standard error until it can't be written any more."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; as text not the end of a command that standard output shows in words, not as JSON."""
        is_shown = hasattr(record, "summary") and not command_run().as_json
        if not (is_shown and isinstance(self.formatter, _ScreenFormatter)):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name is Python's
        discard_output(self.stream)


class _LogFileHandler(logging.StreamHandler[TextIO]):
    """Appends to the file of ``--log-file``, opened without following a link. Raises OSError.

    If its disk is full, it logs one warning and removes itself; the command goes on.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(os.fdopen(open_to_append(path), "a", encoding="utf-8"))
        self._path = path

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name is Python's
        error = sys.exc_info()[1]
        log.removeHandler(self)
        _close(self)
        reason = getattr(error, "strerror", None) or error
        log.warning("the log %s can't be written any more: %s; the command goes on", self._path, reason)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.close()
        super().close()


def _close(handler: logging.Handler) -> None:
    with contextlib.suppress(OSError, ValueError):
        handler.close()


# -- where a log may be written -------------------------------------------------------------------------------------


def _named_files() -> Iterator[Path]:
    """Yield the files that the command's arguments and the settings name."""
    context = click.get_current_context(silent=True)
    named = context.params.items() if context is not None else ()
    yield from (path for parameter, path in named if parameter != "log_file" and isinstance(path, Path))
    yield from (Path(file) for name, file in os.environ.items() if name.startswith("LSQ_") and name.endswith("_FILE"))


def _check_log_file(log_file: Path, others: Iterable[Path | str]) -> None:
    """Raise UsageError if the log would be appended to a file that the command reads or writes."""
    for other in others:
        path = other if isinstance(other, Path) else Path(other.partition("///")[2])
        part_file = path.with_name(f"{path.name}.part") if path.name else path
        if _is_same_file(path, log_file) or _is_same_file(part_file, log_file):
            raise UsageError(
                f"can't write the log to {log_file}: this command reads or writes that file itself",
                hint="choose another file for --log-file",
            )


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve() or one.samefile(other)
    except OSError:  # one of them does not exist or is not readable
        return False


# -- formats --------------------------------------------------------------------------------------------------------


class _ScreenFormatter(logging.Formatter):
    """Formats an error as several lines: its message, details and hint."""

    def __init__(self, stamp: str | None = None) -> None:
        super().__init__(stamp, _TIME)

    def format(self, record: logging.LogRecord) -> str:
        if (lines := getattr(record, "lines", None)) is not None:
            text = error_text(record.__dict__["word"], lines)
        elif (lines := getattr(record, "screen", None)) is not None and not self.usesTime():
            text = "\n".join(map(visible, lines))
        else:
            text = super().format(_with_text(record, record.getMessage()))
            if record.levelno == logging.WARNING and not self.usesTime():  # elsewhere the stamp has the level
                text = f"warning: {text}"
        return "\n".join(for_stream(line, sys.stderr) for line in text.split("\n"))


class _FileFormatter(logging.Formatter):
    """Formats every entry as one line, an error with its details and hint too."""

    def format(self, record: logging.LogRecord) -> str:
        lines = getattr(record, "lines", None)
        text = record.getMessage() if lines is None else "; ".join(map(str.strip, lines))
        return super().format(_with_text(record, text))


def _text_formatter(handler: logging.Handler) -> logging.Formatter:
    stamp = "%(asctime)s %(levelname)s %(message)s"
    if isinstance(handler, _LogFileHandler):
        return _FileFormatter(stamp, _TIME)
    return _ScreenFormatter() if is_tty(sys.stderr) else _ScreenFormatter(stamp)


def _json_formatter() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - rarely needed

    class Formatter(JsonFormatter):
        def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
            """Make the members of a summary fields of its record."""
            summary = log_data.pop("summary", {})
            return super().process_log_record({**log_data, **summary})

    return Formatter(
        ["asctime", "levelname", "message"],
        rename_fields={"asctime": "time", "levelname": "level"},
        reserved_attrs=["lines", "screen", "word", *logging.makeLogRecord({}).__dict__],
        datefmt=_TIME,
    )


def _with_text(record: logging.LogRecord, text: str) -> logging.LogRecord:
    return logging.makeLogRecord({**record.__dict__, "msg": visible(text), "args": ()})
