"""The database below the ledger: how it is reached, how durable it is, whose clock it goes by."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from importer.errors import LedgerError

_BUSY_TIMEOUT_S = 30.0
_FULL = "make room on the disk, then run the same command again"
_CHECK = "check its folder, the rights on it and the disk"
_CREDENTIALS = re.compile(r"[^/@]*:[^/]*@")  # in what can't be parsed, too much is hidden rather than too little
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def make_engine(url: str) -> sa.Engine:
    """Make the engine for ``sqlite:///FILE`` or ``postgresql+psycopg://…``. Raises LedgerError for anything else."""
    parsed = _parsed(url)
    try:
        if parsed.get_backend_name() == "postgresql":
            # The address as most services write it names no driver; ours is psycopg.
            named = "+" in parsed.drivername
            return sa.create_engine(parsed if named else parsed.set(drivername="postgresql+psycopg"))
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
    except (sa.exc.ArgumentError, ValueError):  # ValueError: a port that is not a number
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise LedgerError(
            f"{safe_url(url)} is not a ledger's address",
            hint="write sqlite:////absolute/path/ledger.sqlite or postgresql+psycopg://user@host/database",
        )
    return parsed


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _on_begin says, not where the driver guesses
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")  # a commit is on the disk when it returns
    connection.execute("pragma foreign_keys = on")
    connection.execute(
        "pragma secure_delete = on"
    )  # what is erased is overwritten; not every build does that by itself


def _on_begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later could find the database changed in between; this one can't.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def insert(db: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that can say what to do on a conflict."""
    return postgresql.insert(table) if db.dialect.name == "postgresql" else sqlite.insert(table)


def column_is_in(db: sa.Connection, column: sa.ColumnElement[str], texts: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether a column holds one of these texts, which go to the database as one value, however many they are."""
    if db.dialect.name == "postgresql":
        return column == sa.any_(sa.bindparam("texts", list(texts), type_=postgresql.ARRAY(sa.Text), unique=True))
    each = sa.func.json_each(sa.bindparam("texts", json.dumps(texts), type_=sa.Text, unique=True))
    found = column.in_(sa.select(each.table_valued("value").c.value))
    cut = [text for text in texts if "\0" in text]  # by SQLite's JSON, there
    return found | column.in_(cut) if cut else found


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite ledger; ``None`` for a server. Raises LedgerError for what is no ledger's address."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise LedgerError("a ledger in memory would be forgotten", hint="name a file: sqlite:////path/ledger.sqlite")
    return Path(parsed.database)


def sqlite3_connection(path: Path, patience_s: float) -> sqlite3.Connection:
    """Connect to an SQLite file that is there, for what is no transaction. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=patience_s)


def safe_url(url: str) -> str:
    """A ledger's address without its password."""
    try:
        return sa.make_url(url).set(query={}).render_as_string(hide_password=True)
    except (sa.exc.ArgumentError, ValueError):
        return repr(_CREDENTIALS.sub("***@", url.partition("?")[0]))


def boot_id(path: Path = _BOOT_ID) -> str:
    """Which start of this machine this is: times of ``boot_clock_s`` of another one can't be compared.

    Where the system does not say, all are taken for one. A dead run's lock tells of its death there, too; and from a
    time of an earlier start never more seems to have passed than has, since the clock began anew after it.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def boot_clock_s() -> float:
    """Seconds since this machine was started, suspended ones too; nobody can set this clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()  # counts the suspended time, or not, as the system has it


@contextlib.contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Turn what the database, the driver or the disk says into a LedgerError with a way out."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        cause: Any = getattr(error, "orig", None) or error
        raise LedgerError(f"the ledger {safe_url(url)} can't be used: {cause}", hint=_way_out(str(cause))) from error
    except (OSError, filelock.Timeout) as error:
        raise LedgerError(
            f"the ledger {safe_url(url)} can't be used: {error}",
            hint=_FULL if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) else _CHECK,
        ) from error


def _way_out(message: str) -> str:
    ways = {
        "locked": "another program holds it for long; close that and run the same command again",
        "full": _FULL,
        "disk I/O": "see whether the disk is full, or a quota is used up; then run the same command again",
        "readonly": "let the user that runs the import write to it and to its folder",
        "unable to open": "check that its folder exists and can be written to",
        "no such table": "it is no ledger; name the right file in LSQ_LEDGER or --ledger",
        "not a database": "the file is something else; name the right one in LSQ_LEDGER or --ledger",
        "malformed": "it is damaged; restore it from a backup and do not import without it",
    }
    return next((way for word, way in ways.items() if word in message), "check its address and the server")
