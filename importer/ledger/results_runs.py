"""Queries about the runs that wrote results files: manifest and number of rows of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from importer.ledger import schema
from importer.ledger.store import Ledger

_KEYS_AT_ONCE = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultsRun:
    """A run that wrote results. ``rows`` is ``None`` if the run ended before it had read all rows.

    ``partial``: flags left out rows, so its rejected rows are not all.
    """

    run: str
    command: str
    manifest: str
    manifest_sha256: str
    rows: int | None
    partial: bool | None


def record_row_count(ledger: Ledger, run_id: str, rows: int, *, partial: bool = False) -> None:
    """Record how many rows a run has read: as many as its results have. ``partial``: it has left some out."""
    with ledger.writing() as db:
        db.execute(schema.runs.update().where(schema.runs.c.id == run_id).values(rows=rows, partial=partial))


def runs_of_source(ledger: Ledger, account: str, source: str) -> list[ResultsRun]:
    """Return every run of an account and source, the newest first."""
    runs = schema.runs.c
    statement = (
        sa.select(runs.id.label("run"), runs.command, runs.manifest, runs.manifest_sha256, runs.rows, runs.partial)
        .where((runs.account == account) & (runs.source == source))
        .order_by(*schema.NEWEST_FIRST)
    )
    with ledger.reading() as db:
        return [ResultsRun(**row._asdict()) for row in db.execute(statement)]


def rejected_rows(ledger: Ledger, run_id: str) -> Iterator[list[str]]:
    """Yield the rows that a run rejected, thousands at a time: the key of each, or its content if it has none."""
    rejections = schema.rejections.c
    name = sa.case((rejections.key != "", rejections.key), else_=rejections.content)
    with ledger.reading() as db:
        statement = sa.select(name).where(rejections.run == run_id)
        for part in db.execution_options(yield_per=_KEYS_AT_ONCE).scalars(statement).partitions():
            yield list(part)


def unknown_keys(ledger: Ledger, account: str, source: str, keys: Collection[str]) -> list[str]:
    """Return those of the keys that are not in the ledger."""
    wanted = list(dict.fromkeys(keys))
    unknown: list[str] = []
    for start in range(0, len(wanted), _KEYS_AT_ONCE):
        some = wanted[start : start + _KEYS_AT_ONCE]
        found = ledger.states(account, source, some)
        unknown += [key for key in some if key not in found]
    return unknown
