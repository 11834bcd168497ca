"""`run`: imports the tickets of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.api.imports import Order
from importer.cli import options
from importer.cli.ending import Ending
from importer.cli.importing import import_tickets


def run(manifest: Path, **flags: Any) -> Ending:
    """Import the tickets of a manifest."""
    chosen = options.of_flags(flags)
    return import_tickets(Order("run", manifest, flags["mapping"], chosen.results_of_manifest(manifest), chosen), flags)
