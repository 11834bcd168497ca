"""`ledger`: creates and backs up the ledger."""

from __future__ import annotations

from pathlib import Path

from importer.cli.ending import Ending
from importer.cli.next_steps import after_creating, step_lines
from importer.ledger.backup import back_up
from importer.ledger.database import safe_url
from importer.ledger.store import Ledger
from importer.settings import ledger_url, read_environment


def init(ledger: str | None) -> Ending:
    """Create the ledger, once, before the first import."""
    url = ledger_url(ledger, read_environment())
    existed = Ledger.exists(url)
    Ledger.create(url).close()
    text = f"{'the ledger exists already' if existed else 'created the ledger'}: {safe_url(url)}"
    return Ending(lines=[text], last_lines=() if existed else step_lines(after_creating()))


def backup(target: Path, ledger: str | None) -> Ending:
    """Copy the ledger to a new file."""
    copy = back_up(ledger_url(ledger, read_environment()), target)
    return Ending(lines=[f"copied the ledger to {target}: {copy.rows:,} rows, {copy.size_bytes:,} bytes, checked"])
