"""Version 5: each request names its operation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Add the operation of each request: all requests so far created tickets."""
    op.add_column("attempts", sa.Column("operation", sa.Text, nullable=False, server_default="create"))
