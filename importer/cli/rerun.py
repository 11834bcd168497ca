"""`rerun`: sends the rows of a results file that did not become tickets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from importer.cli import options
from importer.errors import UsageError
from importer.models import Status
from importer.runtime.garbage_collection import paused

_STATES = (Status.FAILED, Status.REJECTED, Status.PENDING, Status.UNKNOWN, Status.UNDONE)


@click.command()
@click.argument("results_file", metavar="RESULTS", type=options.PATH)
@click.option(
    "--only",
    default="failed,rejected,pending",
    show_default=True,
    metavar="STATES",
    help="Send the rows in these states. `unknown` needs --on-unknown retry.",
)
@click.option(
    "--manifest",
    "original",
    type=options.PATH,
    help="The manifest of RESULTS, to find cells that a spreadsheet changed.  [default: from the ledger]",
)
@click.option("--accept-edits", is_flag=True, help="Send cells that a spreadsheet changed as they are.")
@click.option("--allow-missing", is_flag=True, help="Go on although RESULTS lacks rows of the manifest.")
@options.sending
def rerun(results_file: Path, only: str, **flags: Any) -> int:
    """Send the rows of a results file that are not tickets yet.

    Correct the failed and rejected rows in RESULTS first. Rows that are tickets stay as they are.
    """
    with paused():
        from importer.cli.importing import import_tickets

    names = [name.strip() for name in only.split(",")]
    if wrong := [name for name in names if name not in _STATES]:
        raise UsageError(f"--only: {', '.join(map(repr, wrong))} can't be sent again", hint=f"use {', '.join(_STATES)}")
    if Status.UNKNOWN in names and flags["on_unknown"] != "retry":
        raise UsageError(
            "--only unknown needs --on-unknown retry",
            hint="an unknown row may be a ticket already, and sending it may create a second one; "
            "run `ticket-importer resolve` first, or look in the account",
        )
    keeps_format = results_file.suffix.lower() in (".csv", ".xlsx")
    results = flags["results"] or (results_file if keeps_format else results_file.with_suffix(".csv"))
    return import_tickets("rerun", results_file, results, {**flags, "only": frozenset(map(Status, names))})
