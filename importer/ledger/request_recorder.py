"""Records the intents and outcomes of one commit, in a few statements for any number of records.

When a commit begins, the answers in it have arrived, and its requests have not been sent. So outcomes are recorded
before intents, except that the records of one row keep their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

from importer.errors import StoppedEarly
from importer.ledger import request_bodies, schema
from importer.ledger.keyed_hashes import KeyedHash
from importer.ledger.records import Intent, Outcome, RunInfo, utc_now
from importer.ledger.ticket_numbers import duplicates_as_unknown, lock_settling

_tickets, _attempts = schema.tickets.c, schema.attempts.c


def _given(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.Text) -> sa.BindParameter[Any]:
    """Return a parameter; the prefix distinguishes its name from the columns' names."""
    return sa.bindparam(f"given_{name}", type_=kind())


def _fixed(value: str) -> sa.ColumnElement[Any]:
    """Return a constant that is part of the statement's text, so that it is no parameter."""
    return sa.literal_column(f"'{value}'" if not value.isdecimal() else value)


_TICKET = (
    (_tickets.account == _given("account")) & (_tickets.source == _given("source")) & (_tickets.key == _given("key"))
)
_MAY_BE_SENT = (
    _TICKET
    & (_tickets.held_by == _given("run"))
    & (_tickets.state != _fixed("created"))
    & (_tickets.state != _fixed("sending"))
)
_SENT_HERE = (_tickets.run == _given("run")) & (
    (_tickets.state == _fixed("sending")) | (_tickets.state == _fixed("unknown"))
)
_LEAVE_ATTEMPT = schema.attempts.insert().from_select(
    ["ticket", "run", "intended_at", "request", "title_hash"],
    sa.select(_tickets.id, _given("run"), _given("now"), _given("request"), _given("title_hash")).where(_MAY_BE_SENT),
    include_defaults=False,
)
_SEND = (
    schema.tickets.update()
    .where(_MAY_BE_SENT)
    .values(
        state=_fixed("sending"),
        run=_given("run"),
        content=_given("content"),
        title_hash=_given("title_hash"),
        lead_hash=_given("lead_hash"),
        attempts=_tickets.attempts + _fixed("1"),
    )
)
_LAST_SENT = (
    sa.select(_tickets.key)
    .join(schema.attempts, _attempts.ticket == _tickets.id)
    .where(_attempts.run == _given("run"))
    .order_by(_attempts.id.desc())
)
_SETTLE = (
    schema.tickets.update()
    # Held by the run, or sent by it before another run took over: a late answer is still valid.
    .where(_TICKET & ((_tickets.held_by == _given("run")) | _SENT_HERE))
    .values(
        state=_given("state"),
        error_code=sa.func.coalesce(_given("new_code"), _tickets.error_code),
        error=sa.func.coalesce(_given("new_error"), _tickets.error),
        run=_given("run"),
        finished_at=_given("finished_at"),
        # A request without a recorded intent was never counted.
        attempts=_tickets.attempts
        - sa.case((_SENT_HERE, _given("uncounted", sa.Integer)), else_=_given("uncounted_late", sa.Integer)),
    )
)
_SETTLE_WITH_IDS = _SETTLE.values(
    number=_given("number"), ticket_id=_given("ticket_id"), ticket_key=_given("ticket_key")
)
# The request's outcome is recorded even if another run has taken over the ticket.
_SETTLE_ATTEMPT = (
    schema.attempts.update()
    .where(
        (_attempts.ticket == sa.select(_tickets.id).where(_TICKET).scalar_subquery())
        & (_attempts.run == _given("run"))
        & _attempts.outcome.is_(None)
    )
    .values(
        outcome=_given("outcome"),
        http_status=_given("http_status", sa.Integer),
        detail=_given("error"),
        settled_at=_given("now"),
        settled_after=schema.last_attempt(),
        wait_s=_given("wait_s", sa.Float),
    )
)
_SETTLE_ATTEMPT_AND_ERASE = _SETTLE_ATTEMPT.values(request=_fixed(""))
# Erases bodies of the row's earlier requests; only unclear answers leave bodies, so most rows have none.
_ERASE_OTHERS = request_bodies.erase(
    _TICKET & ((_tickets.attempts > _fixed("1")) | (_given("uncounted", sa.Integer) != _fixed("0")))
)


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """Records that can be written together: at most one outcome and one intent per row, outcome first."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)


class _Prepared:
    """A compiled statement that is executed for many rows at once.

    Compiling a statement, or only finding it in SQLAlchemy's cache, takes as long as the database needs for ten rows.
    """

    def __init__(self, statement: sa.UpdateBase, dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._in_order = compiled.positiontup if isinstance(compiled, SQLCompiler) else None

    def __call__(self, db: sa.Connection, rows: list[dict[str, Any]]) -> int:
        """Execute the statement for each of the rows; return the number of changed rows."""
        if self._in_order is None:
            return db.exec_driver_sql(self._text, rows).rowcount
        values = [tuple([row[name] for name in self._in_order]) for row in rows]
        return db.exec_driver_sql(self._text, values).rowcount


class RequestRecorder:
    """Records the intents and outcomes of a run's requests."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._leave_attempt = _Prepared(_LEAVE_ATTEMPT, dialect)
        self._send = _Prepared(_SEND, dialect)
        self._settle_ticket = _Prepared(_SETTLE, dialect)
        self._settle_with_ids = _Prepared(_SETTLE_WITH_IDS, dialect)
        self._settle_attempt = _Prepared(_SETTLE_ATTEMPT, dialect)
        self._settle_attempt_and_erase = _Prepared(_SETTLE_ATTEMPT_AND_ERASE, dialect)
        self._erase_others = _Prepared(_ERASE_OTHERS, dialect)

    def record(
        self, db: sa.Connection, run: RunInfo, records: Sequence[Intent | Outcome], keyed_hash: KeyedHash
    ) -> dict[Outcome, Outcome]:
        """Record a batch. Returns the replacements of outcomes whose ticket belongs to another row already.

        Raises StoppedEarly if the run does not hold a row that it is about to send.
        """
        changed: dict[Outcome, Outcome] = {}
        for stage in _stages(records):
            if stage.outcomes:
                outcomes = list(stage.outcomes.values())
                if any(each.ids is not None for each in outcomes):
                    lock_settling(db, run.account)
                    changed |= duplicates_as_unknown(db, run, outcomes)
                self._settle(db, run, [changed.get(each, each) for each in outcomes])
            if stage.intents:
                self._intend(db, run, stage.intents.values(), keyed_hash)
        return changed

    def _intend(self, db: sa.Connection, run: RunInfo, intents: Iterable[Intent], keyed_hash: KeyedHash) -> None:
        common = _common(run, utc_now())
        rows = [
            {
                **common,
                "given_key": each.key,
                "given_content": each.content,
                "given_request": each.request,
                "given_title_hash": keyed_hash.hex(each.title),
                "given_lead_hash": keyed_hash.hex(each.lead),
            }
            for each in intents
        ]
        self._leave_attempt(db, rows)
        sent = self._send(db, rows)
        if sent < len(rows):
            accepted = set(db.scalars(_LAST_SENT.limit(sent), {"given_run": run.id}))
            key = next(row["given_key"] for row in rows if row["given_key"] not in accepted)
            raise StoppedEarly(
                f"another run has taken over the row with key {key!r}",
                hint="wait until that run has ended, then run the same command again",
            )

    def _settle(self, db: sa.Connection, run: RunInfo, outcomes: Iterable[Outcome]) -> None:
        now = utc_now()
        common = _common(run, now)
        plain: list[dict[str, Any]] = []
        with_ids: list[dict[str, Any]] = []
        for each in outcomes:
            row = {**common, **_settled(each, now)}
            (plain if each.ids is None else with_ids).append(row)
        for settle, rows in ((self._settle_ticket, plain), (self._settle_with_ids, with_ids)):
            if rows:
                settle(db, rows)
            unknown = [row for row in rows if row["given_state"] == "unknown"]
            settled = [row for row in rows if row["given_state"] != "unknown"]
            if unknown:
                self._settle_attempt(db, unknown)
            if settled:
                self._settle_attempt_and_erase(db, settled)
                self._erase_others(db, settled)


def _common(run: RunInfo, now: str) -> dict[str, Any]:
    return {"given_account": run.account, "given_source": run.source, "given_run": run.id, "given_now": now}


def _settled(outcome: Outcome, now: str) -> dict[str, Any]:
    values = {
        "given_key": outcome.key,
        "given_state": outcome.state,
        "given_new_code": None if outcome.unchanged else outcome.error_code,
        "given_new_error": None if outcome.unchanged else outcome.error,
        "given_error": outcome.error,
        "given_finished_at": "" if outcome.state == "pending" else now,
        "given_uncounted": -1 if outcome.late else int(not outcome.counted),
        "given_uncounted_late": -1 if outcome.late else 0,
        "given_outcome": outcome.outcome,
        "given_http_status": outcome.http_status,
        "given_wait_s": outcome.wait_s,
    }
    if outcome.ids is not None:
        values["given_number"] = outcome.ids.number
        values["given_ticket_id"] = outcome.ids.ticket_id
        values["given_ticket_key"] = outcome.ids.key
    return values


def _stages(records: Sequence[Intent | Outcome]) -> Iterator[_Stage]:
    stage = _Stage()
    for record in records:
        key = record.key
        if key in stage.intents or (key in stage.outcomes and isinstance(record, Outcome)):
            yield stage
            stage = _Stage()
        match record:
            case Intent():
                stage.intents[key] = record
            case Outcome():
                stage.outcomes[key] = record
    yield stage
