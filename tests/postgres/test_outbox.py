"""The server goes away for longer than a process lives: answers that had come are not lost."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.shop import PATIENCE_S, Account, Shop, ended, quick
from tests.postgres.cutting_proxy import CuttingProxy
from tests.postgres.server import PostgresServer

ROWS = 40
SENDING = ("--yes", "--rate", "1000/1", "--concurrency", "8")


@pytest.fixture
def proxy(server: PostgresServer) -> Iterator[CuttingProxy]:
    with tempfile.TemporaryDirectory(prefix="cut") as folder, CuttingProxy(Path(folder), server.socket) as proxy:
        yield proxy


@pytest.fixture
def away_shop(shop: Shop, proxy: CuttingProxy, url: str, server: PostgresServer) -> Shop:
    """A shop whose ledger is behind the proxy."""
    shop.set(LSQ_LEDGER=url.replace(str(server.folder), str(proxy.folder)))
    shop.manifest(ROWS)
    return shop


def until(condition: Callable[[], object]) -> None:
    tries = threading.Event()
    for _ in range(PATIENCE_S * 50):
        if condition():
            return
        tries.wait(0.02)
    raise AssertionError("it did not happen")


def outboxes(shop: Shop) -> list[Path]:
    return list(shop.folder.glob("*.outbox"))


def kept(shop: Shop) -> int:
    """The number of answers in the outbox."""
    return sum(path.read_text(encoding="utf-8").count('{"outcome"') for path in outboxes(shop))


def test_answers_outlive_a_kill_while_the_server_is_away(away_shop: Shop, proxy: CuttingProxy) -> None:
    """The next run records them, and sends only the other rows."""
    shop = away_shop
    with Account(quick(latency_s=0.3)) as account:
        shop.uses(account)
        process = shop.start("run", "tickets.csv", "-m", "mapping.yaml", *SENDING)
        account.until(lambda sandbox: len(sandbox.tickets) >= 1 and len(sandbox.calls) >= 9)
        proxy.go_away()
        account.until(lambda sandbox: len(sandbox.tickets) == len(sandbox.calls))
        until(lambda: kept(shop) >= 8)
        process.kill()
        ended(process)
        (outbox,) = outboxes(shop)
        assert outbox.stat().st_mode & 0o777 == 0o600
        proxy.come_back()
        again = shop.run(*SENDING)
        assert again.code == 0, again.err
        assert "recorded" in again.err
        assert sorted(account.keys) == sorted({row["ID"] for row in shop.results()})
        assert len(account.keys) == ROWS
        assert shop.statuses()["unknown"] == 0
        assert not outboxes(shop)


def test_a_run_that_gives_up_writes_what_it_knows(away_shop: Shop, proxy: CuttingProxy) -> None:
    """Its results have all tickets with their numbers; `history` records the answers, and `run` sends the rest."""
    shop = away_shop
    with Account(quick(latency_s=0.3)) as account:
        shop.uses(account)
        leaving = threading.Thread(target=_leave, args=(account, proxy))
        leaving.start()
        gave_up = shop.run(*SENDING, "--give-up-after", "1s", "--json")
        leaving.join()
        assert gave_up.code == 3, gave_up.err
        created = [row for row in shop.results() if row["import_status"] == "created"]
        assert len(created) == len(account.keys) >= 9
        assert {row["import_ticket_number"] for row in created} == {ticket.number for ticket in account.tickets}
        assert shop.statuses() == {"created": len(created), "pending": ROWS - len(created)}
        assert gave_up.summary["created"] == len(created)
        assert outboxes(shop)
        proxy.come_back()
        history = shop.do("history", "--json")
        assert history.code == 0, history.err
        assert not outboxes(shop)
        (run,) = history.summary["runs"]
        assert (run["exit_code"], run["states"]) == (3, {"created": len(created)})
        assert shop.run(*SENDING).code == 0
        assert len(account.keys) == len(set(account.keys)) == ROWS


def _leave(account: Account, proxy: CuttingProxy) -> None:
    account.until(lambda sandbox: len(sandbox.tickets) >= 1 and len(sandbox.calls) >= 9)
    proxy.go_away()
