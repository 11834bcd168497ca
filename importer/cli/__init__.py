"""The command line: flags, questions, exit codes, printing. Nothing else prints or exits.

What takes long to load (pandas, aiohttp, SQLAlchemy) is imported by the command that needs it, so that ``--help`` and
a mistyped flag answer at once.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from importer.cli.commands import cli
from importer.errors import ImporterError
from importer.signals import raising

_BUG_EXIT_CODE = 3


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: Sequence[str]) -> int:
    """Run one command; every error becomes a message on standard error and an exit code."""
    try:
        with raising():
            code = cli.main(list(arguments), prog_name="ticket-importer", standalone_mode=False)
            sys.stdout.flush()
            return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ImporterError as error:
        _show(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is one line for the user, and a file for us
        click.echo(f"error: an unforeseen {type(error).__name__}: {error}; details are in {_details(error)}", err=True)
        return _BUG_EXIT_CODE


def _show(error: ImporterError) -> None:
    first, *others = error.lines()
    click.echo(f"error: {first}", err=True)
    for line in others:
        click.echo(line, err=True)
    if error.__cause__ is not None and type(error).__name__ == "ProgramError":
        click.echo(f"details are in {_details(error.__cause__)}", err=True)


def _details(error: BaseException) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="ticket-importer-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    return Path(name)
