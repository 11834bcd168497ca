"""A ledger on a server that lacks the last transactions: no ticket is created again."""

from __future__ import annotations

import contextlib
import signal
import threading

import pytest

from importer.errors import LedgerError
from importer.ledger.store import Ledger
from tests.cli.shop import Account, Shop, quick
from tests.ledger.ledgers import created, intent, live_run
from tests.postgres.databases import new_database
from tests.postgres.server import PostgresServer


def refused(shop: Shop, account: Account) -> str:
    calls = account.calls
    ended = shop.run()
    assert (ended.code, account.calls) == (2, calls), ended.err
    return ended.err


def test_a_standby_that_lagged_behind_is_refused(shop: Shop) -> None:
    """It is the primary now, and knows nothing of the 20 tickets; `rerun` brings them back."""
    with contextlib.ExitStack() as stack:
        account = stack.enter_context(Account(quick()))
        primary = stack.enter_context(contextlib.closing(PostgresServer()))
        address = primary.database("ledger")
        shop.set(LSQ_LEDGER=address)
        shop.uses(account)
        standby = stack.enter_context(contextlib.closing(PostgresServer(primary)))
        shop.manifest(20)
        assert shop.run().code == 0
        primary.stop(signal.SIGQUIT)
        standby.promote()
        shop.set(LSQ_LEDGER=address.replace(str(primary.folder), str(standby.folder)))
        assert "its server has lost the last transactions" in refused(shop, account)
        assert shop.rerun().code == 0
        assert shop.run().code == 0
        assert len(account.keys) == 20


def test_a_run_stops_when_its_server_is_replaced_by_one_that_lagged_behind(shop: Shop) -> None:
    """What it had sent is unknown there: it sends nothing more, and no later run sends it again."""
    with contextlib.ExitStack() as stack:
        account = stack.enter_context(Account(quick(latency_s=0.05)))
        primary = stack.enter_context(contextlib.closing(PostgresServer()))
        shop.set(LSQ_LEDGER=primary.database("ledger"))
        shop.uses(account)
        standby = stack.enter_context(contextlib.closing(PostgresServer(primary)))
        shop.set(LSQ_LEDGER=primary.url("ledger").replace(str(primary.folder), f"{primary.folder},{standby.folder}"))
        shop.manifest(200)

        def fail_over() -> None:
            account.until(lambda sandbox: len(sandbox.tickets) >= 20)
            primary.stop(signal.SIGQUIT)
            standby.promote()

        failing_over = threading.Thread(target=fail_over)
        failing_over.start()
        ended = shop.run("--concurrency", "4")
        failing_over.join()
        assert ended.code == 3
        assert "has lost requests that this run had recorded" in ended.err
        sent = len(account.keys)
        assert shop.statuses()["created"] + shop.statuses()["unknown"] == sent < 200
        refused(shop, account)
        assert shop.rerun().code == (1 if shop.statuses()["unknown"] else 0)
        assert len(account.keys) == len({*account.keys}) >= sent


def test_a_restored_dump_and_another_database_are_refused(shop: Shop, server: PostgresServer) -> None:
    """The dump has some of the tickets, the other database none."""
    with Account(quick()) as account:
        former = new_database()
        shop.set(LSQ_LEDGER=former)
        shop.uses(account)
        shop.manifest(10)
        assert shop.run().code == 0
        with server.connect() as db:
            db.execute(f"create database dump template {former.partition('?')[0].rpartition('/')[2]}")
        shop.manifest(30)
        assert shop.run().code == 0
        shop.set(LSQ_LEDGER=server.url("dump"))
        assert "it is an older copy" in refused(shop, account)
        shop.set(LSQ_LEDGER=new_database())
        shop.uses(account)
        assert former.partition("?")[0] in refused(shop, account)
        assert len(account.keys) == 30


def test_a_lost_request_is_noticed_by_the_next_one(ledger: Ledger, other: Ledger) -> None:
    """No further request is recorded, as earlier ones may be lost, too."""
    run = live_run(ledger, "A", "B")
    ledger.commit(run, [intent("A")])
    with other.writing() as db:
        db.exec_driver_sql("delete from attempts")
    ledger.commit(run, [created("A")])
    for step in (
        lambda: ledger.commit(run, [intent("B")]),
        lambda: ledger.renew(run.id),
        lambda: ledger.check_sent(run.id),
    ):
        with pytest.raises(LedgerError, match="has lost requests"):
            step()
