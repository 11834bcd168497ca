"""The server goes away: sending waits, nothing that has come is thrown away, nothing is recorded twice."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from importer.errors import LedgerAway, LedgerError
from importer.ledger.database import translated_errors
from importer.ledger.records import Outcome
from importer.ledger.store import Ledger
from tests.cli.shop import Account, Shop, quick
from tests.ledger.ledgers import created, entry, intent, live_run
from tests.postgres.cutting_proxy import CuttingProxy
from tests.postgres.server import PostgresServer


def end_connections(server: PostgresServer) -> None:
    """End all connections to the ledger, as an administrator or a failover does."""
    with server.connect() as db:
        db.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'ledger'")


def test_a_connection_that_the_server_ended_is_replaced(server: PostgresServer, ledger: Ledger) -> None:
    """The next transaction uses a new one; neither an intent nor an answer is lost."""
    run = live_run(ledger, "A")
    end_connections(server)
    ledger.commit(run, [intent("A")])
    end_connections(server)
    ledger.commit(run, [created("A")])
    end_connections(server)
    found = entry(ledger, run, "A")
    assert (found.state, found.attempts) == ("created", 1)


def test_a_transaction_whose_connection_was_lost_is_made_again(server: PostgresServer, ledger: Ledger) -> None:
    """Nothing of it was committed, so it counts once."""
    run = live_run(ledger, "A")
    tries: list[int] = []

    def work(db: sa.Connection) -> None:
        db.execute(sa.text("update tickets set attempts = attempts + 1"))
        tries.append(1)
        if len(tries) == 1:
            end_connections(server)
            db.execute(sa.text("select 1"))

    ledger.transaction(work)
    assert len(tries) == 2
    assert entry(ledger, run, "A").attempts == 1


def test_a_commit_whose_answer_was_lost_counts_once(server: PostgresServer, url: str) -> None:
    """The server is asked whether the transaction was committed: an attempt is not counted twice."""
    assert url.endswith(str(server.folder))
    with tempfile.TemporaryDirectory(prefix="cut") as folder, CuttingProxy(Path(folder), server.socket) as proxy:
        ledger = Ledger.open(url.replace(str(server.folder), folder))
        run = live_run(ledger, "A", "B")
        proxy.cut_after = b"COMMIT"
        ledger.commit(run, [intent("A"), intent("B")])
        assert proxy.cuts == 1
        proxy.cut_after = b"COMMIT"
        ledger.commit(run, [created("A"), Outcome(key="B", state="pending", outcome="throttled", counted=False)])
        assert proxy.cuts == 2
        assert (entry(ledger, run, "A").state, entry(ledger, run, "A").attempts) == ("created", 1)
        assert (entry(ledger, run, "B").state, entry(ledger, run, "B").attempts) == ("pending", 0)
        ledger.close()


def test_a_server_that_stays_away_is_an_error(url: str) -> None:
    """The wait ends after the patience, or soon after the run was asked to stop."""
    with contextlib.closing(Ledger.open(url)) as ledger:
        ledger._engine.dispose()
        with tempfile.TemporaryDirectory(prefix="away") as folder:
            away = Ledger(sa.create_engine(ledger.url.update_query_dict({"host": folder})), None)
            away.outage.hurry(0.0)
            with pytest.raises(LedgerError):
                away.look_up("tenant", "old-helpdesk", ["A"])


def test_a_run_goes_on_after_a_crash_of_the_server(shop: Shop) -> None:
    """Every row becomes one ticket, although the server was away while they were sent."""
    shop.manifest(120)
    with contextlib.closing(PostgresServer()) as server, Account(quick(latency_s=0.02)) as account:
        url = server.database("ledger")
        Ledger.create(url).close()
        shop.uses(account)

        def crash() -> None:
            account.until(lambda sandbox: len(sandbox.tickets) >= 20)
            server.stop(signal.SIGQUIT)
            server.start()

        crashing = threading.Thread(target=crash)
        crashing.start()
        ended = shop.run("--yes", "--ledger", url, "--rate", "1000/1", "--concurrency", "5")
        crashing.join()
        assert ended.code == 0, ended.err
        assert sorted(account.keys) == sorted({row["ID"] for row in shop.results()})
        assert shop.statuses() == {"created": 120}


@pytest.mark.parametrize(
    ("text", "reason", "may_come_back"),
    [
        ('connection to server at "10.0.0.1", port 5432 failed: Connection refused', "nothing listens", True),
        ('could not translate host name "db" to address: Name or service not known', "host name", True),
        ("connection timeout expired", "in time", True),
        ("FATAL:  the database system is starting up", "starting up", True),
        ("FATAL:  sorry, too many clients already", "too many connections", True),
        ("consuming input failed: server closed the connection unexpectedly", "the connection was cut", True),
        ('FATAL:  password authentication failed for user "ann"', "user or the password", False),
        ("fe_sendauth: no password supplied", "asks for a password", False),
        ('FATAL:  database "tickets" does not exist', "no database of this name", False),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "ann", no encryption', "does not admit", False),
        ("FATAL:  canceling authentication due to timeout", "in time", True),
        ("SSL error: certificate verify failed", "certificate", False),
        ("server does not support SSL, but SSL was required", "does not encrypt", False),
    ],
)
def test_an_error_of_a_connection_is_said_plainly(text: str, reason: str, *, may_come_back: bool) -> None:
    """The driver's own text is for the debug log only; what waiting can't mend is not waited for."""
    with pytest.raises(LedgerError) as caught, translated_errors("postgresql+psycopg://ann:hush@db/tickets"):
        raise sa.exc.OperationalError(None, None, psycopg.OperationalError(text))
    error = caught.value
    assert reason in error.message
    assert text not in error.message
    assert isinstance(error, LedgerAway) is may_come_back
    assert error.exit_code == (3 if may_come_back else 2)
