"""What a ledger in PostgreSQL needs: the guards of its transactions, the keepalive of its connections, its checks.

The guards are set in each transaction, not once a connection: behind a pooler in transaction mode, the next transaction
may use another connection of the server.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import socket
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger import schema

log = logging.getLogger("importer")
# A connection that is dead (a cut network, a stopped machine) is noticed within about this time.
_TCP_TIMEOUT_MS = 30_000
_CONNECT_ARGUMENTS: dict[str, Any] = {
    "autocommit": True,  # `begin` below starts each transaction, with its guards, in one round trip
    "prepare_threshold": None,  # a pooler in transaction mode loses prepared statements
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": _TCP_TIMEOUT_MS,
    "target_session_attrs": "read-write",  # never a standby: it may lack the last tickets
    "application_name": "ticket-importer",
}
# A host that falls silent inside a transaction must not keep the others waiting: the server ends its transaction.
_BEGIN = (
    "begin; set local synchronous_commit = on; set local lock_timeout = '20s'; "
    "set local statement_timeout = '60s'; set local idle_in_transaction_session_timeout = '20s'"
)
# The mark shows later whether a transaction was committed. Name and mark have no quotes in them.
_MARK = "; update ledger_meta set value = '{mark}' where name = '{name}'"
# The server aborted the transaction because of another one: the same transaction can be made again.
_TRANSIENT = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock timeout
# The server is away or the connection was cut: it may be there again soon.
_AWAY_CLASSES = ("08", "57P")  # connection exceptions; shut down, crashed, starting up
_AWAY = frozenset({"53300", "25P03"})  # too many connections; the transaction was idle for too long
_AWAY_TEXTS = (
    *("starting up", "shutting down", "in recovery", "not yet accepting"),
    *("too many", "terminating connection", "authentication due to timeout"),
)
# The server sends no SQLSTATE for these errors, and waiting does not remove them.
_PERMANENT_TEXTS = (
    *("certificate", "does not support SSL", "no password supplied", "authentication"),
    *("invalid ", "definition of service"),
)
_TEMPORARY_NAME_ERRORS = ("Temporary failure", "11002")  # Linux, Windows: no server of names has answered
# What an error means, by its SQLSTATE; without one, as long as there is no connection, by the first known words.
_REASONS = {
    "28P01": "it refuses the user or the password",
    "28000": "it does not admit this user from this machine",
    "3D000": "it has no database of this name",
    "3F000": "no schema of search_path exists",
    "42501": "this user lacks a right in the database",
    "42P01": "the database has no ledger",
    "53100": "its disk is full",
    "53200": "it is out of memory",
    "53300": "it has too many connections",
    "57014": "a statement took too long",
    "57P01": "it was shut down, or an administrator ended the connection",
    "57P02": "it has crashed",
    "57P03": "it is starting up",
    "25006": "it accepts no changes",
    "25P03": "the connection was idle for too long",
    "40001": "other transactions were in the way",
    "40P01": "other transactions were in the way",
    "55P03": "other transactions were in the way",
}
_WRONG_OPTION = "an option in its address, or a variable PG… of the environment, is not valid"
_OTHER_PROGRAM = "another program than PostgreSQL listens at this address"
_REASONS_BY_TEXT = {
    "invalid response": _OTHER_PROGRAM,
    "expected authentication": _OTHER_PROGRAM,
    "bad value": _WRONG_OPTION,
    "invalid ": _WRONG_OPTION,
    "definition of service": _WRONG_OPTION,
    "unrecognized configuration": _WRONG_OPTION,
    "too many": _REASONS["53300"],
    "permission denied": _REASONS["42501"],
    "not currently accepting": "its database accepts no connections (ALLOW_CONNECTIONS)",
    "due to timeout": "it did not answer in time",
    "password authentication": _REASONS["28P01"],
    "no password supplied": "it asks for a password",
    "authentication failed": _REASONS["28000"],
    "pg_hba.conf": _REASONS["28000"],
    'role "': _REASONS["28P01"],
    'database "': _REASONS["3D000"],
    "starting up": _REASONS["57P03"],
    "not yet accepting": _REASONS["57P03"],
    "in recovery": _REASONS["57P03"],
    "shutting down": "it is shutting down",
    "terminating connection": _REASONS["57P01"],
    "read-only": "it is a standby, which accepts no changes",
    "standby": "it is a standby, which accepts no changes",
    "no schema has been selected": _REASONS["3F000"],
    "must be owner": _REASONS["42501"],
    "certificate": "its certificate can't be verified",
    "does not support SSL": "it does not encrypt connections",
    "resolve host": "its host name can't be resolved",
    "host name": "its host name can't be resolved",
    "refused": "nothing listens at this address",
    "No such file": "nothing listens at this address",
    "timeout": "it did not answer in time",
    "timed out": "it did not answer in time",
    "unreachable": "its host can't be reached",
    "No route": "its host can't be reached",
}
_RIGHTS = (
    "let the owner of the database run `ticket-importer ledger init` (also after an update of this program), and give "
    "the user that imports the rights that importer/ledger/README.md shows (GRANT)"
)
_HINTS = {
    "password authentication": "check the user and the password in LSQ_LEDGER, LSQ_LEDGER_FILE or PGPASSFILE; in an "
    "address, write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25",
    "no password supplied": "put the password into LSQ_LEDGER, LSQ_LEDGER_FILE or PGPASSFILE",
    "pg_hba.conf": "let the server's administrator admit the user, the database and this machine in pg_hba.conf",
    'role "': "correct the user in the address, or let the server's administrator create a role that may log in",
    "permission denied": _RIGHTS,
    "must be owner": _RIGHTS,
    "no schema has been selected": "create the schema that search_path names, or correct it in the address",
}
_VERIFIED = frozenset({"verify-ca", "verify-full"})
_connections: weakref.WeakSet[Any] = weakref.WeakSet()
# A transaction takes one connection for a few round trips, so several runs seldom wait for one.
_SHARED_CONNECTIONS = 20
_POOL_TIMEOUT_S = 300.0
_shared: contextvars.ContextVar[dict[sa.URL, sa.Engine] | None] = contextvars.ContextVar("engines", default=None)
_sharing = threading.Lock()
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def make_engine(url: sa.URL) -> sa.Engine:
    """Return an engine for a PostgreSQL address. Parameters in the address override the program's own."""
    shared = _shared.get()
    if shared is None:
        return _new_engine(url)
    with _sharing:
        if url not in shared:
            shared[url] = _new_engine(url, pool_size=_SHARED_CONNECTIONS, max_overflow=0, pool_timeout=_POOL_TIMEOUT_S)
        return shared[url]


def close_engine(engine: sa.Engine) -> None:
    """Close the connections of an engine, unless other runs use it, too."""
    if engine not in (_shared.get() or {}).values():
        engine.dispose()


@contextlib.contextmanager
def shared_engines() -> Iterator[None]:
    """Let all ledgers with the same address share their connections, in this context and in copies of it."""
    engines: dict[sa.URL, sa.Engine] = {}
    token = _shared.set(engines)
    try:
        yield
    finally:
        _shared.reset(token)
        for engine in engines.values():
            engine.dispose()


def _new_engine(url: sa.URL, **pool: float) -> sa.Engine:
    arguments = {name: value for name, value in _CONNECT_ARGUMENTS.items() if name not in url.query}
    engine = sa.create_engine(url, connect_args=arguments, **pool)
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return engine


def break_connections() -> None:
    """Cut all connections of this process to servers, so that no thread waits any longer for one that is silent."""
    for each in list(_connections):
        with contextlib.suppress(Exception), socket.socket(fileno=os.dup(each.pgconn.socket)) as copy:
            copy.shutdown(socket.SHUT_RDWR)


def _on_connect(connection: Any, _record: object) -> None:
    _connections.add(connection)
    from psycopg.types.string import StrDumper  # noqa: PLC0415 - only a ledger on a server needs the driver

    class TextDumper(StrDumper):
        """Writes NUL, which PostgreSQL can't store, as the sign for a character that can't be shown."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    connection.adapters.register_dumper(str, TextDumper)


def _on_begin(db: sa.Connection) -> None:
    options = db.get_execution_options()
    if not options.get("single_statement", False):  # that is a transaction by itself
        connection: Any = db.connection.dbapi_connection  # not through `db`: it may ask for a cursor on the server
        mark = options.get("mark")
        try:
            connection.execute(_BEGIN + (_MARK.format(**mark) if mark else ""))
        except Exception as error:
            db.invalidate()
            raise sa.exc.OperationalError(None, None, error) from error


def was_committed(db: sa.Connection, name: str, mark: str) -> bool:
    """Return whether the transaction with this mark was committed; first wait until it is over.

    The number of a transaction would not do: after a crash of the server another one may get it.
    """
    value = schema.meta.c.value
    return db.scalar(sa.select(value).where(schema.meta.c.name == name).with_for_update()) == mark


@contextlib.contextmanager
def pipeline(db: sa.Connection) -> Iterator[None]:
    """Send the statements of the block without waiting for each answer. The answers are there when it ends."""
    import psycopg  # noqa: PLC0415 - only a ledger on a server needs the driver

    connection: Any = db.connection.dbapi_connection
    try:
        with connection.pipeline():
            yield
    except psycopg.Error as error:
        if connection.broken:
            db.invalidate()
        raise sa.exc.OperationalError(None, None, error) from error


def copy_rows(db: sa.Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert many rows with a COPY statement, which is several times faster than INSERT."""
    import psycopg  # noqa: PLC0415 - only a ledger on a server needs the driver

    connection: Any = db.connection.dbapi_connection
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise sa.exc.OperationalError(None, None, error) from error


def refuse_unsafe(db: sa.Connection) -> None:
    """Raise LedgerError for a server that may forget committed tickets."""
    fsync, full_page_writes, standby = db.execute(
        sa.text("select current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery()")
    ).one()
    unsafe = [name for name, value in (("fsync", fsync), ("full_page_writes", full_page_writes)) if value != "on"]
    if unsafe:
        raise LedgerError(
            f"the database server of the ledger runs with {' and '.join(f'{name} = off' for name in unsafe)}: "
            "after a crash it may have forgotten tickets, and they would be created twice",
            hint="set it to `on` in postgresql.conf and restart the server",
        )
    if standby:
        raise LedgerError(
            "the database server of the ledger is a standby, which can't be written to and may lack the last tickets",
            hint="name the primary server, or all servers, separated by commas, in the address",
        )


def is_transient(error: BaseException | None) -> bool:
    """Return whether the server ended a transaction only because of another one."""
    cause = getattr(error, "orig", None) or error
    return getattr(cause, "sqlstate", None) in _TRANSIENT


def is_lost(error: BaseException | None) -> bool:
    """Return whether the connection was lost, or the server is not there now: it may be there again soon."""
    cause = getattr(error, "orig", None) or error
    if not type(cause).__module__.startswith("psycopg"):
        return False
    state = getattr(cause, "sqlstate", None) or ""
    if state:
        return state.startswith(_AWAY_CLASSES) or state in _AWAY
    text = str(cause)
    if type(cause).__name__ != "OperationalError" or any(map(text.__contains__, _AWAY_TEXTS)):
        return type(cause).__name__ == "OperationalError"
    return "FATAL:" not in text and not any(map(text.__contains__, _PERMANENT_TEXTS))


def is_unknown_host(error: BaseException | None) -> bool:
    """Return whether no host of the address has a known name. The name of a container is known once it has started."""
    text = str(getattr(error, "orig", None) or error)
    is_name = "resolve host" in text or "translate host name" in text
    return is_name and not any(map(text.__contains__, _TEMPORARY_NAME_ERRORS))


def reason(error: BaseException) -> str:
    """Return what an error of the server or the driver means; its own text goes to the debug log only."""
    cause = getattr(error, "orig", None) or error
    state, text = getattr(cause, "sqlstate", None) or "", str(cause)
    if not type(cause).__module__.startswith("psycopg"):
        return text
    log.debug("the ledger's server: %s %s", state, text)
    if state in _REASONS:
        return _REASONS[state]
    if state:
        return f"it reports an error ({type(cause).__name__}, {state})"
    return next((reason for words, reason in _REASONS_BY_TEXT.items() if words in text), "the connection was cut")


def hint(error: BaseException) -> str:
    """Return what to do about an error of the server or the driver."""
    text = str(getattr(error, "orig", None) or error)
    return next((hint for word, hint in _HINTS.items() if word in text), "check its address and the server")


def connection_options(db: sa.Connection) -> dict[str, str]:
    """Return the options of a connection: those of the address, of the environment, and libpq's own."""
    connection: Any = db.connection.dbapi_connection
    return {each.keyword.decode(): (each.val or b"").decode() for each in connection.pgconn.info}


def is_unverified(options: Mapping[str, str]) -> bool:
    """Return whether a connection to another machine does not verify the server, so that somebody could read it."""
    host = options["host"]
    is_local = not host or host.startswith("/") or host in _LOCAL_HOSTS
    return not is_local and options["sslmode"] not in _VERIFIED
