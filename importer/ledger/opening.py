"""Finds, creates and opens a ledger by its address."""

from __future__ import annotations

import contextlib
import logging
import math
import secrets
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from importer.errors import LedgerAway, LedgerError
from importer.ledger import database, migrations, permissions, postgres, schema
from importer.ledger.moved_ledgers import refuse_moved
from importer.ledger.server_outage import USUAL_PATIENCE_S, ServerOutage
from importer.ledger.sqlite_file import refuse_network_disk

log = logging.getLogger("importer")
_NAME_PATIENCE_S = 10.0  # a host name may become known when its container starts; a mistyped one does not
_Result = TypeVar("_Result")


def create_ledger(url: str) -> tuple[sa.Engine, Path | None]:
    """Create a ledger, or open it if it exists. Raises LedgerError."""
    path = database.sqlite_path(url)

    def create() -> sa.Engine:
        if path is not None:
            _refuse_folder(path)
            permissions.make_folder(path.parent)
            refuse_network_disk(path)
            permissions.create_ledger(path)
        return _open_checked(url, path, make=True)

    return _when_there(url, create), path


def exists(url: str, patience_s: float = USUAL_PATIENCE_S) -> bool:
    """Return whether the ledger exists. ``patience_s``: how long to wait for a server that does not answer."""
    path = database.sqlite_path(url)

    def is_there() -> bool:
        if path is not None:
            _refuse_folder(path)
            return path.exists() and path.stat().st_size > 0
        engine = database.make_engine(url)
        try:
            return sa.inspect(engine).has_table("ledger_meta")
        finally:
            postgres.close_engine(engine)

    return _when_there(url, is_there, patience_s)


def open_ledger(url: str, patience_s: float = USUAL_PATIENCE_S) -> tuple[sa.Engine, Path | None]:
    """Open an existing ledger. Raises LedgerError if it is missing, damaged, or of a newer version."""
    if not exists(url, patience_s):
        raise no_ledger(url)
    path = database.sqlite_path(url)
    return _when_there(url, lambda: _open_checked(url, path), patience_s), path


def _when_there(url: str, work: Callable[[], _Result], patience_s: float = USUAL_PATIENCE_S) -> _Result:
    """Do the work, and again while the server does not answer. Raises LedgerError."""
    outage = ServerOutage(patience_s)
    while True:
        try:
            with database.translated_errors(url):
                result = work()
        except LedgerAway as error:
            cause = error.__cause__
            is_unknown = postgres.is_unknown_host(cause)
            if cause is not None and outage.wait(postgres.reason(cause), _NAME_PATIENCE_S if is_unknown else math.inf):
                continue
            if is_unknown:
                raise _unknown_host(url) from cause
            raise
        else:
            outage.ended()
            return result


def _unknown_host(url: str) -> LedgerError:
    return LedgerError(
        f"the ledger {database.safe_url(url)} can't be used: no host of this name is known",
        hint="correct the host name in LSQ_LEDGER, LSQ_LEDGER_FILE or --ledger, or this machine's name server (DNS)",
    )


@contextlib.contextmanager
def looking(url: str) -> Iterator[tuple[sa.Connection, Path | None]]:
    """Give a connection that reads an existing ledger as it is, without check and upgrade. Raises LedgerError."""
    if not exists(url):
        raise no_ledger(url)
    engine = database.make_engine(url)
    try:
        with database.translated_errors(url), engine.connect() as db:
            refuse_moved(db)
            yield db, database.sqlite_path(url)
    finally:
        postgres.close_engine(engine)


def no_ledger(url: str) -> LedgerError:
    """Return the error for a missing ledger."""
    return LedgerError(
        f"no ledger found at {database.safe_url(url)}",
        hint="if you have never imported into this account, create it: ticket-importer ledger init. Otherwise find the "
        "existing ledger first: without it every row counts as new, and tickets would be created twice",
    )


def _open_checked(url: str, path: Path | None, *, make: bool = False) -> sa.Engine:
    if path is not None:
        refuse_network_disk(path)
    engine = database.make_engine(url)
    try:
        if path is None:
            _check_server(engine)
        if make:
            _make_tables(engine, path)
        migrations.check_or_upgrade(engine, path)
        if path is not None:  # it is a ledger: another file or folder that was named by mistake is not changed
            permissions.remove_access_of_others(path)
    except BaseException:
        postgres.close_engine(engine)
        raise
    return engine


def _check_server(engine: sa.Engine) -> None:
    with engine.connect() as db:
        postgres.refuse_unsafe(db)
        is_unverified = postgres.is_unverified(postgres.connection_options(db))
    if is_unverified:
        log.warning(
            "the connection to the ledger at %s does not verify the server: somebody between could read and change it; "
            "add ?sslmode=verify-full&sslrootcert=FILE to its address",
            database.safe_url(str(engine.url)),
        )


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise LedgerError(
            f"the ledger {path} is a folder, not a file",
            hint="name the ledger's file in LSQ_LEDGER or --ledger, such as a ledger.sqlite in that folder",
        )


def _make_tables(engine: sa.Engine, path: Path | None) -> None:
    with engine.connect().execution_options(writes=True) as db, db.begin():
        database.lock_ledger(db)
        tables = sa.inspect(db).get_table_names()
        if path is not None and tables and schema.meta.name not in tables:
            raise LedgerError(
                f"{path} is a database of another program, and stays as it is",
                hint="name another file in LSQ_LEDGER or --ledger; a ledger has its own file",
            )
        if schema.meta.name not in tables:  # an existing ledger stays unchanged
            schema.metadata.create_all(db)
            version = str(schema.SCHEMA_VERSION)
            values = {
                "schema_version": version,
                "secret": secrets.token_hex(schema.SECRET_BYTES),
                "id": uuid.uuid4().hex,
            }
            db.execute(schema.meta.insert(), [{"name": name, "value": value} for name, value in values.items()])
            db.execute(schema.alembic_version.insert().values(version_num=version))
