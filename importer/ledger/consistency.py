"""What `ledger check` looks for: damage, references to nothing, and rows in states that no run leaves them in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from importer.errors import LedgerError
from importer.ledger import database, migrations, opening, schema
from importer.models import Status

_MOST_DAMAGES = 20
_HASH_BYTES, _CONTENT_BYTES = 8, 4  # of one row in `exports`
_tickets, _attempts, _exports = schema.tickets.c, schema.attempts.c, schema.exports.c
_STATES = {*(status.value for status in Status), "sending"}
_IN_FLIGHT = ("sending", "unknown")


@dataclass(kw_only=True)
class LedgerCheck:
    """Result of a check. ``complete``: whether the rows were checked; those of an older version are not."""

    location: str
    schema: int
    complete: bool = True
    problems: list[str] = field(default_factory=list)


def check_ledger(url: str, read_pool: Callable[[str], object]) -> LedgerCheck:
    """Check a ledger without changing it. ``read_pool`` reads a slot pool, and raises an error if it can't.

    Raises LedgerError if there is no ledger, or one of a newer version.
    """
    with opening.looking(url) as (db, path):
        damages = list(_damages(db, path))
        try:
            version = migrations.ledger_version(db)
        except (LedgerError, sa.exc.DatabaseError) as error:
            if not damages:
                raise
            return LedgerCheck(location=database.safe_url(url), schema=0, problems=[*damages, str(error)])
        migrations.refuse_newer(db, version)
        found = LedgerCheck(location=database.safe_url(url), schema=version, problems=damages)
        if version < schema.SCHEMA_VERSION or damages:
            found.complete = False
        elif missing := list(_missing_columns(db)):
            found.complete = False
            found.problems += missing
        else:
            for look in (_references, _impossible_rows, _secret, _exports_problems, _runs_problems, _sequences):
                found.problems += look(db)
            found.problems += _pools(db, read_pool)
        return found


def _damages(db: sa.Connection, path: Path | None) -> Iterator[str]:
    """Yield what is wrong with the pages of an SQLite file, its indexes included. A server checks its own pages."""
    if path is not None:
        found = db.execute(sa.text(f"pragma integrity_check({_MOST_DAMAGES})")).scalars()
        yield from (f"the file is damaged: {line}" for line in found if line != "ok")


def _missing_columns(db: sa.Connection) -> Iterator[str]:
    inspector = sa.inspect(db)
    for table in schema.metadata.sorted_tables:
        if not inspector.has_table(table.name):
            yield f"the table {table.name} is missing"
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        yield from (
            f"the column {table.name}.{each.name} is missing" for each in table.columns if each.name not in columns
        )
        indexes = {index["name"] for index in inspector.get_indexes(table.name)}
        yield from (f"the index {each.name} is missing" for each in table.indexes if each.name not in indexes)


def _references(db: sa.Connection) -> Iterator[str]:
    """Yield references to rows that do not exist; SQLite allows them to programs that don't forbid them."""
    for table in schema.metadata.sorted_tables:
        for key in table.foreign_keys:
            named = key.column.table
            other = named.alias()
            exists = sa.exists().where(other.c[key.column.name] == key.parent)
            yield from _counted(db, table, ~exists, f"{{rows}} of {table.name} name a missing row of {named.name}")


def _impossible_rows(db: sa.Connection) -> Iterator[str]:
    state, holder = _tickets.state, schema.runs.alias()
    has_holder = sa.exists().where(holder.c.id == _tickets.held_by)
    has_text = sa.exists().where((_attempts.ticket == _tickets.id) & (_attempts.request != ""))
    is_settled = state.not_in(_IN_FLIGHT)
    for condition, text in (
        (state.not_in(sorted(_STATES)), "{rows} of tickets are in a state that does not exist"),
        ((state == "created") & (_tickets.number == ""), "{rows} of tickets are created, and have no ticket number"),
        ((state == "sending") & _tickets.held_by.is_(None), "{rows} of tickets are being sent by no run"),
        (_tickets.held_by.is_not(None) & ~has_holder, "{rows} of tickets are held by a run that does not exist"),
        (_tickets.attempts < 0, "{rows} of tickets have a negative number of attempts"),
        (is_settled & has_text, "{rows} of tickets are settled, and the text of their request is still there"),
    ):
        yield from _counted(db, schema.tickets, condition, text)
    answered = _attempts.outcome.is_not(None) & _attempts.settled_at.is_(None)
    yield from _counted(db, schema.attempts, answered, "{rows} of attempts have an answer without a time")


def _counted(db: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool], text: str) -> Iterator[str]:
    """Yield the text with the number of rows that meet the condition, and one of them; nothing if none does."""
    one = sa.func.min(next(iter(table.primary_key)))
    rows, example = db.execute(sa.select(sa.func.count(), one).select_from(table).where(condition)).one()
    if rows:
        yield f"{text.format(rows=f'{rows:,} rows' if rows > 1 else '1 row')}, such as {example!r}"


def _secret(db: sa.Connection) -> Iterator[str]:
    value = db.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == "secret"))
    try:
        is_whole = len(bytes.fromhex(value or "")) == schema.SECRET_BYTES
    except ValueError:
        is_whole = False
    if not is_whole:
        yield "the secret of the hashes is missing or cut"


def _exports_problems(db: sa.Connection) -> Iterator[str]:
    keys, contents = (sa.func.length(_exports[name]) for name in ("keys", "contents"))
    is_cut = (keys % _HASH_BYTES != 0) | (contents * _HASH_BYTES != keys * _CONTENT_BYTES)
    yield from _counted(db, schema.exports, is_cut, "{rows} of exports have cut hashes")


def _runs_problems(db: sa.Connection) -> Iterator[str]:
    columns = schema.runs.c
    for run, did in db.execute(sa.select(columns.id, columns.did).where(columns.did.is_not(None))):
        if not _is_readable(json.loads, did):
            yield f"what run {run} did can't be read"
    ended = columns.exit_code.is_not(None) & columns.ended_at.is_(None)
    yield from _counted(db, schema.runs, ended, "{rows} of runs have an exit code, and have not ended")


def _sequences(db: sa.Connection) -> Iterator[str]:
    """Yield tables on a server whose next number is taken already, as after a restore that left out the sequences."""
    if db.dialect.name != "postgresql":
        return
    for table in (schema.tickets, schema.attempts):
        greatest = db.scalar(sa.select(sa.func.max(table.c.id))) or 0
        sequence = sa.cast(sa.func.pg_get_serial_sequence(table.name, "id"), postgresql.REGCLASS)
        last = db.scalar(sa.select(sa.func.pg_sequence_last_value(sequence))) or 0
        if last < greatest:
            yield f"the sequence of {table.name}.id is at {last}, and the greatest number is {greatest}"


def _pools(db: sa.Connection, read_pool: Callable[[str], object]) -> Iterator[str]:
    for account, text in db.execute(sa.select(schema.quotas.c.account, schema.quotas.c.pool)):
        if not _is_readable(read_pool, text):
            yield f"the slots of account {account} can't be read"


def _is_readable(read: Callable[[str], Any], text: str) -> bool:
    try:
        read(text)
    except (ValueError, TypeError, LookupError, AttributeError):
        return False
    return True
