"""`run-all` with a ledger on a server: many accounts, few connections."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator

import pytest

from importer.ledger import postgres
from tests.cli.jobs import AccountJobs
from tests.cli.shop import Shop
from tests.postgres.server import PostgresServer

_ACCOUNTS, _CONNECTIONS, _ROWS = 6, 2, 20
_OPEN = "select count(*) from pg_stat_activity where application_name = 'ticket-importer'"


@contextlib.contextmanager
def counted_connections(server: PostgresServer) -> Iterator[list[int]]:
    """Count the importer's connections to the server again and again."""
    counts: list[int] = []
    over = threading.Event()

    def count() -> None:
        with server.connect("ledger") as db:
            while not over.wait(0.01):
                row = db.execute(_OPEN).fetchone()
                counts.append(row[0] if row else 0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield counts
    finally:
        over.set()
        thread.join()


def test_all_jobs_share_a_few_connections(
    shop: Shop, url: str, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run needs a connection for a moment only, so all of them get along with two."""
    monkeypatch.setattr(postgres, "_SHARED_CONNECTIONS", _CONNECTIONS)
    shop.set(LSQ_LEDGER=url)
    with contextlib.ExitStack() as stack:
        jobs = AccountJobs(shop, stack)
        accounts = [jobs.add(f"job{number}", _ROWS) for number in range(_ACCOUNTS)]
        with counted_connections(server) as counts:
            told = shop.do("run-all", "jobs.yaml", "--json")
        assert told.code == 0, told.err
        assert json.loads(told.out)["created"] == _ACCOUNTS * _ROWS
        assert [len(set(account.keys)) for account in accounts] == [_ROWS] * _ACCOUNTS
    assert 0 < max(counts) <= _CONNECTIONS
