"""Version 1: the tables of the first version of this program. There are no older ledgers."""

from __future__ import annotations

revision = "1"
down_revision = None


def upgrade() -> None:
    """Change nothing: this is the oldest version."""
