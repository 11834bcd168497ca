"""`ledger`: creates and backs up the ledger, and acknowledges rows in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from importer.cli.ending import Ending
from importer.ledger.backup import back_up
from importer.ledger.database import safe_url
from importer.ledger.store import Ledger
from importer.models import RowNumbers
from importer.settings import ledger_url, read_environment
from importer.workflows.acknowledge import acknowledge_rows

_MOST_SHOWN = 20


def init(ledger: str | None) -> Ending:
    """Create the ledger, once, before the first import."""
    url = ledger_url(ledger, read_environment())
    existed = Ledger.exists(url)
    Ledger.create(url).close()
    return Ending(text=[f"{'the ledger exists already' if existed else 'created the ledger'}: {safe_url(url)}"])


def acknowledge(results_file: Path, rows: RowNumbers, reason: str, ledger: str | None, **_: Any) -> Ending:
    """Take known bad rows out of the exit code."""
    with contextlib.closing(Ledger.open(ledger_url(ledger, read_environment()))) as opened:
        done = acknowledge_rows(results_file, rows, reason, opened)
    count = "1 row" if len(done.rows) == 1 else f"{len(done.rows):,} rows"
    return Ending(
        data={
            "account": done.account,
            "acknowledged": list(done.rows),
            "not_acknowledged": {str(row): why for row, why in done.others},
        },
        text=[
            f"acknowledged {count} of {results_file}: {_some(map(str, done.rows))}",
            *([f"not acknowledged: {_some(f'row {row} {why}' for row, why in done.others)}"] if done.others else []),
            "They don't decide the exit code any more, and are not sent, until their cells change.",
        ],
    )


def _some(texts: Iterable[str]) -> str:
    """Return the first texts of a list that may be long."""
    known = list(texts)
    more = f" and {len(known) - _MOST_SHOWN:,} more" if len(known) > _MOST_SHOWN else ""
    return f"{', '.join(known[:_MOST_SHOWN])}{more}"


def backup(target: Path, ledger: str | None) -> Ending:
    """Copy the ledger to a new file."""
    copy = back_up(ledger_url(ledger, read_environment()), target)
    return Ending(text=[f"copied the ledger to {target}: {copy.rows:,} rows, {copy.size_bytes:,} bytes, checked"])
