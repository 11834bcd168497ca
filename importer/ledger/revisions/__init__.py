"""The changes of the ledger's tables, from version to version, as Alembic applies them to an existing ledger.

``env.py`` and the files in ``versions`` are loaded by Alembic, never imported. A revision has the number of the schema
version that it leads to. It makes the tables what they are in that version, in statements that no other module shares:
``schema`` goes on changing, and a revision must not change with it.
"""
