"""Records the intents and outcomes of one commit, in a few statements for any number of records.

When a commit begins, the answers in it have arrived, and its requests have not been sent. So outcomes are recorded
before intents, except that the records of one row keep their order.

An intent takes the leads that its request may create: of two requests for one new lead, one waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from importer.errors import StoppedEarly
from importer.ledger import database, leases, request_bodies, schema
from importer.ledger.bulk_statements import BulkStatement, NumberQuery, parameter
from importer.ledger.keyed_hashes import KeyedHash
from importer.ledger.leads_under_way import LeadsUnderWay
from importer.ledger.records import Intent, Outcome, RunInfo, utc_now
from importer.ledger.ticket_numbers import duplicates_as_unknown, lock_settling

_tickets, _attempts = schema.tickets.c, schema.attempts.c


def _constant(value: str) -> sa.ColumnElement[Any]:
    """Return a constant that is part of the statement's text, so that it is no parameter."""
    return sa.literal_column(f"'{value}'" if not value.isdecimal() else value)


_TICKET = (
    (_tickets.account == parameter("account"))
    & (_tickets.source == parameter("source"))
    & (_tickets.key == parameter("key"))
)


_MAY_BE_SENT = (
    _TICKET
    & (_tickets.held_by == parameter("run"))
    & (_tickets.state != _constant("created"))
    & (_tickets.state != _constant("sending"))
)
_SENT_HERE = (_tickets.run == parameter("run")) & (
    (_tickets.state == _constant("sending")) | (_tickets.state == _constant("unknown"))
)
_INTENDED = {
    "run": parameter("run"),
    "operation": parameter("operation"),
    "intended_at": parameter("now"),
    "request": parameter("request"),
    "title_hash": parameter("title_hash"),
}
_LEAVE_ATTEMPT = schema.attempts.insert().from_select(
    ["ticket", *_INTENDED],
    sa.select(_tickets.id, *_INTENDED.values()).where(_MAY_BE_SENT),
    include_defaults=False,
)
_SEND = (
    schema.tickets.update()
    .where(_MAY_BE_SENT)
    .values(
        state=_constant("sending"),
        run=parameter("run"),
        content=parameter("content"),
        title_hash=parameter("title_hash"),
        lead_hash=parameter("lead_hash"),
        attempts=_tickets.attempts + _constant("1"),
    )
)
_LAST_ATTEMPT = (
    sa.select(_attempts.id)
    .where(_attempts.run == parameter("run"))
    .order_by(_attempts.id.desc())
    .suffix_with("limit 1")
)
_LAST_SENT = (
    sa.select(_tickets.key)
    .join(schema.attempts, _attempts.ticket == _tickets.id)
    .where(_attempts.run == parameter("run"))
    .order_by(_attempts.id.desc())
)
_SETTLE = (
    schema.tickets.update()
    # Held by the run, or sent by it before another run took over: a late answer is still valid.
    .where(_TICKET & ((_tickets.held_by == parameter("run")) | _SENT_HERE))
    .values(
        state=parameter("state"),
        error_code=sa.func.coalesce(parameter("new_code"), _tickets.error_code),
        error=sa.func.coalesce(parameter("new_error"), _tickets.error),
        run=parameter("run"),
        finished_at=parameter("finished_at"),
        # A request without a recorded intent was never counted.
        attempts=_tickets.attempts
        - sa.case((_SENT_HERE, parameter("uncounted", sa.Integer)), else_=parameter("uncounted_late", sa.Integer)),
    )
)
_SETTLE_WITH_IDS = _SETTLE.values(
    number=parameter("number"), ticket_id=parameter("ticket_id"), ticket_key=parameter("ticket_key")
)
# The request's outcome is recorded even if another run has taken over the ticket.
_SETTLE_ATTEMPT = (
    schema.attempts.update()
    .where(
        (_attempts.ticket == sa.select(_tickets.id).where(_TICKET).scalar_subquery())
        & (_attempts.run == parameter("run"))
        & (_attempts.operation == parameter("operation"))
        & _attempts.outcome.is_(None)
    )
    .values(
        outcome=parameter("outcome"),
        http_status=parameter("http_status", sa.Integer),
        detail=parameter("error"),
        settled_at=parameter("now"),
        settled_after=schema.last_attempt(),
        wait_s=parameter("wait_s", sa.Float),
    )
)
_SETTLE_ATTEMPT_AND_ERASE = _SETTLE_ATTEMPT.values(request=_constant(""))
# Erases bodies of the row's earlier requests; only unclear answers leave bodies, so most rows have none.
_ERASE_OTHERS = request_bodies.erase_bodies(
    _TICKET & ((_tickets.attempts > _constant("1")) | (parameter("uncounted", sa.Integer) != _constant("0"))),
    parameter("operation"),
)


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """Records that can be written together: at most one outcome and one intent per row, outcome first."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)


class RequestRecorder:
    """Records the intents and outcomes of runs' requests."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._last_attempts: dict[str, int] = {}  # by run, like the next one
        self._uncommitted: dict[str, int] = {}
        self._query_last_attempt = NumberQuery(_LAST_ATTEMPT, dialect)
        self._leave_attempt = BulkStatement(_LEAVE_ATTEMPT, dialect)
        self._send = BulkStatement(_SEND, dialect)
        self._settle_ticket = BulkStatement(_SETTLE, dialect)
        self._settle_with_ids = BulkStatement(_SETTLE_WITH_IDS, dialect)
        self._settle_attempt = BulkStatement(_SETTLE_ATTEMPT, dialect)
        self._settle_attempt_and_erase = BulkStatement(_SETTLE_ATTEMPT_AND_ERASE, dialect)
        self._leads = LeadsUnderWay(dialect)
        self._erase_others = BulkStatement(_ERASE_OTHERS, dialect)

    def last_attempt(self, run_id: str) -> int:
        """Return the number of a run's last committed request; 0 if there is none."""
        return self._last_attempts.get(run_id, 0)

    def committed(self, run_id: str) -> int:
        """Note that what was recorded of a run is committed; return ``last_attempt``."""
        self._last_attempts |= self._uncommitted
        return self.last_attempt(run_id)

    def record(
        self, db: sa.Connection, run: RunInfo, records: Sequence[Intent | Outcome], keyed_hash: KeyedHash
    ) -> dict[Outcome, Outcome]:
        """Record a batch. Returns the replacements of outcomes whose ticket belongs to another row already.

        Renews the run's lease before requests. Raises StoppedEarly if the run does not hold a row that it is about to
        send, LedgerError if the ledger has lost its last request, and LeadsTakenError if a row has to wait.
        """
        self._uncommitted.pop(run.id, None)  # of a transaction that was rolled back
        if any(isinstance(record, Intent) for record in records):
            leases.renew(db, run.id, self.last_attempt(run.id))
        changed: dict[Outcome, Outcome] = {}
        for stage in _stages(records):
            if stage.outcomes:
                outcomes = list(stage.outcomes.values())
                if any(each.ids is not None for each in outcomes):
                    lock_settling(db, run.account)
                    changed |= duplicates_as_unknown(db, run, outcomes)
                self._settle(db, run, [changed.get(each, each) for each in outcomes])
            if stage.intents:
                self._intend(db, run, list(stage.intents.values()), keyed_hash)
        return changed

    def _intend(self, db: sa.Connection, run: RunInfo, intents: Sequence[Intent], keyed_hash: KeyedHash) -> None:
        common = _run_parameters(run, utc_now())
        rows = [
            {
                **common,
                "p_key": each.key,
                "p_content": each.content,
                "p_request": each.request,
                "p_operation": each.operation,
                "p_title_hash": keyed_hash.hex(each.title),
                "p_lead_hash": keyed_hash.hex(each.lead),
            }
            for each in intents
        ]
        wanted = [(keyed_hash.hex(lead), each.key) for each in intents for lead in each.new_leads]
        with database.pipelined(db):
            taken = self._leads.take(db, common, wanted)
            self._leave_attempt(db, rows)
            count = self._send(db, rows)
            last_attempt = self._query_last_attempt(db, common)
        self._uncommitted[run.id] = last_attempt()
        if (sent := count()) < len(rows):
            accepted = set(db.scalars(_LAST_SENT.limit(sent), {"p_run": run.id}))
            key = next(row["p_key"] for row in rows if row["p_key"] not in accepted)
            raise StoppedEarly(
                f"another run has taken over the row with key {key!r}",
                hint="wait until that run has ended, then run the same command again",
            )
        if taken() < len(wanted):
            self._leads.check(db, common, wanted)

    def _settle(self, db: sa.Connection, run: RunInfo, outcomes: Iterable[Outcome]) -> None:
        now = utc_now()
        common = _run_parameters(run, now)
        plain: list[dict[str, Any]] = []
        with_ids: list[dict[str, Any]] = []
        for each in outcomes:
            row = {**common, **_outcome_parameters(each, now)}
            (plain if each.ids is None else with_ids).append(row)
        with database.pipelined(db):
            self._leads.release(db, common, [row["p_key"] for row in (*plain, *with_ids)])
            for settle, rows in ((self._settle_ticket, plain), (self._settle_with_ids, with_ids)):
                if rows:
                    settle(db, rows)
                unknown = [row for row in rows if row["p_state"] == "unknown"]
                settled = [row for row in rows if row["p_state"] != "unknown"]
                if unknown:
                    self._settle_attempt(db, unknown)
                if settled:
                    self._settle_attempt_and_erase(db, settled)
                    self._erase_others(db, settled)


def _run_parameters(run: RunInfo, now: str) -> dict[str, Any]:
    return {"p_account": run.account, "p_source": run.source, "p_run": run.id, "p_now": now}


def _outcome_parameters(outcome: Outcome, now: str) -> dict[str, Any]:
    values = {
        "p_key": outcome.key,
        "p_state": outcome.state,
        "p_new_code": None if outcome.unchanged else outcome.error_code,
        "p_new_error": None if outcome.unchanged else outcome.error,
        "p_error": outcome.error,
        "p_finished_at": "" if outcome.state == "pending" else now,
        "p_uncounted": -1 if outcome.late else int(not outcome.counted),
        "p_uncounted_late": -1 if outcome.late else 0,
        "p_outcome": outcome.outcome,
        "p_operation": outcome.operation,
        "p_http_status": outcome.http_status,
        "p_wait_s": outcome.wait_s,
    }
    if outcome.ids is not None:
        values["p_number"] = outcome.ids.number
        values["p_ticket_id"] = outcome.ids.ticket_id
        values["p_ticket_key"] = outcome.ids.key
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
