"""What a command prints: results on standard output; the log and errors on standard error, and in a file."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from importer.cli.json_envelope import envelope
from importer.errors import ImporterError, ProgramError, SettingsError, UsageError, visible
from importer.runtime.atomic_files import open_to_append
from importer.runtime.redaction import Redactor
from importer.settings import Environment, ledger_url

log = logging.getLogger("importer")
_DETAILS_ARE_IN = "details are in"
_TIME = "%Y-%m-%dT%H:%M:%S%z"


def say(text: str) -> None:
    """Print a line of results. Its reader may have gone, as `head` does: the exit code still tells all."""
    try:
        click.echo(visible(_redactor().text(text)))
    except OSError as error:
        _hush(sys.stdout)
        if error.errno not in (errno.EPIPE, errno.EIO):
            log.warning("standard output can't be written: %s", error.strerror)


def say_beside(line: str) -> None:
    """Print a line on standard error."""
    click.echo(visible(line), err=True)


def say_error(error: ImporterError, *, word: str = "error") -> None:
    """Print an error with its details and hint: as it is on a screen, as one entry in a file and in JSON."""
    note_bug(error)
    lines = error.lines()
    if log.handlers:
        extra = {"word": word, "lines": lines, "details": list(error.details), "hint": error.hint}
        log.error("%s", error.message, extra=extra)
        return
    with contextlib.suppress(OSError):
        click.echo(_redactor().text(_as_text(word, lines)), err=True)


def note_bug(error: ImporterError) -> None:
    """Write the traceback of a bug to a file, once, and name that file in the error's details."""
    if isinstance(error, ProgramError) and not any(each.startswith(_DETAILS_ARE_IN) for each in error.details):
        error.details = (*error.details, f"{_DETAILS_ARE_IN} {keep_traceback(error.__cause__ or error)}")


def keep_traceback(error: BaseException) -> str:
    """Write the traceback of a bug to a new file that only its owner can read, and give its name."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="ticket-importer-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_redactor().text("".join(traceback.format_exception(error))))
    except OSError as trouble:
        last = (traceback.format_tb(error.__traceback__) or ["no line is known"])[-1]
        return f"no file, as none could be written ({trouble.strerror}): {last}"
    return name


def _hush(stream: object) -> None:
    """Let what is still written to a stream that nobody reads vanish without an error."""
    with contextlib.suppress(OSError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]  # a closed or missing stream is suppressed
        os.close(nowhere)


def finish_streams() -> None:
    """Write what is left to both streams, so that Python's own attempt at its end can't change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            _hush(stream)


def write_any_text() -> None:
    """Let standard output take any text, whatever the locale: what its encoding lacks is shown by its number."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def is_terminal() -> bool:
    """Say whether a person sees standard error and can answer."""
    return _is_tty(sys.stdin) and _is_tty(sys.stderr)


def ask(question: str) -> bool:
    """Ask the person at the terminal; whoever ends the input instead of answering has said no."""
    while True:
        click.echo(f"{visible(question)} [y/N]: ", nl=False, err=True)
        _wait_for_input()
        answer = sys.stdin.readline()
        if not answer:
            click.echo(err=True)
        match answer.strip().lower():
            case "y" | "yes":
                return True
            case "n" | "no" | "":
                return False
        click.echo("Please answer y or n.", err=True)


def _wait_for_input() -> None:
    """Wait until there is a line to be read, or a signal raises.

    Python runs handlers between its own steps: a signal in the moment before it reads would wait for the next key. So
    a signal is made something to be read, too.
    """
    if os.name != "posix":  # there only sockets can be waited for
        return
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    former = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        while sys.stdin not in select.select([sys.stdin, woken], [], [])[0]:
            os.read(woken, 1)
    finally:
        signal.set_wakeup_fd(former)
        os.close(woken)
        os.close(wake)


def set_up_log(flags: Mapping[str, Any], environment: Environment, *, written: Sequence[Path | str] = ()) -> None:
    """Send the log to standard error, and to a file if one is named. Raises UsageError.

    From here on no line shows a key of ``environment``, and its warnings are logged. ``written``: what the command
    writes to without an argument that names it; the ledger is known.
    """
    close_log()
    log.addFilter(_Hiding(environment.redactor()))
    log_file: Path | None = flags["log_file"]
    handlers: list[logging.Handler] = [_Screen(sys.stderr)] if sys.stderr is not None else []
    with contextlib.suppress(SettingsError):
        written = (*written, ledger_url(flags.get("ledger"), environment))
    if log_file is not None:
        _check_log_place(log_file, [*_named_files(), *written, Path(".env")])
        try:
            handlers.append(_LogFile(log_file))
        except OSError as error:
            raise UsageError(
                f"the log {log_file} can't be written: {error.strerror}", hint="choose another place for --log-file"
            ) from error
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(_json() if flags["log_format"] == "json" else _text(handler))
        log.addHandler(handler)
    log.setLevel(logging.WARNING if flags["quiet"] else logging.DEBUG if flags["verbose"] else logging.INFO)
    log.propagate = False
    for warning in environment.warnings:
        log.warning("%s", warning)
    envelope().warnings.extend(environment.warnings)


class _Hiding(logging.Filter):
    """Takes the keys out of what is logged."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self.redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.redactor.text(record.getMessage()), ()
        for name in ("lines", "details", "hint"):
            if hasattr(record, name):
                setattr(record, name, self.redactor.value(getattr(record, name)))
        return True


def _redactor() -> Redactor:
    """What hides the keys, once the settings are read."""
    return next((each.redactor for each in log.filters if isinstance(each, _Hiding)), Redactor())


class _Screen(logging.StreamHandler[Any]):
    """Standard error, for as long as it can be written."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name is Python's
        _hush(self.stream)


def _let_go(handler: logging.Handler) -> None:
    with contextlib.suppress(OSError, ValueError):
        handler.close()


class _LogFile(logging.StreamHandler[TextIO]):
    """The file of ``--log-file``, opened without following a link. Raises OSError.

    When its disk is full, one warning says so, and the command goes on without it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(os.fdopen(open_to_append(path), "a", encoding="utf-8"))
        self._path = path

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name is Python's
        error = sys.exc_info()[1]
        log.removeHandler(self)
        _let_go(self)
        reason = getattr(error, "strerror", None) or error
        log.warning("the log %s can't be written any more: %s; the command goes on", self._path, reason)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.close()
        super().close()


def _named_files() -> Iterator[Path]:
    """The files that the command's arguments and the settings name."""
    context = click.get_current_context(silent=True)
    named = context.params.items() if context is not None else ()
    yield from (path for parameter, path in named if parameter != "log_file" and isinstance(path, Path))
    yield from (Path(file) for name, file in os.environ.items() if name.startswith("LSQ_") and name.endswith("_FILE"))


def _check_log_place(log_file: Path, others: Iterable[Path | str]) -> None:
    """Raise UsageError if the command uses this file otherwise: a log is added to what is there."""
    for other in others:
        path = other if isinstance(other, Path) else Path(other.partition("///")[2])
        beside = path.with_name(f"{path.name}.part") if path.name else path
        if _same_file(path, log_file) or _same_file(beside, log_file):
            raise UsageError(
                f"the log can't be written to {log_file}, which this command uses otherwise",
                hint="name another file for --log-file",
            )


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve() or one.samefile(other)
    except OSError:  # one of them is not there, or can't be looked at
        return False


def close_log() -> None:
    """Let go of standard error and the log file."""
    for handler in list(log.handlers):
        log.removeHandler(handler)
        _let_go(handler)
    for each in list(log.filters):
        log.removeFilter(each)
    log.setLevel(logging.NOTSET)
    log.propagate = True


class _Plain(logging.Formatter):
    """For a screen: an error comes with its details and hint, a line each."""

    def format(self, record: logging.LogRecord) -> str:
        lines = getattr(record, "lines", None)
        if lines is not None:
            return _as_text(record.__dict__["word"], lines)
        return super().format(_with_text(record, record.getMessage()))


class _Stamped(logging.Formatter):
    """For a file: everything that belongs to an entry stands in its line."""

    def format(self, record: logging.LogRecord) -> str:
        lines = getattr(record, "lines", None)
        text = record.getMessage() if lines is None else "; ".join(map(str.strip, lines))
        return super().format(_with_text(record, text))


def _text(handler: logging.Handler) -> logging.Formatter:
    stamp = "%(asctime)s %(levelname)s %(message)s"
    if isinstance(handler, _LogFile):
        return _Stamped(stamp, _TIME)
    return _Plain() if _is_tty(sys.stderr) else _Plain(stamp, _TIME)


def _with_text(record: logging.LogRecord, text: str) -> logging.LogRecord:
    return logging.makeLogRecord({**record.__dict__, "msg": visible(text), "args": ()})


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - see the package's docstring

    return JsonFormatter(
        ["asctime", "levelname", "message"],
        rename_fields={"asctime": "time", "levelname": "level"},
        reserved_attrs=["lines", "word", *logging.makeLogRecord({}).__dict__],
        datefmt=_TIME,
    )


def _as_text(word: str, lines: list[str]) -> str:
    return "\n".join([f"{word}: {lines[0]}", *lines[1:]])


def _is_tty(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # None, where a daemon closed it
    except (AttributeError, ValueError):
        return False
