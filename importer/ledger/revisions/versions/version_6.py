"""Version 6: what each run did, wrote and why it stopped; forgotten tickets, acknowledged rows, edited exports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Add columns, and the tables of results files, forgotten tickets and acknowledged rows."""
    for name in ("user_name", "results", "stopped", "did"):
        op.add_column("runs", sa.Column(name, sa.Text))
    op.add_column("attempts", sa.Column("forgotten_by", sa.Text))
    op.add_column("rejections", sa.Column("content", sa.Text, nullable=False, server_default=""))
    op.add_column("exports", sa.Column("contents", sa.LargeBinary))
    op.create_table(
        "result_files",
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False, index=True),
    )
    op.create_table(
        "forgotten",
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("ticket", sa.Integer, sa.ForeignKey("tickets.id"), primary_key=True, index=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sent_by", sa.Text),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("ticket_key", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Text, nullable=False),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, primary_key=True),
        sa.Column("manifest_row", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("acknowledged_at", sa.Text, nullable=False),
    )
