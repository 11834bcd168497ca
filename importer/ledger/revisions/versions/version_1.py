"""Version 1: the tables that the first version of this program makes. Older ledgers than this there are none."""

from __future__ import annotations

revision = "1"
down_revision = None


def upgrade() -> None:
    """Change nothing: ledgers of this version are there already."""
