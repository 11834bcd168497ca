"""The connection to one ledger: its address, its transactions, and its secret for keyed hashes."""

from __future__ import annotations

import contextlib
import functools
import secrets
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from importer.errors import LedgerAway, LedgerError
from importer.ledger import database, postgres, schema
from importer.ledger.keyed_hashes import KeyedHash
from importer.ledger.records import utc_before, utc_now
from importer.ledger.server_outage import ServerOutage
from importer.ledger.sqlite_file import LedgerFile

_MOST_ATTEMPTS = 5
_MARKS_KEPT_S = 7 * 86_400.0
_Result = TypeVar("_Result")


class LedgerConnection:
    """Connection to one open ledger. ``path``: the file of an SQLite ledger; ``None`` for a server."""

    def __init__(self, engine: sa.Engine, path: Path | None) -> None:
        self.path = path
        self._engine = engine
        self._file = LedgerFile(path) if path is not None else None
        self.outage = ServerOutage()
        self._mark_name = ""  # in `ledger_meta`, where each transaction leaves its mark; empty until there is one

    @property
    def url(self) -> sa.URL:
        """The database's address."""
        return self._engine.url

    @functools.cached_property
    def id(self) -> str:
        """The ledger's ID, which its copies share. A ledger of an older version gets one now."""
        wanted = sa.select(schema.meta.c.value).where(schema.meta.c.name == "id")
        with self.reading() as db:
            known = db.scalar(wanted)
        if known is None:
            with self.writing() as db:
                new = database.insert(db, schema.meta).values(name="id", value=uuid.uuid4().hex)
                db.execute(new.on_conflict_do_nothing())
                known = db.scalar(wanted)
        return str(known)

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
        with self._translated_errors(), self._connected(writes=False) as db:
            yield db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in one transaction that may write. Raises LedgerError."""
        with self._translated_errors(), self._connected(writes=True) as db:
            if self._file is not None:
                self._file.check_same()
            yield db
            db.commit()

    def transaction(self, work: Callable[[sa.Connection], _Result]) -> _Result:
        """Do ``work`` in one transaction that may write.

        Do it again if another transaction was in its way, or if the server went away. If the connection was lost during
        the commit, the server is asked whether the transaction was committed. Raises LedgerError.
        """
        if self.path is not None:
            with self.writing() as db:
                return work(db)
        tries_left = _MOST_ATTEMPTS
        while True:
            mark, results = {"name": self._marked(), "mark": f"{utc_now()} {secrets.token_hex(16)}"}, []
            has_begun = False
            try:
                with self._translated_errors(), self._connected(writes=True, mark=mark) as db:
                    has_begun = True
                    results.append(work(db))
                    db.commit()
                return results[0]
            except LedgerError as error:
                tries_left -= 1
                if has_begun and postgres.is_lost(error.__cause__):
                    if results and self._was_committed(**mark):
                        return results[0]
                elif not tries_left or not postgres.is_transient(error.__cause__):
                    raise

    def give_up(self) -> None:
        """Wait no longer for a server, not even for the answer to a statement."""
        if self.path is None:
            self.outage.is_given_up = True
            postgres.break_connections()

    def forget_mark(self) -> None:
        """Remove the mark of the last transaction, as no other follows."""
        if self._mark_name:
            with contextlib.suppress(LedgerError), self.writing() as db:
                db.execute(schema.meta.delete().where(schema.meta.c.name == self._mark_name))
            self._mark_name = ""

    def _marked(self) -> str:
        if not self._mark_name:
            name = f"commit {secrets.token_hex(16)}"
            columns = schema.meta.c
            killed = columns.name.like("commit %") & (columns.value < utc_before(_MARKS_KEPT_S))
            with self.writing() as db:
                db.execute(schema.meta.delete().where(killed))  # a living process writes its mark every few seconds
                db.execute(schema.meta.insert().values(name=name, value=utc_now()))
            self._mark_name = name
        return self._mark_name

    def _was_committed(self, name: str, mark: str) -> bool:
        while True:
            try:
                with self.writing() as db:
                    return postgres.was_committed(db, name, mark)
            except LedgerError as error:
                cause = error.__cause__
                if not (postgres.is_lost(cause) or postgres.is_transient(cause)) or not self.outage.wait("a commit"):
                    raise

    @contextlib.contextmanager
    def _connected(self, *, writes: bool, mark: dict[str, str] | None = None) -> Iterator[sa.Connection]:
        """Give a connection in a new transaction, when the server is there."""
        if self.outage.is_given_up:
            raise LedgerAway("the ledger's server does not answer", hint="when it is back, run the same command again")
        with contextlib.ExitStack() as stack:
            while True:
                try:
                    db = stack.enter_context(self._engine.connect().execution_options(writes=writes, mark=mark))
                    db.begin()
                except sa.exc.SQLAlchemyError as error:
                    stack.close()
                    if not postgres.is_lost(error) or not self.outage.wait(postgres.reason(error)):
                        raise
                else:
                    break
            self.outage.ended()
            yield db

    def _translated_errors(self) -> contextlib.AbstractContextManager[None]:
        return database.translated_errors(str(self._engine.url))
