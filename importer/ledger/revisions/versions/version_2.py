"""Version 2: runs share their account's rate limit and count its calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the tables ``quotas`` and ``calls``."""
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
