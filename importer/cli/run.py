"""`run`: imports the tickets of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.cli.ending import Ending
from importer.cli.importing import import_tickets


def run(manifest: Path, **flags: Any) -> Ending:
    """Import the tickets of a manifest."""
    ending = ".sandbox.results.csv" if flags["sandbox"] else ".results.csv"
    results = flags["results"] or manifest.with_name(f"{manifest.stem}{ending}")
    return import_tickets("run", manifest, results, flags)
