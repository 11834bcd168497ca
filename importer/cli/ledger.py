"""`ledger`: creates and backs up the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from importer.cli import options
from importer.cli.output import print_line
from importer.settings import ledger_url


@click.group()
def ledger() -> None:
    """Manage the ledger.

    The ledger records every ticket that was created or may have been created.
    """


@ledger.command()
@options.ledger
def init(ledger: str | None) -> int:
    """Create the ledger, once, before the first import.

    An existing ledger stays as it is.
    """
    from importer.ledger import Ledger, safe_url

    url = ledger_url(ledger, options.read_environment())
    existed = Ledger.exists(url)
    Ledger.create(url).close()
    print_line(f"{'the ledger exists already' if existed else 'created the ledger'}: {safe_url(url)}")
    return 0


@ledger.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@options.ledger
def backup(target: Path, ledger: str | None) -> int:
    """Copy the ledger to a new file.

    FILE must not exist. Runs may go on meanwhile.
    """
    from importer.ledger.backup import back_up

    copy = back_up(ledger_url(ledger, options.read_environment()), target)
    print_line(f"copied the ledger to {target}: {copy.rows:,} rows, {copy.size_bytes:,} bytes, checked")
    return 0
