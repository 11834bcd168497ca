"""The one end of every command: its result or its error becomes output, JSON, a log record and an exit code."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click

from importer.cli.on_failure import run_on_failure
from importer.cli.output import error_text, log, print_line, print_report, print_to_stderr, redactor
from importer.cli.typed_command import TypedCommand
from importer.errors import ImporterError, ProgramError, UsageError, as_ending, visible
from importer.runtime.events import CallEnded, Checked, Event, RunStarted, Warned


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a command ended.

    ``data``: the members of its JSON object. ``lines``: its report, ``text``: lines below it, without colours, and
    ``last_lines``: the lines below these. ``rows``: the last member of the JSON object, an object each; there may be
    hundreds of thousands.
    ``error``: why the command stopped early; it decides the exit code. ``log_text``: the result in a line of the log.
    """

    exit_code: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    rows: Iterable[Mapping[str, Any]] | None = None
    lines: Iterable[str] = ()
    text: Iterable[str] = ()
    last_lines: Iterable[str] = ()
    error: ImporterError | None = None
    log_text: str = ""


class CommandRun:
    """The command that runs: when it started, its warnings so far, and how it ends."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.typed = TypedCommand()
        self._started_at = datetime.now(UTC)
        self._started_s = time.monotonic()
        self._warnings: dict[str, None] = {}  # in their order, each once
        self._run: dict[str, Any] = {}  # the members that a run has even if it fails

    def listen(self, event: Event) -> None:
        """Collect warnings, and the facts of a run, for JSON."""
        match event:
            case Warned(text):
                self._warnings[text] = None
            case Checked():
                self._warnings |= dict.fromkeys(event.warnings)
            case RunStarted(run, account):
                self._run = {"run": run, "account": account, "calls": 0}
            case CallEnded() if self._run:
                self._run["calls"] += 1

    def end(self, ending: Ending) -> int:
        """Print how the command ended, and return its exit code."""
        if ending.error is not None:
            name_bug_file(ending.error)
        members = self._all_members(ending)
        if self.as_json:
            _print_json(members, ending.rows)
        else:
            print_report(ending.lines)
            for line in ending.text:
                print_line(line)
            print_report(ending.last_lines)
        if ending.error is not None:
            _print_error(ending.error, word="stopped" if ending.data else "error")
        return self._ended(members, ending.log_text)

    def fail(self, error: Exception) -> int:
        """Print why the command failed, and return its exit code."""
        if isinstance(error, click.ClickException):
            if not isinstance(error, click.exceptions.NoArgsIsHelpError):  # its message is the help text
                error.message = visible(error.message)  # type: ignore[misc]  # several classes of click show it
            with contextlib.suppress(OSError):
                error.show()
            members = self._all_members(Ending(error=UsageError(error.format_message())))
            if self.as_json:
                _print_json(members, None)
            return self._ended(members)
        return self.end(Ending(error=error if isinstance(error, ImporterError) else as_ending(error)))

    def members(self, ending: Ending) -> dict[str, Any]:
        """Return the members that every JSON object has."""
        error = ending.error
        return {
            "run": None,
            "account": None,
            "started_at": _iso(self._started_at),
            "finished_at": _iso(datetime.now(UTC)),
            "seconds": round(time.monotonic() - self._started_s, 3),
            "exit_code": ending.exit_code if error is None else error.exit_code,
            **error_members(error),
            "warnings": list(self._warnings),
        }

    def _all_members(self, ending: Ending) -> dict[str, Any]:
        return {**self.members(ending), **self._run, **ending.data}

    def _ended(self, members: dict[str, Any], log_text: str = "") -> int:
        """Log the members of the JSON object, run the command of ``--on-failure``, and return the exit code."""
        code: int = members["exit_code"]
        if log.handlers:
            log.log(
                logging.WARNING if code and log_text else logging.INFO,
                "%s",
                f"ended with exit code {code}{log_text and f': {log_text}'}",
                extra={"summary": members},
            )
        if code and (on_failure := self.typed.value("--on-failure")):
            run_on_failure(on_failure, redactor().text(json.dumps(members, ensure_ascii=False)))
        return code


def command_run(context: click.Context | None = None) -> CommandRun:
    """Return the command that runs."""
    context = context or click.get_current_context(silent=True)
    found = context.find_object(CommandRun) if context is not None else None
    return found if found is not None else CommandRun()


def _print_json(members: Mapping[str, Any], rows: Iterable[Mapping[str, Any]] | None) -> None:
    """Print one JSON object; its rows in pieces, as there may be many."""
    text = json.dumps(members, ensure_ascii=False)
    if rows is None:
        print_line(text)
        return
    print_line(f'{text[:-1]}, "rows": [')
    separator = ""
    for row in rows:
        print_line(f"{separator}{json.dumps(row, ensure_ascii=False)}")
        separator = ","
    print_line("]}")


def _print_error(error: ImporterError, *, word: str) -> None:
    """Print an error with its details and hint: several lines on a screen, one entry in a log file or in JSON."""
    lines = error.lines()
    if log.handlers:
        extra = {"word": word, "lines": lines, "details": list(error.details), "hint": error.hint}
        log.error("%s", error.message, extra=extra)
        return
    with contextlib.suppress(OSError):
        for line in error_text(word, lines).split("\n"):
            print_to_stderr(line)


def error_members(error: ImporterError | None) -> dict[str, Any]:
    """Return the members of a JSON object that say why something stopped early."""
    if error is None:
        return {"stopped": None, "details": [], "hint": None}
    return {"stopped": error.message, "details": list(error.details), "hint": error.hint or None}


def name_bug_file(error: ImporterError) -> None:
    """Write the traceback of a bug to a file, and name that file in the error's details."""
    if isinstance(error, ProgramError):
        error.details = (*error.details, f"details are in {_write_traceback(error.__cause__ or error)}")


def _write_traceback(error: BaseException) -> str:
    """Write a traceback to a new file that only its owner can read, and return the file's name."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="ticket-importer-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(redactor().text("".join(traceback.format_exception(error))))
    except OSError as problem:
        last = (traceback.format_tb(error.__traceback__) or ["no line is known"])[-1]
        return f"no file, as none could be written ({problem.strerror}): {last}"
    return name


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
