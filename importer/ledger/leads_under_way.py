"""Leads that a request without an answer may create: another request for the same lead waits, in any run.

A row takes its leads in the transaction that records its intent, and releases them in that of its outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from importer.ledger import database, schema
from importer.ledger.bulk_statements import BulkStatement, parameter
from importer.ledger.records import Intent, Outcome

_tickets, _leads = schema.tickets.c, schema.leads_under_way.c
_OF_SOURCE = (_tickets.account == parameter("account")) & (_tickets.source == parameter("source"))
_Wanted = tuple[str, str]  # hash of the lead, key of the row


class LeadsTakenError(Exception):
    """Rows with these keys can't be sent now. The transaction has to be made again without them."""

    def __init__(self, keys: set[str]) -> None:
        super().__init__(f"leads of {len(keys)} rows are under way")
        self.keys = keys


class LeadsUnderWay:
    """Takes and releases leads: on a server in one statement for all rows, in a file row by row."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._at_once = dialect.name == "postgresql"
        keys, leads = (sa.bindparam(name, type_=postgresql.ARRAY(sa.Text)) for name in ("p_keys", "p_leads"))
        key, lead = parameter("key"), parameter("lead")
        taken = sa.select(parameter("account"), lead, _tickets.id).where(_OF_SOURCE & (_tickets.key == key))
        is_released = _tickets.key == key
        if self._at_once:
            wanted = sa.func.unnest(keys, leads).table_valued("row_key", "lead_hash").render_derived("wanted")
            named = sa.select(parameter("account"), wanted.c.lead_hash, _tickets.id)
            taken = named.where(_OF_SOURCE & (_tickets.key == wanted.c.row_key)).order_by(wanted.c.lead_hash)
            is_released = _tickets.key == sa.any_(keys)
        take = database.insert_for(dialect, schema.leads_under_way).from_select(
            ["account", "lead_hash", "ticket"], taken
        )
        sent_here = sa.select(_tickets.id).where(_OF_SOURCE & is_released & (_tickets.run == parameter("run")))
        release = schema.leads_under_way.delete().where(_leads.ticket.in_(sent_here))
        self._take = BulkStatement(take.on_conflict_do_nothing(), dialect)
        self._release = BulkStatement(release, dialect)

    def take(self, db: sa.Connection, run: Mapping[str, Any], wanted: Sequence[_Wanted]) -> Callable[[], int]:
        """Take leads that no other row has; the function returns how many. ``run``: parameters of statements."""
        in_order = sorted(wanted)  # or two runs could wait for each other
        if not wanted:
            return lambda: 0
        if self._at_once:
            leads, keys = map(list, zip(*in_order, strict=True))
            return self._take(db, [{**run, "p_keys": keys, "p_leads": leads}])
        return self._take(db, [{**run, "p_key": key, "p_lead": lead} for lead, key in in_order])

    @staticmethod
    def check(db: sa.Connection, run: Mapping[str, Any], wanted: Sequence[_Wanted]) -> None:
        """Raise LeadsTakenError if other rows have some of the leads."""
        lead_is_wanted = database.column_is_in(db, _leads.lead_hash, [lead for lead, _ in wanted])
        found = sa.select(_leads.lead_hash, _tickets.source, _tickets.key).join(_tickets.id.table)
        rows = db.execute(found.where((_leads.account == run["p_account"]) & lead_is_wanted))
        holders = {row.lead_hash: (row.source, row.key) for row in rows}
        if waiting := {key for lead, key in wanted if holders.get(lead) != (run["p_source"], key)}:
            raise LeadsTakenError(waiting)

    def release(self, db: sa.Connection, run: Mapping[str, Any], keys: Sequence[str]) -> None:
        """Release the leads of rows that this run has sent. ``run``: parameters of statements."""
        if self._at_once:
            self._release(db, [{**run, "p_keys": list(keys)}])
        else:
            self._release(db, [{**run, "p_key": key} for key in keys])


def commit_the_sendable(
    records: Sequence[Intent | Outcome], commit: Callable[[Sequence[Intent | Outcome]], dict[Outcome, Outcome]]
) -> dict[Intent | Outcome, Outcome | None]:
    """Commit the records, except intents that have to wait for a lead.

    Returns these intents, without a value, and what ``commit`` returns.
    """
    left, waiting = list(records), set[Intent]()
    while True:
        try:
            changed = commit(left)
        except LeadsTakenError as error:
            waiting |= {each for each in left if isinstance(each, Intent) and each.key in error.keys}
            left = [each for each in left if each not in waiting]
        else:
            return dict([*((intent, None) for intent in waiting), *changed.items()])
