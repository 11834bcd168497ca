"""The pool of an account's slots in the ledger's database, where every run that calls the account changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from importer.ledger import database, leases, schema
from importer.ledger.records import utc_minute
from importer.rate_limit import SlotPool

DAY_MINUTES = 24 * 60
_LONGEST_PAUSE_S = 24 * 3600.0
_KEPT_MINUTES = 3 * DAY_MINUTES

Change = Callable[[SlotPool, float], Any]


class SlotRecords:
    """The pool of one account. Synchronous; each call is one short transaction of its own.

    A use of a slot need not outlive a power failure, since nobody calls anybody for longer than a period after one:
    its commits don't wait for the disk.
    """

    def __init__(self, url: sa.URL, account: str) -> None:
        self._engine = database.make_engine(url.render_as_string(hide_password=False))
        self._account = account
        self._ahead_s = 0.0  # of the server's clock before this machine's
        self._tidied = utc_minute()
        if url.get_backend_name() == "sqlite":
            sa.event.listen(self._engine, "connect", _need_not_sync)

    def close(self) -> None:
        """Release the connection."""
        self._engine.dispose()

    def now(self) -> float:
        """The clock of the pool, in seconds: this machine's since it was started, or the server's, as last seen."""
        return database.boot_clock_s() + self._ahead_s

    def change(self, changes: Sequence[Change]) -> tuple[SlotPool, list[Any]]:
        """Make changes one after the other, and nobody else in between; give the pool then, and their answers.

        Raises LedgerError: then nothing has changed.
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
        found = db.execute(schema.quotas.select().where(where).with_for_update()).first()
        if found is None:
            blank = {"account": self._account, "boot_id": database.boot_id(), "pool": SlotPool().to_json()}
            db.execute(database.insert(db, schema.quotas).values(blank).on_conflict_do_nothing())
            found = db.execute(schema.quotas.select().where(where).with_for_update()).one()
        asked_at = database.boot_clock_s()
        now = leases.now(db)  # after the lock was waited for
        if db.dialect.name != "sqlite":  # which has this machine's clock: what passes here is no difference
            self._ahead_s = now - (asked_at + database.boot_clock_s()) / 2
        pool = SlotPool.from_json(found.pool, now, _LONGEST_PAUSE_S)
        if db.dialect.name == "sqlite" and found.boot_id != database.boot_id():
            pool = SlotPool.all_used(len(pool.slots), now)  # its times are those of another clock
        pool.made_today = self._made_today(db)
        return pool, now

    def _save(self, db: sa.Connection, pool: SlotPool) -> None:
        values = {"boot_id": database.boot_id(), "pool": pool.to_json()}
        db.execute(schema.quotas.update().where(schema.quotas.c.account == self._account).values(values))
        if pool.counted > 0:
            statement = database.insert(db, schema.calls).values(
                account=self._account, minute=utc_minute(), calls=pool.counted
            )
            calls = schema.calls.c.calls + statement.excluded.calls
            db.execute(statement.on_conflict_do_update(index_elements=["account", "minute"], set_={"calls": calls}))
        elif pool.counted < 0:
            self._uncount(db, -pool.counted)
        pool.made_today += pool.counted
        pool.counted = 0

    def _uncount(self, db: sa.Connection, calls: int) -> None:
        """Take calls that were given back off the last minutes that have any: theirs, and not that of giving back.

        Else a minute could have fewer than none, and a day later, when theirs is forgotten first, so could the day.
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

    def _made_today(self, db: sa.Connection) -> int:
        columns = schema.calls.c
        mine, minute = columns.account == self._account, utc_minute()
        if minute != self._tidied:
            self._tidied = minute
            db.execute(schema.calls.delete().where(mine & (columns.minute < minute - _KEPT_MINUTES)))
        # A minute of which only a part is within the day counts as a whole.
        where = mine & (columns.minute >= minute - DAY_MINUTES)
        return int(db.scalar(sa.select(sa.func.sum(columns.calls)).where(where)) or 0)


def _need_not_sync(connection: Any, _record: object) -> None:
    connection.execute("pragma synchronous = normal")
