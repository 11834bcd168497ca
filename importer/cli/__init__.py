"""The command line: flags, questions, exit codes, printing. Nothing else prints or exits.

What takes long to load (pandas, aiohttp, SQLAlchemy) is imported by the command that needs it, so that ``--help`` and
a mistyped flag answer at once.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from importer.cli import fields, history, resolve, schema, suggest, validate  # noqa: F401 - they add themselves to the commands
from importer.cli.commands import cli
from importer.cli.json_envelope import Envelope
from importer.cli.output import close_log, finish_streams, say, say_error, write_any_text
from importer.errors import ImporterError, ProgramError, UsageError, visible
from importer.runtime.signals import raising


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    code = invoke(sys.argv[1:])
    finish_streams()
    sys.exit(code)


def invoke(arguments: Sequence[str]) -> int:
    """Run one command; every error becomes a message on standard error and an exit code."""
    write_any_text()
    envelope = Envelope()
    try:
        with raising():
            code = cli.main(list(arguments), prog_name="ticket-importer", standalone_mode=False, obj=envelope)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.message = visible(error.message)  # type: ignore[misc]  # it is shown by several classes of click
        with contextlib.suppress(OSError):
            error.show()
        return _without_summary(arguments, envelope, UsageError(error.format_message()))
    except ImporterError as error:
        say_error(error)
        return _without_summary(arguments, envelope, error)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is a line for the user, and a file for us
        bug = ProgramError(f"unexpected error ({type(error).__name__}): {error}")
        bug.__cause__ = error
        say_error(bug)
        return _without_summary(arguments, envelope, bug)
    finally:
        close_log()


def _without_summary(arguments: Sequence[str], envelope: Envelope, error: ImporterError) -> int:
    """Let a job that reads only JSON know how a command ended that has nothing to sum up; give the code."""
    if "--json" in arguments:
        say(json.dumps({**envelope.members(error=error), **error.facts}, ensure_ascii=False))
    return error.exit_code
