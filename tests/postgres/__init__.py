"""Tests of a ledger in PostgreSQL, with a real server."""
