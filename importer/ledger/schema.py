"""The tables of the ledger, version 7.

runs       one row per run; a run is live while ``ended_at`` is null and its lease is renewed
tickets    one row per account, source and key: its state, its IDs, and the run that holds it
attempts   one row per request, with its operation
rejections rows that validation rejected in a run
quotas     one row per account: its slots, shared by all runs
leads_under_way   one row per lead that a request under way may create: no other request may create it, too
calls      one row per account and minute: the number of calls
exports    one row per account, source and manifest name: the contents of the last export
forgotten  one row per forgotten ticket: its IDs, and the run of `ledger forget` that forgot it
acknowledgements  one row per acknowledged row: it does not decide the exit code until its cells change
result_files      one row per results file that a run wrote, with its hash

To change the tables, change them here, raise ``SCHEMA_VERSION``, and add a revision to ``revisions/versions`` that
makes the same change in existing ledgers.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 7
SECRET_BYTES = 32

metadata = sa.MetaData()
# schema_version: the version of the tables. secret: the key of keyed hashes in hexadecimal, created with the ledger.
# id: the ledger's ID, which its copies share. known RUN: the tickets of a run that this ledger lacks are recorded all
# the same, or the user does without them. pruned_to: the last request that was removed because of its age.
# compact: exists while the file contains remains of erased texts, which only a VACUUM removes.
meta = sa.Table(
    "ledger_meta", metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
# Alembic's own version record. The version in `ledger_meta` decides; older programs read only that.
alembic_version = sa.Table(
    "alembic_version",
    metadata,
    sa.Column("version_num", sa.String(32)),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("manifest_sha256", sa.Text, nullable=False),
    sa.Column("mapping_sha256", sa.Text, nullable=False),
    sa.Column("key_field", sa.Text),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("ended_at", sa.Text),
    sa.Column("exit_code", sa.Integer),
    sa.Column("rows", sa.Integer),  # validated rows; as many are in its results
    sa.Column("boot_id", sa.Text, nullable=False),
    sa.Column("lease_until", sa.Float, nullable=False),  # on the clock that Ledger.now reads
    sa.Column("user_name", sa.Text),  # who started it
    sa.Column("results", sa.Text),  # path of its results
    sa.Column("stopped", sa.Text),  # why it stopped early
    sa.Column("did", sa.Text),  # JSON: the number of its rows in each state when it ended
    sa.Column("accepted_ledger", sa.Text),  # why the user accepted an older or another ledger
    sa.Column("partial", sa.Boolean),  # flags left out rows of its manifest, so its rejected rows are not all
)
# The order of runs. Those that started in the same second are sorted by the clock of their leases.
NEWEST_FIRST = (runs.c.started_at.desc(), runs.c.lease_until.desc(), runs.c.id)
tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("held_by", sa.Text),  # the run that may send it
    sa.Column("run", sa.Text),  # the run that sent it last
    sa.Column("manifest_row", sa.Integer, nullable=False),
    sa.Column("content", sa.Text, nullable=False, server_default=""),  # hash of the row's cells as last sent
    sa.Column("number", sa.Text, nullable=False, server_default=""),
    sa.Column("ticket_id", sa.Text, nullable=False, server_default=""),
    sa.Column("ticket_key", sa.Text, nullable=False, server_default=""),
    sa.Column("error_code", sa.Text, nullable=False, server_default=""),
    sa.Column("error", sa.Text, nullable=False, server_default=""),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),  # requests that the API may have taken
    sa.Column("finished_at", sa.Text, nullable=False, server_default=""),
    # Keyed hashes of title and lead as last sent, in hexadecimal; empty where they are not known.
    sa.Column("title_hash", sa.Text, nullable=False, server_default=""),
    sa.Column("lead_hash", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("account", "source", "key"),
)
sa.Index("tickets_by_holder", tickets.c.held_by, tickets.c.state)
# Partial indexes: a query uses them only if it contains the same condition, such as `number != ''`. Not unique: rows of
# older ledgers, and rows that share a ticket, have equal numbers.
sa.Index(
    "tickets_by_number",
    tickets.c.account,
    tickets.c.number,
    sqlite_where=tickets.c.number != "",
    postgresql_where=tickets.c.number != "",
)
sa.Index(
    "tickets_by_ticket_id",
    tickets.c.account,
    tickets.c.ticket_id,
    sqlite_where=tickets.c.ticket_id != "",
    postgresql_where=tickets.c.ticket_id != "",
)
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("ticket", sa.ForeignKey("tickets.id"), nullable=False, index=True),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False),
    # Name of the operation; only a request to create tells where a ticket is.
    sa.Column("operation", sa.Text, nullable=False, server_default="create"),
    sa.Column("intended_at", sa.Text, nullable=False),
    # The JSON as sent, to find the ticket of an unknown row; erased when the row is settled.
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("title_hash", sa.Text, nullable=False, server_default=""),  # keyed hash of its title; never erased
    sa.Column("outcome", sa.Text),
    sa.Column("http_status", sa.Integer),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("settled_at", sa.Text),
    # The last attempt that had been sent when this one was settled: gives the order without a clock.
    sa.Column("settled_after", sa.Integer),
    sa.Column("wait_s", sa.Float),  # how long its row waited after it; null if it was not sent again
    sa.Column("forgotten_by", sa.Text),  # the run of `ledger forget` that made its row new again
)
leads_under_way = sa.Table(
    "leads_under_way",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("lead_hash", sa.Text, primary_key=True),  # keyed hash of an e-mail address or a phone number
    # It counts while this ticket's request is under way, and its run is live.
    sa.Column("ticket", sa.ForeignKey("tickets.id"), nullable=False, index=True),
)
rejections = sa.Table(
    "rejections",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("manifest_row", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False, server_default=""),  # hash of the row's cells
)
quotas = sa.Table(
    "quotas",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("boot_id", sa.Text, nullable=False),
    sa.Column("pool", sa.Text, nullable=False),  # slot pool as JSON: one row, so that one lock covers all slots
)
calls = sa.Table(
    "calls",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("minute", sa.Integer, primary_key=True),  # since 1970, UTC
    sa.Column("calls", sa.Integer, nullable=False),
)
exports = sa.Table(
    "exports",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("manifest_name", sa.Text, primary_key=True),  # the file's name without its folder
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("run", sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("keys", sa.LargeBinary, nullable=False),  # keyed hashes of 64 bits, sorted, packed, little-endian
    sa.Column("rows", sa.Integer, nullable=False),
    # Shares are from 0 to 1, and null where there was nothing to compare with.
    sa.Column("known_share", sa.Float),  # share of its keys that were known when this content was first read
    sa.Column("held_share", sa.Float),  # share of the former export's keys that it contains
    sa.Column("previous_held_share", sa.Float),  # the same of the export before it
    sa.Column("finished_at", sa.Text, nullable=False),
    sa.Column("contents", sa.LargeBinary),  # hashes of its rows' cells, packed as `keys` and in their order
)
result_files = sa.Table(
    "result_files",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False, index=True),  # of the file as it was written
)
forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id"), primary_key=True),  # the run of `ledger forget`
    sa.Column("ticket", sa.ForeignKey("tickets.id"), primary_key=True, index=True),
    sa.Column("state", sa.Text, nullable=False),  # what the row was before, like all below
    sa.Column("sent_by", sa.Text),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("ticket_id", sa.Text, nullable=False),
    sa.Column("ticket_key", sa.Text, nullable=False),
    sa.Column("finished_at", sa.Text, nullable=False),
)
acknowledgements = sa.Table(
    "acknowledgements",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),  # empty for a row without a key
    sa.Column("content", sa.Text, primary_key=True),  # hash of the row's cells
    sa.Column("manifest_row", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("acknowledged_at", sa.Text, nullable=False),
)


def last_attempt() -> sa.ScalarSelect[int]:
    """Return the number of the last attempt that was sent."""
    attempt = attempts.alias()
    return sa.select(sa.func.max(attempt.c.id)).scalar_subquery()
