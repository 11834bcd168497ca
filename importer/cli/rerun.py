"""`rerun`: sends the rows of a results file that did not become tickets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.api.imports import Order
from importer.cli import options
from importer.cli.ending import Ending
from importer.cli.importing import import_tickets
from importer.errors import UsageError
from importer.models import Status

_STATES = (Status.FAILED, Status.REJECTED, Status.PENDING, Status.UNKNOWN, Status.EXCLUDED, Status.UNDONE)


def rerun(results_file: Path, only: str, **flags: Any) -> Ending:
    """Send the rows of a results file that are not tickets yet."""
    names = [name.strip() for name in only.split(",")]
    if wrong := [name for name in names if name not in _STATES]:
        raise UsageError(f"--only: {', '.join(map(repr, wrong))} can't be sent again", hint=f"use {', '.join(_STATES)}")
    chosen = options.of_flags(flags, only=frozenset(map(Status, names)))
    results = chosen.results_of_results(results_file)
    return import_tickets(Order("rerun", results_file, flags["mapping"], results, chosen), flags)
