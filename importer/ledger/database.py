"""Connections to the ledger's database, their durability, clocks, and translation of database errors."""

from __future__ import annotations

import contextlib
import errno
import getpass
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from importer.errors import LedgerAway, LedgerError
from importer.ledger import postgres
from importer.runtime import ledger_address

_BUSY_TIMEOUT_S = 30.0
_FULL = "free space on the disk, then run the same command again"
_CHECK = "check its folder, the permissions and the disk"
# Most services give an address without a driver, or with another name for it; this program uses psycopg.
_POSTGRES = ("postgres", "postgresql")
_TABLES_LOCK = 0x7469636B6574  # any number that other programs don't use
safe_url = ledger_address.without_password
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def make_engine(url: str) -> sa.Engine:
    """Return the engine for an SQLite or PostgreSQL address. Raises LedgerError for any other address."""
    parsed = _parsed(url)
    try:
        if parsed.get_backend_name() == "postgresql":
            return postgres.make_engine(parsed)
        patience = {} if "timeout" in parsed.query else {"timeout": _BUSY_TIMEOUT_S}
        engine = sa.create_engine(parsed, connect_args=patience)
    except ImportError as error:
        raise LedgerError(
            f"the ledger {safe_url(url)} needs the package {error.name!r}",
            hint="pip install 'lsq-ticket-importer[postgres]'",
        ) from error
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return engine


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        for host in ",".join((parsed.host or "", *parsed.normalized_query.get("host", ()))).split(","):
            if not host.startswith("/"):
                host.encode("idna")
    except (sa.exc.ArgumentError, ValueError):  # ValueError: a port that is no number, or a host like db..example
        parsed = None
    if parsed is not None and parsed.get_backend_name() in _POSTGRES:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed is None or parsed.get_backend_name() != "sqlite":
        raise LedgerError(
            f"{safe_url(url)} is not a valid ledger address",
            hint="write sqlite:////absolute/path/ledger.sqlite or postgresql+psycopg://user@host/database",
        )
    return parsed


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin in _on_begin, not where the driver decides
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")  # a commit is on the disk when it returns
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma secure_delete = on")  # overwrite erased texts; not every build does so by default


def _on_begin(connection: sa.Connection) -> None:
    # `begin immediate` takes the write lock first: no other process can write between this one's reads and writes.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def insert(db: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that supports ON CONFLICT."""
    return insert_for(db.dialect, table)


def insert_for(dialect: sa.Dialect, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that supports ON CONFLICT."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


@contextlib.contextmanager
def pipelined(db: sa.Connection) -> Iterator[None]:
    """Send the driver's statements of the block to a server without waiting for each answer: one round trip for all."""
    if db.dialect.name != "postgresql":
        yield
        return
    with postgres.pipeline(db):
        yield


def lock_ledger(db: sa.Connection) -> None:
    """Let no other process create or upgrade the tables until this transaction ends."""
    if db.dialect.name == "postgresql":  # SQLite allows one writer at a time
        db.execute(sa.select(sa.func.pg_advisory_xact_lock(_TABLES_LOCK)))


def column_is_in(db: sa.Connection, column: sa.ColumnElement[str], texts: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition ``column IN texts``, with any number of texts sent as one parameter."""
    if db.dialect.name == "postgresql":
        return column == sa.any_(sa.bindparam("texts", list(texts), type_=postgresql.ARRAY(sa.Text), unique=True))
    each = sa.func.json_each(sa.bindparam("texts", json.dumps(texts), type_=sa.Text, unique=True))
    found = column.in_(sa.select(each.table_valued("value").c.value))
    cut = [text for text in texts if "\0" in text]  # SQLite's JSON cuts texts at NUL
    return found | column.in_(cut) if cut else found


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite ledger; ``None`` for a server. Raises LedgerError for an invalid address."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise LedgerError(
            "a ledger in memory would be lost when the program ends", hint="name a file: sqlite:////path/ledger.sqlite"
        )
    return Path(parsed.database)


def sqlite3_connection(path: Path, patience_s: float) -> sqlite3.Connection:
    """Connect to an existing SQLite file without SQLAlchemy, in autocommit mode. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=patience_s)


def boot_id(path: Path = _BOOT_ID) -> str:
    """Return an ID of this machine's current start. Times of ``boot_clock_s`` are comparable only within one start.

    On systems without such an ID all starts count as one. That is safe: the lock file shows that a run has died, and
    the clock restarts with the machine, so that a lease never seems to expire too early.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def user_name() -> str:
    """Return the name of the user that runs this process, as the system knows it."""
    try:
        import pwd  # noqa: PLC0415 - not on Windows

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


def boot_clock_s() -> float:
    """Return the seconds since this machine was started, suspended time included. This clock can't be set."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()  # whether it includes suspended time depends on the system


@contextlib.contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Convert errors of the database, the driver and the disk to a LedgerError with a hint."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        cause: Any = getattr(error, "orig", None) or error
        if postgres.is_lost(error):
            raise LedgerAway(
                f"the server of the ledger {safe_url(url)} does not answer: {postgres.reason(error)}",
                hint="when it is back, run the same command again; if it never answers, check the ledger's address",
            ) from error
        hint = _hint(str(cause)) if isinstance(cause, sqlite3.Error) else postgres.hint(error)
        reason = postgres.reason(error)
        raise LedgerError(f"the ledger {safe_url(url)} can't be used: {reason}", hint=hint) from error
    except (OSError, filelock.Timeout) as error:
        has_file = isinstance(error, OSError) and error.strerror and error.filename
        reason = f"{error.filename}: {error.strerror}" if has_file else str(error)
        raise LedgerError(
            f"the ledger {safe_url(url)} can't be used: {reason}",
            hint=_FULL if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) else _CHECK,
        ) from error


def _hint(message: str) -> str:
    hints = {
        "locked": "another program keeps it locked; close that program and run the same command again",
        "full": _FULL,
        "disk I/O": "check whether the disk is full or a quota is used up; then run the same command again",
        "readonly": "give the user that runs the import permission to write to it and to its folder",
        "unable to open": "check that its folder exists, and that this user may read and write the file and the folder",
        "no such table": "this file is not a ledger; name the right file in LSQ_LEDGER or --ledger",
        "not a database": "this file is not a ledger; name the right file in LSQ_LEDGER or --ledger",
        "malformed": "it is damaged; restore it from a backup and do not import without it",
    }
    return next((hint for word, hint in hints.items() if word in message), _CHECK)
