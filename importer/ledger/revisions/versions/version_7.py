"""Version 7: leads under way; why a run accepted another ledger, and whether it left rows of its manifest out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Add two columns, and the table of leads under way."""
    op.add_column("runs", sa.Column("accepted_ledger", sa.Text))
    op.add_column("runs", sa.Column("partial", sa.Boolean))
    op.create_table(
        "leads_under_way",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("lead_hash", sa.Text, primary_key=True),
        sa.Column("ticket", sa.Integer, sa.ForeignKey("tickets.id"), nullable=False, index=True),
    )
