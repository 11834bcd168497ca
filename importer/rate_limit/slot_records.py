"""The slot pool of an account in the ledger's database, shared by all runs: in an SQLite file, or on a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from importer.ledger import database, schema
from importer.ledger.connection import LedgerConnection
from importer.ledger.records import utc_minute
from importer.rate_limit import SlotPool
from importer.rate_limit.pool_text import LONGEST_PAUSE_S, pool_from_text, pool_to_text
from importer.rate_limit.server_slot_records import ServerSlotRecords
from importer.rate_limit.slots import SlotList

DAY_MINUTES = 24 * 60
_KEPT_MINUTES = 3 * DAY_MINUTES

Change = Callable[[SlotPool, float], Any]


def slot_records(ledger: LedgerConnection, account: str) -> FileSlotRecords | ServerSlotRecords:
    """Return the slot pool of an account in a ledger."""
    if ledger.path is not None:
        return FileSlotRecords(ledger.url, account)
    return ServerSlotRecords(ledger.url, account, ledger.outage)


class FileSlotRecords:
    """The slot pool of one account in an SQLite file. Synchronous; each change is one short transaction.

    Its commits don't wait for the disk: after a power failure, no call is made for longer than a period, so the last
    uses of slots don't matter.
    """

    def __init__(self, url: sa.URL, account: str) -> None:
        self._engine = database.make_engine(url.render_as_string(hide_password=False))
        self._account = account
        self._tidied = utc_minute()
        sa.event.listen(self._engine, "connect", _skip_sync)

    def close(self) -> None:
        """Release the connection."""
        self._engine.dispose()

    def now(self) -> float:
        """Return the seconds since this machine was started."""
        return database.boot_clock_s()

    def change(self, changes: Sequence[Change]) -> tuple[SlotPool, list[Any]]:
        """Make changes in one transaction; return the pool and the results.

        Raises LedgerError, with no change.
        """
        with (
            database.translated_errors(str(self._engine.url)),
            self._engine.connect().execution_options(writes=True) as db,
            db.begin(),
        ):
            pool, now = self._load(db)
            answers = [change(pool, now) for change in changes]
            self._save(db, pool)
            return pool, answers

    def _load(self, db: sa.Connection) -> tuple[SlotPool, float]:
        columns = schema.quotas.c
        where = columns.account == self._account
        found = db.execute(schema.quotas.select().where(where)).first()
        if found is None:
            blank = {"account": self._account, "boot_id": database.boot_id(), "pool": pool_to_text(SlotPool())}
            db.execute(schema.quotas.insert().values(blank))
            found = db.execute(schema.quotas.select().where(where)).one()
        now = database.boot_clock_s()  # after waiting for the lock
        pool = pool_from_text(found.pool, now, LONGEST_PAUSE_S)
        if found.boot_id != database.boot_id():
            # The machine was restarted: the times are of another clock.
            pool = SlotPool(slots=SlotList.all_used(len(pool.slots), now))
        pool.calls_last_day = self._calls_last_day(db)
        return pool, now

    def _save(self, db: sa.Connection, pool: SlotPool) -> None:
        values = {"boot_id": database.boot_id(), "pool": pool_to_text(pool)}
        db.execute(schema.quotas.update().where(schema.quotas.c.account == self._account).values(values))
        if pool.new_calls > 0:
            statement = database.insert(db, schema.calls).values(
                account=self._account, minute=utc_minute(), calls=pool.new_calls
            )
            calls = schema.calls.c.calls + statement.excluded.calls
            db.execute(statement.on_conflict_do_update(index_elements=["account", "minute"], set_={"calls": calls}))
        elif pool.new_calls < 0:
            self._subtract(db, -pool.new_calls)
        pool.calls_last_day += pool.new_calls
        pool.new_calls = 0

    def _subtract(self, db: sa.Connection, calls: int) -> None:
        """Subtract calls that were given back from the last minutes with calls.

        If they were subtracted from the current minute, its count, and later the day's, could become negative.
        """
        columns = schema.calls.c
        mine = (columns.account == self._account) & (columns.calls > 0)
        last = sa.select(columns.minute, columns.calls).where(mine).order_by(columns.minute.desc())
        for minute, counted in db.execute(last.limit(calls)).all():
            fewer = min(calls, counted)
            where = mine & (columns.minute == minute)
            db.execute(schema.calls.update().where(where).values(calls=counted - fewer))
            calls -= fewer
            if not calls:
                return

    def _calls_last_day(self, db: sa.Connection) -> int:
        columns = schema.calls.c
        mine, minute = columns.account == self._account, utc_minute()
        if minute != self._tidied:
            self._tidied = minute
            db.execute(schema.calls.delete().where(mine & (columns.minute < minute - _KEPT_MINUTES)))
        # A minute that is partly within the 24 hours counts fully.
        where = mine & (columns.minute >= minute - DAY_MINUTES)
        return int(db.scalar(sa.select(sa.func.sum(columns.calls)).where(where)) or 0)


def _skip_sync(connection: Any, _record: object) -> None:
    connection.execute("pragma synchronous = normal")
