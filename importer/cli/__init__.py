"""The command line: one module per command. Nothing else prints, asks or exits.

``commands`` declares all commands. Each is carried out by the module of its name, which is loaded when it is called.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from importer.cli.commands import cli
from importer.cli.ending import CommandRun
from importer.cli.log_setup import close_log
from importer.cli.output import accept_any_text, flush_streams
from importer.runtime.signals import raising


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    code = invoke(sys.argv[1:])
    flush_streams()
    sys.exit(code)


def invoke(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Every error becomes a message on standard error."""
    accept_any_text()
    command = CommandRun(as_json="--json" in arguments)
    try:
        with raising():
            code = cli.main(list(arguments), prog_name="ticket-importer", standalone_mode=False, obj=command)
        return code if isinstance(code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last resort: a bug gets one line on the screen and a file
        return command.fail(error)
    finally:
        close_log()
