"""Databases on the server that the tests of one process share."""

from __future__ import annotations

import atexit
import functools
import itertools
from pathlib import Path

import pytest

from importer.ledger import schema
from importer.ledger.store import Ledger
from tests.ledger.ledgers import use_server
from tests.postgres.server import PostgresServer

_numbers = itertools.count(1)


@functools.cache
def shared_server() -> PostgresServer:
    """Return the running server of this process."""
    server = PostgresServer()
    atexit.register(server.close)
    return server


def new_database() -> str:
    """Create an empty database; return its address."""
    return shared_server().database(f"empty_{next(_numbers)}")


@functools.cache
def _ledger() -> str:
    url = shared_server().database("ledger")
    Ledger.create(url).close()
    return url


def empty_ledger() -> str:
    """Return the address of a ledger without rows: the same one each time, as a new database takes long."""
    url = _ledger()
    tables = [
        table.name for table in schema.metadata.sorted_tables if table.name not in ("ledger_meta", "alembic_version")
    ]
    with shared_server().connect("ledger") as db:
        db.execute(f"truncate {', '.join(tables)} restart identity cascade")
        db.execute("delete from ledger_meta where name not in ('secret', 'schema_version')")
        db.execute(f"update ledger_meta set value = '{schema.SCHEMA_VERSION}' where name = 'schema_version'")
    return url


def choose_database(request: pytest.FixtureRequest, folder: Path) -> None:
    """Let the ledger of a folder be on the server if the fixture's parameter says so; skip tests about a file then."""
    if request.param == "postgresql":
        if request.node.get_closest_marker("file"):
            pytest.skip("it is about the file of an SQLite ledger")
        use_server(folder, empty_ledger())
