"""`run`: imports the tickets of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from importer.cli import options
from importer.runtime.garbage_collection import paused


@click.command()
@click.argument("manifest", type=options.PATH)
@options.strict_end
@options.export_checks
@options.sending
def run(manifest: Path, **flags: Any) -> int:
    """Import the tickets of a manifest.

    MANIFEST is a table: CSV, a workbook or JSON. The results file has every row with its ticket number or error.
    If a run stops, run the same command again: it goes on with the remaining rows and never creates a ticket twice.
    """
    with paused():
        from importer.cli.importing import import_tickets

    ending = ".sandbox.results.csv" if flags["sandbox"] else ".results.csv"
    results = flags["results"] or manifest.with_name(f"{manifest.stem}{ending}")
    return import_tickets("run", manifest, results, flags)
