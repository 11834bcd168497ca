"""Version 3: search of tickets by number, and comparison of an export with the one before it."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add indexes on numbers and IDs, the secret of keyed hashes, hashes of title and lead, and the exports."""
    for name in ("title_hash", "lead_hash"):
        op.add_column("tickets", sa.Column(name, sa.Text, nullable=False, server_default=""))
    for name, column in (("tickets_by_number", "number"), ("tickets_by_ticket_id", "ticket_id")):
        has_value = sa.text(f"{column} != ''")
        op.create_index(name, "tickets", ["account", column], sqlite_where=has_value, postgresql_where=has_value)
    op.create_table(
        "exports",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("manifest_name", sa.Text, primary_key=True),
        sa.Column("content_sha256", sa.Text, nullable=False),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("keys", sa.LargeBinary, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("known_share", sa.Float),
        sa.Column("held_share", sa.Float),
        sa.Column("previous_held_share", sa.Float),
        sa.Column("finished_at", sa.Text, nullable=False),
    )
    meta = sa.table("ledger_meta", sa.column("name", sa.Text), sa.column("value", sa.Text))
    op.execute(meta.insert().values(name="secret", value=secrets.token_hex(32)))
