"""`rerun`: sends the rows of a results file that did not become tickets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.cli.ending import Ending
from importer.cli.importing import import_tickets
from importer.errors import UsageError
from importer.models import Status

_STATES = (Status.FAILED, Status.REJECTED, Status.PENDING, Status.UNKNOWN, Status.UNDONE)


def rerun(results_file: Path, only: str, **flags: Any) -> Ending:
    """Send the rows of a results file that are not tickets yet."""
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
