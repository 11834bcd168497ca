"""How a ledger is found, made and opened: its address, its file, its tables."""

from __future__ import annotations

import secrets
from pathlib import Path

import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger import database, migrations, permissions, schema
from importer.ledger.sqlite_file import refuse_network_disk


def create_ledger(url: str) -> tuple[sa.Engine, Path | None]:
    """Make a ledger, or open it if it is there. Raises LedgerError."""
    path = database.sqlite_path(url)
    with database.translated_errors(url):
        if path is not None:
            permissions.make_folder(path.parent)
            refuse_network_disk(path)
            permissions.create_ledger(path)
        return _checked(url, path, make=True), path


def exists(url: str) -> bool:
    """Say whether there is a ledger to open."""
    path = database.sqlite_path(url)
    with database.translated_errors(url):
        if path is not None:
            return path.exists() and path.stat().st_size > 0
        engine = database.make_engine(url)
        try:
            return sa.inspect(engine).has_table("ledger_meta")
        finally:
            engine.dispose()


def open_ledger(url: str) -> tuple[sa.Engine, Path | None]:
    """Open a ledger that is there. Raises LedgerError if it is not, is damaged, or of a newer version."""
    if not exists(url):
        raise no_ledger(url)
    path = database.sqlite_path(url)
    with database.translated_errors(url):
        return _checked(url, path), path


def no_ledger(url: str) -> LedgerError:
    """Say that there is no ledger, and what to do."""
    return LedgerError(
        f"there is no ledger at {database.safe_url(url)}",
        hint="if this is the first import from here, make it: ticket-importer ledger init. If not, find the "
        "former ledger first: without it every row looks new, and tickets would be made twice",
    )


def _checked(url: str, path: Path | None, *, make: bool = False) -> sa.Engine:
    if path is not None:
        refuse_network_disk(path)
        permissions.tighten(path)
    engine = database.make_engine(url)
    try:
        if make:
            _make_tables(engine)
        migrations.check(engine, path)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _make_tables(engine: sa.Engine) -> None:
    with engine.connect().execution_options(writes=True) as db, db.begin():
        if not sa.inspect(db).has_table(schema.meta.name):  # one of another version stays as it is
            schema.metadata.create_all(db)
            version = str(schema.SCHEMA_VERSION)
            values = {"schema_version": version, "secret": secrets.token_hex(schema.SECRET_BYTES)}
            db.execute(schema.meta.insert(), [{"name": name, "value": value} for name, value in values.items()])
            db.execute(schema.alembic_version.insert().values(version_num=version))
