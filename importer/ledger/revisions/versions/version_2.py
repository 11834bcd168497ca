"""Version 2: all runs that call an account share its limit, and count their calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the tables of the shared limit."""
    op.create_table(
        "quotas",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("pool", sa.Text, nullable=False),
    )
    op.create_table(
        "calls",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("minute", sa.Integer, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
    )
