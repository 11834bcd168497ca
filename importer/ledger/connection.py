"""The connection to one ledger: its address, its transactions, and its secret for keyed hashes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger import database, postgres, schema
from importer.ledger.keyed_hashes import KeyedHash
from importer.ledger.sqlite_file import LedgerFile

_MOST_ATTEMPTS = 5
_Result = TypeVar("_Result")


class LedgerConnection:
    """Connection to one open ledger. ``path``: the file of an SQLite ledger; ``None`` for a server."""

    def __init__(self, engine: sa.Engine, path: Path | None) -> None:
        self.path = path
        self._engine = engine
        self._file = LedgerFile(path) if path is not None else None

    @property
    def url(self) -> sa.URL:
        """The database's address."""
        return self._engine.url

    @functools.cached_property
    def keyed_hash(self) -> KeyedHash:
        """The hash function with this ledger's secret."""
        with self.reading() as db:
            secret = db.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == "secret"))
        if secret is None:
            raise LedgerError(
                f"the secret is missing in the ledger {database.safe_url(str(self._engine.url))}",
                hint="it is damaged; restore it from a backup",
            )
        return KeyedHash(bytes.fromhex(secret))

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection for queries. Raises LedgerError."""
        with self._translated_errors(), self._engine.connect() as db:
            yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in one transaction that may write. Raises LedgerError."""
        with self._translated_errors(), self._engine.connect().execution_options(writes=True) as db, db.begin():
            if self._file is not None:
                self._file.check_same()
            yield db

    def transaction(self, work: Callable[[sa.Connection], _Result]) -> _Result:
        """Do ``work`` in one transaction that may write, again if another transaction was in its way.

        Raises LedgerError.
        """
        for attempt in range(_MOST_ATTEMPTS):
            try:
                with self.writing() as db:
                    return work(db)
            except LedgerError as error:
                if attempt == _MOST_ATTEMPTS - 1 or not postgres.is_transient(error.__cause__):
                    raise
        raise AssertionError

    def _translated_errors(self) -> contextlib.AbstractContextManager[None]:
        return database.translated_errors(str(self._engine.url))
