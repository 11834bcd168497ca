"""The slot pool of an account in PostgreSQL: no lock is held while a host thinks, and a change is one round trip.

A host changes its copy of the pool and sends the result with the copy that it changed. The server takes the result only
if the pool is still that copy, and always answers with the pool as it is now; so a host that was not first changes the
new pool again. A host that falls silent holds up nobody.

A standby that becomes the server may lack the last changes. So the pool is stored with the start time of the server
that wrote it; on another one, all slots count as leased just now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from importer.ledger import database, postgres, schema
from importer.ledger.server_outage import ServerOutage
from importer.rate_limit import SlotPool
from importer.rate_limit.pool_text import LONGEST_PAUSE_S, pool_from_text, pool_to_text
from importer.rate_limit.slot_leases import LEASE_S
from importer.rate_limit.slots import SlotList

_CLOCK_SAMPLES = 16
# A minute that is partly within the 24 hours counts fully.
_LOOK = sa.text("""
    select pool, boot_id, extract(epoch from pg_postmaster_start_time())::text,
    extract(epoch from clock_timestamp())::float8, (
        select coalesce(sum(calls), 0) from calls
        where account = :account and minute >= floor(extract(epoch from clock_timestamp()) / 60)::int - 1440
    ) from quotas where account = :account
""")
# Calls that were given back are subtracted from the last minutes with calls: a count must not become negative.
_CHANGE = sa.text("""
    with server as (
        select extract(epoch from pg_postmaster_start_time())::text as started
    ), found as (
        update quotas set
            pool = case when pool = :seen and started = :server then :changed else pool end,
            boot_id = case when pool = :seen and started = :server then started else boot_id end
        from server where account = :account
        returning pool, boot_id, started
    ), counted as (
        insert into calls (account, minute, calls)
        select :account, floor(extract(epoch from clock_timestamp()) / 60)::int, :calls from found
        where found.pool = :changed and :calls > 0
        on conflict (account, minute) do update set calls = calls.calls + excluded.calls
    ), ordered as (
        select minute, sum(calls) over (order by minute desc) - calls as later from calls
        where account = :account and :calls < 0 and calls > 0 order by minute desc limit -least(:calls, 0)
    ), subtracted as (
        update calls set calls = calls.calls - least(calls.calls, greatest(-:calls - ordered.later, 0))
        from ordered, found
        where calls.account = :account and calls.minute = ordered.minute and found.pool = :changed
    )
    select found.pool, found.boot_id, found.started, extract(epoch from clock_timestamp())::float8, (
        select coalesce(sum(calls), 0) from calls
        where account = :account and minute >= floor(extract(epoch from clock_timestamp()) / 60)::int - 1440
    ) from found
""")
_TIDY = sa.text("""
    delete from calls
    where account = :account and minute < floor(extract(epoch from clock_timestamp()) / 60)::int - 4320
""")

Change = Callable[[SlotPool, float], Any]


@dataclass(frozen=True, slots=True)
class _Found:
    """The pool as it was on the server, and the calls of the last 24 hours.

    ``written_on``, ``server``: the start times of the server that wrote the pool, and of the one that answered.
    """

    text: str
    written_on: str
    server: str
    calls: int


class ServerSlotRecords:
    """The slot pool of one account on a server. Synchronous."""

    def __init__(self, url: sa.URL, account: str, outage: ServerOutage) -> None:
        self._url = url
        self._outage = outage
        self._engine = postgres.make_engine(url)
        self._account = account
        # By how much the server's clock is ahead of this machine's, and how exactly this is known.
        self._clock_samples: deque[tuple[float, float]] = deque(maxlen=_CLOCK_SAMPLES)
        self._found: _Found | None = None

    def close(self) -> None:
        """Release the connection."""
        postgres.close_engine(self._engine)

    def now(self) -> float:
        """Return the server's time in seconds."""
        return database.boot_clock_s() + min(self._clock_samples, default=(0.0, 0.0))[1]

    @property
    def is_away(self) -> bool:
        """Whether the server does not answer."""
        return self._outage.is_active

    @property
    def clock_error_s(self) -> float:
        """By how much ``now`` may be wrong: half of the quickest of the last round trips."""
        return min(self._clock_samples, default=(0.0, 0.0))[0]

    def change(self, changes: Sequence[Change]) -> tuple[SlotPool, list[Any]]:
        """Make changes together; return the pool and the results. Raises LedgerError, with no change."""
        with database.translated_errors(str(self._url)):
            while True:
                try:
                    with self._engine.connect().execution_options(single_statement=True) as db:
                        changed = self._change(db, changes)
                except sa.exc.SQLAlchemyError as error:
                    # A booking that was made although its answer was lost only costs its slot.
                    if not postgres.is_lost(error) or not self._outage.wait(postgres.reason(error)):
                        raise
                else:
                    self._outage.ended()
                    return changed

    def _change(self, db: sa.Connection, changes: Sequence[Change]) -> tuple[SlotPool, list[Any]]:
        found = self._found or self._look(db)
        while True:
            now = self.now()
            pool = pool_from_text(found.text, now, LONGEST_PAUSE_S)
            if found.written_on != found.server:  # uses and leases may be missing
                pool.slots = SlotList.all_used(len(pool.slots), now + LEASE_S)
            pool.calls_last_day = found.calls
            answers = [change(pool, now) for change in changes]
            text, calls = pool_to_text(pool), pool.new_calls
            answered = self._send(db, found, text, calls)
            if answered.text == text:
                break
            found = answered
        # The answer counts the calls before this change.
        self._found = replace(answered, calls=answered.calls + calls)
        pool.calls_last_day, pool.new_calls = self._found.calls, 0
        return pool, answers

    def _look(self, db: sa.Connection) -> _Found:
        while (found := self._ask(db, _LOOK, {})) is None:
            blank = {"account": self._account, "boot_id": "", "pool": pool_to_text(SlotPool())}
            db.execute(database.insert(db, schema.quotas).values(blank).on_conflict_do_nothing())
        db.execute(_TIDY, {"account": self._account})
        return found

    def _send(self, db: sa.Connection, found: _Found, changed: str, calls: int) -> _Found:
        if changed == found.text and not calls:
            answered = self._ask(db, _LOOK, {})
        else:
            values = {"seen": found.text, "server": found.server, "changed": changed, "calls": calls}
            answered = self._ask(db, _CHANGE, values)
        return answered or self._look(db)

    def _ask(self, db: sa.Connection, statement: sa.TextClause, values: dict[str, Any]) -> _Found | None:
        asked_at = database.boot_clock_s()
        row = db.execute(statement, {"account": self._account, **values}).first()
        if row is None:
            return None
        answered_at = database.boot_clock_s()
        pool, written_on, server, server_s, calls = row
        self._note_clock(server_s - (asked_at + answered_at) / 2, (answered_at - asked_at) / 2)
        return _Found(pool, written_on, server, int(calls))

    def _note_clock(self, ahead_s: float, error_s: float) -> None:
        """Record a reading of the server's clock; the most exact of the last ones counts."""
        if any(abs(ahead_s - known) > error_s + known_error for known_error, known in self._clock_samples):
            self._clock_samples.clear()  # one of the clocks was set
        self._clock_samples.append((error_s, ahead_s))
