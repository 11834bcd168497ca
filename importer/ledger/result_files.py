"""Hashes of the results files that runs wrote. An edited file has another hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from importer.ledger import database, schema
from importer.ledger.records import path_text
from importer.ledger.store import Ledger


def record_result_files(ledger: Ledger, run: str, files: Mapping[Path, str]) -> None:
    """Record the files that a run wrote, each with the SHA-256 of its content in hexadecimal."""
    values = [{"run": run, "path": path_text(path.absolute()), "sha256": sha256} for path, sha256 in files.items()]
    with ledger.writing() as db:
        statement = database.insert(db, schema.result_files)
        changes = {"sha256": statement.excluded.sha256}
        db.execute(statement.on_conflict_do_update(index_elements=["run", "path"], set_=changes), values)


def was_written(ledger: Ledger, sha256: str) -> bool:
    """Return whether a run wrote a results file with exactly this content."""
    found = sa.select(sa.literal(1)).where(schema.result_files.c.sha256 == sha256).limit(1)
    with ledger.reading() as db:
        return db.scalar(found) is not None
