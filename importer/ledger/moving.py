"""`ledger move`: copies a ledger to another database, compares both, and marks the former one as moved.

A move that breaks off can be repeated. Until the former ledger has its mark, the new one can't be used; the one commit
that writes the mark is the moment of the move.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from importer.errors import LedgerError, UsageError
from importer.ledger import database, leases, moved_ledgers, opening, permissions, postgres, schema
from importer.ledger.sqlite_copy import new_file
from importer.ledger.sqlite_file import refuse_network_disk

CarryPool = Callable[[str, float | None, float], str]
"""Converts a slot pool: its text, the time on its clock now (``None``: not known), and the time on the new clock."""

_PATIENCE_S = 2.0
_ROWS_AT_ONCE = 5_000
_LARGE_TABLE_ROWS = 100_000
_OWN_WAY = (schema.meta, schema.alembic_version, schema.quotas)  # tables that are not copied as they are
_NOT_CARRIED = ("compact", "commit %", f"{moved_ledgers.ARRIVES_FROM}")  # names in `ledger_meta`, as LIKE patterns
_NUMBERED = (schema.tickets, schema.attempts)  # tables whose numbers the database gives


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A finished move: both addresses without passwords, and the number of rows of each table."""

    source: str
    target: str
    tables: dict[str, int]


def move_ledger(source_url: str, target_url: str, carry_pool: CarryPool, report: Callable[[str], None]) -> Moved:
    """Move a ledger; ``report`` is told which large table is copied. Raises LedgerError and UsageError.

    The former ledger stays as it is, except for its mark.
    """
    if not _is_marked(source_url, target_url):
        engine, path = opening.open_ledger(source_url)
        try:
            with database.translated_errors(source_url), _writing(engine) as source:
                _lock(source)
                leases.refuse_live_runs(source, path, "the ledger can't be moved")
                leases.end_expired_runs(source, path)
                with database.translated_errors(target_url), _new_ledger(target_url) as target:
                    _copy(source, target, carry_pool, report)
                _mark(source, target_url)
        finally:
            postgres.close_engine(engine)
    return _arrived(source_url, target_url)


def _is_marked(source_url: str, target_url: str) -> bool:
    """Return whether the former ledger has its mark already, and the new one only has to lose its own."""
    if not (opening.exists(source_url) and opening.exists(target_url)):
        return False
    expected = {moved_ledgers.MOVED_TO: database.safe_url(target_url)}
    return _marks(source_url) == expected and moved_ledgers.ARRIVES_FROM in _marks(target_url)


def _marks(url: str) -> dict[str, str]:
    engine = database.make_engine(url)
    try:
        with database.translated_errors(url), engine.connect() as db:
            return moved_ledgers.marks(db)
    finally:
        postgres.close_engine(engine)


@contextlib.contextmanager
def _writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection in one transaction that may last for minutes."""
    with engine.connect().execution_options(writes=True) as db, db.begin():
        if db.dialect.name == "postgresql":
            db.execute(sa.text("set local statement_timeout = 0"))
            db.execute(sa.text("set local idle_in_transaction_session_timeout = 0"))
        yield db


def _lock(source: sa.Connection) -> None:
    """Let nobody change the ledger until the transaction ends. An SQLite file has this lock from the beginning."""
    if source.dialect.name == "postgresql":
        leases.refuse_live_runs(source, None, "the ledger can't be moved")  # before the lock, which stops them
        names = ", ".join(table.name for table in schema.metadata.sorted_tables)
        source.execute(sa.text(f"lock table {names} in exclusive mode"))


@contextlib.contextmanager
def _new_ledger(url: str) -> Iterator[sa.Connection]:
    """Give a connection to an empty database. What is written to it is there completely, or not at all."""
    path = database.sqlite_path(url)
    if path is None:
        with _engine(url) as engine, _writing(engine) as db:
            database.lock_ledger(db)
            if sa.inspect(db).has_table(schema.meta.name):
                if moved_ledgers.ARRIVES_FROM not in moved_ledgers.marks(db):
                    raise UsageError(
                        f"there is a ledger at {database.safe_url(url)} already, which is never replaced",
                        hint="name a database without one",
                    )
                schema.metadata.drop_all(db)  # of a move that broke off
            yield db
        return
    permissions.make_folder(path.parent)
    refuse_network_disk(path)
    _make_room(path)
    with new_file(path) as temporary, _engine(f"sqlite:///{temporary}") as engine:
        sa.event.listen(engine, "connect", _skip_journal)
        with _writing(engine) as db:
            yield db


def _skip_journal(connection: Any, _record: object) -> None:
    """Write straight to the file: it gets its name, after a sync, when it is complete."""
    connection.execute("pragma journal_mode = off")
    connection.execute("pragma synchronous = off")


@contextlib.contextmanager
def _engine(url: str) -> Iterator[sa.Engine]:
    engine = database.make_engine(url)
    try:
        yield engine
    finally:
        postgres.close_engine(engine)


def _make_room(path: Path) -> None:
    """Remove the file of a move that broke off. Raises UsageError if there is another file."""
    if not os.path.lexists(path):
        return
    arrives = False
    with (
        contextlib.suppress(sqlite3.Error),  # no database, or without this table
        contextlib.closing(database.sqlite3_connection(path, _PATIENCE_S)) as file,
    ):
        found = file.execute("select 1 from ledger_meta where name = ?", [moved_ledgers.ARRIVES_FROM])
        arrives = found.fetchone() is not None
    if not arrives:
        raise UsageError(f"{path} exists already, and is never replaced", hint="name a new file")
    path.unlink()


def _copy(source: sa.Connection, target: sa.Connection, carry_pool: CarryPool, report: Callable[[str], None]) -> None:
    """Copy every row, with its number, and compare all of them."""
    schema.metadata.create_all(target)
    for table in schema.metadata.sorted_tables:
        if table not in _OWN_WAY:
            rows = _count(source, table)
            if rows >= _LARGE_TABLE_ROWS:
                report(f"copying {rows:,} rows of {table.name}")
            read = _Digest(_rows(source, table))
            _insert(target, table, read)
            written = _Digest(_rows(target, table))
            for _ in written:
                pass
            _refuse_difference(table, read, written)
    _copy_meta(source, target)
    _copy_pools(source, target, carry_pool)
    _set_sequences(target)


class _Digest:
    """Passes rows on; then has their number and a sum of their hashes, which does not depend on their order."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = rows
        self.count = self.total = 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self._rows:
            hashed = hashlib.blake2b(repr(row).encode(errors="surrogatepass"), digest_size=16).digest()
            self.total += int.from_bytes(hashed)
            self.count += 1
            yield row


def _refuse_difference(table: sa.Table, read: _Digest, written: _Digest) -> None:
    if (read.count, read.total) != (written.count, written.total):
        raise LedgerError(
            f"the copy of {table.name} differs from the ledger ({read.count:,} rows read, {written.count:,} there); "
            "nothing was moved",
            hint="a key that has the character NUL can be stored in a file only; otherwise check both disks",
        )


def _count(db: sa.Connection, table: sa.Table) -> int:
    return db.scalars(sa.select(sa.func.count()).select_from(table)).one()


def _rows(db: sa.Connection, table: sa.Table) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table, thousands at a time."""
    for some in db.execute(sa.select(table).execution_options(yield_per=_ROWS_AT_ONCE)).partitions():
        yield from map(tuple, some)


def _insert(db: sa.Connection, table: sa.Table, rows: Iterable[tuple[Any, ...]]) -> None:
    quote = db.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.columns)
    if db.dialect.name == "postgresql":
        postgres.copy_rows(db, f"copy {table.name} ({columns}) from stdin", rows)
        return
    values = ", ".join("?" for _ in table.columns)
    connection: Any = db.connection.dbapi_connection
    connection.executemany(f"insert into {table.name} ({columns}) values ({values})", rows)  # noqa: S608


def _copy_meta(source: sa.Connection, target: sa.Connection) -> None:
    name = schema.meta.c.name
    carried = sa.and_(*(name.not_like(pattern) for pattern in _NOT_CARRIED))
    values = [row._asdict() for row in source.execute(schema.meta.select().where(carried))]
    mark = {"name": moved_ledgers.ARRIVES_FROM, "value": database.safe_url(str(source.engine.url))}
    target.execute(schema.meta.insert(), [*values, mark])
    target.execute(schema.alembic_version.insert().values(version_num=str(schema.SCHEMA_VERSION)))


def _copy_pools(source: sa.Connection, target: sa.Connection, carry_pool: CarryPool) -> None:
    """Copy the slots of the accounts; their times become those of the target's clock."""
    is_file = source.dialect.name == "sqlite"
    boot_id = database.boot_id() if target.dialect.name == "sqlite" else ""
    for quota in source.execute(schema.quotas.select()).all():
        then = None if is_file and quota.boot_id != database.boot_id() else leases.now(source)
        pool = carry_pool(quota.pool, then, leases.now(target))
        target.execute(schema.quotas.insert().values(account=quota.account, boot_id=boot_id, pool=pool))


def _set_sequences(target: sa.Connection) -> None:
    if target.dialect.name == "postgresql":
        for table in _NUMBERED:
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            target.execute(sa.select(sa.func.setval(sequence, sa.func.max(table.c.id))).select_from(table))


def _mark(source: sa.Connection, target_url: str) -> None:
    name = schema.meta.c.name
    version = str(moved_ledgers.MOVED_VERSION)
    source.execute(schema.meta.update().where(name == "schema_version").values(value=version))
    source.execute(schema.meta.insert().values(name=moved_ledgers.MOVED_TO, value=database.safe_url(target_url)))


def _arrived(source_url: str, target_url: str) -> Moved:
    """Make the new ledger usable."""
    with database.translated_errors(target_url), _engine(target_url) as engine, _writing(engine) as db:
        db.execute(schema.meta.delete().where(schema.meta.c.name == moved_ledgers.ARRIVES_FROM))
        tables = {table.name: _count(db, table) for table in schema.metadata.sorted_tables if table not in _OWN_WAY}
    return Moved(source=database.safe_url(source_url), target=database.safe_url(target_url), tables=tables)
