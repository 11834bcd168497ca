"""Upgrades of the ledger's tables from version to version, which Alembic applies to existing ledgers.

Alembic loads ``env.py`` and the files in ``versions``; nothing imports them. A revision has the number of the schema
version that it creates. It must not use other modules of this package: ``schema`` changes, a revision never does.
"""
