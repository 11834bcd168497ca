"""The command line: one module per command. Nothing else prints, asks or exits.

``commands`` declares all commands. Each is carried out by the module of its name, which is loaded when it is called.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from importer.cli.commands import cli
from importer.cli.json_envelope import Envelope
from importer.cli.log_setup import close_log
from importer.cli.output import accept_any_text, flush_streams, print_error, print_line
from importer.errors import ImporterError, ProgramError, UsageError, visible
from importer.runtime.signals import raising


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    code = invoke(sys.argv[1:])
    flush_streams()
    sys.exit(code)


def invoke(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Every error becomes a message on standard error."""
    accept_any_text()
    envelope = Envelope()
    try:
        with raising():
            code = cli.main(list(arguments), prog_name="ticket-importer", standalone_mode=False, obj=envelope)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        if not isinstance(error, click.exceptions.NoArgsIsHelpError):  # whose message is the help text, with its lines
            error.message = visible(error.message)  # type: ignore[misc]  # several classes of click show it
        with contextlib.suppress(OSError):
            error.show()
        return _end_with_error(arguments, envelope, UsageError(error.format_message()))
    except ImporterError as error:
        print_error(error)
        return _end_with_error(arguments, envelope, error)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug gets one line on the screen and a file
        bug = ProgramError(f"unexpected error ({type(error).__name__}): {error}")
        bug.__cause__ = error
        print_error(bug)
        return _end_with_error(arguments, envelope, bug)
    finally:
        close_log()


def _end_with_error(arguments: Sequence[str], envelope: Envelope, error: ImporterError) -> int:
    """Print the error as JSON, if JSON was asked for, and return the exit code."""
    if "--json" in arguments:
        print_line(json.dumps({**envelope.members(error=error), **error.facts}, ensure_ascii=False))
    return error.exit_code
