"""Applies revisions in the caller's connection and transaction; see ``migrations``."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
