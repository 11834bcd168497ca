"""What `ledger info` shows: how many rows, runs and requests a ledger has, its size, version and age."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from importer.ledger import database, leases, migrations, opening, schema
from importer.ledger.sqlite_copy import BESIDE

_runs, _tickets = schema.runs.c, schema.tickets.c


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerFigures:
    """Facts about a ledger. ``location``: its address without a password. ``accounts``: account -> state -> rows.

    ``id``: its copies share it; ``None`` in an older ledger.
    """

    location: str
    id: str | None
    schema: int
    size_bytes: int
    accounts: dict[str, dict[str, int]]
    runs: int
    running: int
    requests: int
    rejections: int
    oldest: str | None  # when the first run and the last one started
    newest: str | None

    @property
    def states(self) -> dict[str, int]:
        """The number of rows in each state."""
        names = sorted({state for counts in self.accounts.values() for state in counts})
        return {name: sum(counts.get(name, 0) for counts in self.accounts.values()) for name in names}


def figures(url: str) -> LedgerFigures:
    """Return the facts about an existing ledger. An older one is not upgraded. Raises LedgerError."""
    with opening.looking(url) as (db, path):
        by_state = (
            sa.select(_tickets.account, _tickets.state, sa.func.count())
            .group_by(_tickets.account, _tickets.state)
            .order_by(_tickets.account, _tickets.state)
        )
        accounts: dict[str, dict[str, int]] = {}
        for account, state, rows in db.execute(by_state):
            accounts.setdefault(account, {})[state] = rows
        started = sa.select(sa.func.count(), sa.func.min(_runs.started_at), sa.func.max(_runs.started_at))
        runs, oldest, newest = db.execute(started).one()
        return LedgerFigures(
            location=database.safe_url(url),
            id=db.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == "id")),
            schema=migrations.ledger_version(db),
            size_bytes=_size(db, path),
            accounts=accounts,
            runs=runs,
            running=len(leases.live_runs(db, path)),
            requests=_count(db, schema.attempts),
            rejections=_count(db, schema.rejections),
            oldest=oldest,
            newest=newest,
        )


def _count(db: sa.Connection, table: sa.Table) -> int:
    return db.scalars(sa.select(sa.func.count()).select_from(table)).one()


def _size(db: sa.Connection, path: Path | None) -> int:
    """Return the bytes of a ledger: of its files, or of its tables with their indexes on a server."""
    if path is not None:
        files = (path.with_name(f"{path.name}{end}") for end in ("", *BESIDE))
        return sum(file.stat().st_size for file in files if file.exists())
    names = [table.name for table in schema.metadata.sorted_tables]
    existing = [name for name in names if sa.inspect(db).has_table(name)]
    sizes = [db.scalar(sa.select(sa.func.pg_total_relation_size(sa.func.to_regclass(name)))) for name in existing]
    return sum(int(size or 0) for size in sizes)
