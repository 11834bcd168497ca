"""The server goes away for longer than a process lives: answers that had come are not lost."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from importer.errors import StoppedEarly
from importer.ledger.leases import LEASE_S
from importer.ledger.outbox import Outbox, outbox_path
from importer.ledger.records import Outcome, RunInfo
from importer.ledger.store import Ledger
from importer.submission.journal import Journal
from tests.cli.shop import PATIENCE_S, Account, Shop, ended, good_row, quick
from tests.ledger.disks import small_disk
from tests.ledger.ledgers import claims, created, entry, ids_of, intent, new_run
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


@pytest.mark.parametrize("leave", [CuttingProxy.go_away, CuttingProxy.fall_silent])
def test_answers_outlive_a_kill_while_the_server_is_away(
    away_shop: Shop, proxy: CuttingProxy, leave: Callable[[CuttingProxy], None]
) -> None:
    """The next run records them, and sends only the other rows, also if the network falls silent without an error."""
    shop = away_shop
    with Account(quick(latency_s=0.3)) as account:
        shop.uses(account)
        process = shop.start("run", "tickets.csv", "-m", "mapping.yaml", *SENDING)
        account.until(lambda sandbox: len(sandbox.tickets) >= 1 and len(sandbox.calls) >= 9)
        leave(proxy)
        account.until(lambda sandbox: len(sandbox.tickets) == len(sandbox.calls))
        until(lambda: kept(shop) >= 8)
        process.kill()
        ended(process)
        proxy.go_away()
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


def test_a_signal_ends_a_run_whose_server_is_silent(away_shop: Shop, proxy: CuttingProxy) -> None:
    """The answers are in the results and in the outbox."""
    shop = away_shop
    with Account(quick(latency_s=0.3)) as account:
        shop.uses(account)
        process = shop.start("run", "tickets.csv", "-m", "mapping.yaml", *SENDING, "--grace", "1s")
        account.until(lambda sandbox: len(sandbox.tickets) >= 1 and len(sandbox.calls) >= 9)
        proxy.fall_silent()
        account.until(lambda sandbox: len(sandbox.tickets) == len(sandbox.calls))
        process.terminate()
        stopped = ended(process)
        assert stopped.code == 128 + signal.SIGTERM, stopped.err
        assert shop.statuses() == {"created": len(account.tickets), "pending": ROWS - len(account.tickets)}
        proxy.go_away()
        proxy.come_back()
        assert shop.run(*SENDING).code == 0
        assert len(account.keys) == len(set(account.keys)) == ROWS


def test_a_server_that_is_not_up_yet_is_waited_for(away_shop: Shop, proxy: CuttingProxy) -> None:
    """With a message, up to --give-up-after; then the exit code says: try again. No text of the driver is shown."""
    shop = away_shop
    with Account(quick()) as account:
        shop.uses(account)
        proxy.go_away()
        gave_up = shop.run(*SENDING, "--give-up-after", "1s")
        assert gave_up.code == 3, gave_up.err
        assert "does not answer (nothing listens at this address); waiting up to 1 s" in gave_up.err
        assert "socket" not in gave_up.err
        timer = threading.Timer(0.7, proxy.come_back)
        timer.start()
        assert shop.run(*SENDING).code == 0
        timer.join()
        assert len(account.keys) == ROWS


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


def test_results_without_the_ledger_have_every_row_in_its_state(away_shop: Shop, proxy: CuttingProxy) -> None:
    """Rejected rows have their reasons. Tickets of earlier runs have no numbers, and `rerun` takes the file all the same."""
    shop = away_shop
    with Account(quick([{"calls": 2, "fault": "500-after"}], latency_s=0.2)) as account:
        shop.uses(account)
        shop.manifest([good_row(1), good_row(2), good_row(3)])
        assert shop.run(*SENDING).code == 1
        rejected = ("00004", "Ticket 4", "Nonsense", "lead4@example.com")
        shop.manifest([good_row(1), good_row(2), good_row(3), rejected, *map(good_row, range(5, ROWS))])
        leaving = threading.Thread(target=_leave, args=(account, proxy))
        leaving.start()
        gave_up = shop.run(*SENDING, "--give-up-after", "1s", "--skip-invalid", "--json")
        leaving.join()
        assert gave_up.code == 3, gave_up.err
        first, second, third, fourth, *others = shop.results()
        assert [row["import_status"] for row in (first, third)] == ["skipped", "skipped"]
        assert "Its number is in the ledger" in first["import_hint"]
        assert (second["import_status"], fourth["import_status"]) == ("unknown", "rejected")
        assert fourth["import_error"]
        assert {row["import_status"] for row in others} == {"created", "pending"}
        proxy.come_back()
        assert shop.rerun(*SENDING, "--skip-invalid").code == 1
        assert shop.statuses() == {"created": ROWS - 5, "skipped": 2, "unknown": 1, "rejected": 1}
        assert all(
            row["import_ticket_number"] for row in shop.results() if row["import_status"] in ("created", "skipped")
        )
        assert len(account.keys) == len(set(account.keys)) == ROWS - 2


def _leave(account: Account, proxy: CuttingProxy) -> None:
    account.until(lambda sandbox: len(sandbox.tickets) >= 1 and len(sandbox.calls) >= 9)
    proxy.go_away()


def with_results(run: RunInfo, folder: Path) -> RunInfo:
    return replace(run, results=str(folder / "results.csv"))


def test_a_host_that_was_cut_off_sends_nothing_after_another_took_over(
    proxy: CuttingProxy, server: PostgresServer, ledger: Ledger, url: str, tmp_path: Path
) -> None:
    """It asks the server before each request once half of its lease is over; its answers are recorded all the same."""
    now = [0.0]
    with contextlib.closing(Ledger.open(url.replace(str(server.folder), str(proxy.folder)))) as cut_off:
        run = with_results(new_run(), tmp_path)
        cut_off.begin_run(run)
        cut_off.claim(run, claims("A", "B"))

        async def send() -> None:
            async with Journal(cut_off, run, lambda: now[0]) as journal:
                await asyncio.gather(journal.write(intent("A")), journal.write(intent("B")))
                proxy.go_away()
                answer = asyncio.create_task(journal.write(created("A")))
                now[0] = LEASE_S / 2 + 1
                checked = asyncio.create_task(journal.check_lease())
                await asyncio.to_thread(until, lambda: list(tmp_path.glob("*.outbox")))
                with ledger.writing() as db:  # as after the rest of the lease
                    db.execute(sa.text("update runs set lease_until = 0"))
                other = new_run()
                ledger.begin_run(other)
                ledger.claim(other, claims("A", "B"))
                assert not checked.done()
                proxy.come_back()
                with pytest.raises(StoppedEarly, match="taken over"):
                    await checked
                await answer

        asyncio.run(send())
        found = ledger.look_up(run.account, run.source, ["A", "B"])
        assert {key: each.state for key, each in found.items()} == {"A": "created", "B": "unknown"}
        assert not list(tmp_path.glob("*.outbox"))


def test_answers_stay_in_memory_if_the_disk_of_the_outbox_is_full(
    proxy: CuttingProxy, server: PostgresServer, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says so once; when the server is back, they are recorded."""
    with (
        small_disk(tmp_path / "disk", 100_000) as disk,
        contextlib.closing(Ledger.open(url.replace(str(server.folder), str(proxy.folder)))) as away,
    ):
        run = with_results(new_run(), disk.folder)
        away.begin_run(run)
        away.claim(run, claims("A"))

        async def send() -> None:
            async with Journal(away, run) as journal:
                await journal.write(intent("A"))
                disk.fill()
                proxy.go_away()
                answer = asyncio.create_task(journal.write(created("A")))
                await asyncio.to_thread(until, lambda: "can't be kept" in caplog.text)
                proxy.come_back()
                await answer

        asyncio.run(send())
        assert entry(away, run, "A").state == "created"
        assert caplog.text.count("can't be kept") == 1


def test_an_outbox_is_recorded_once_and_a_cut_line_is_left_out(ledger: Ledger, tmp_path: Path) -> None:
    """A commit may have succeeded although its answer was lost: nothing is counted twice."""
    run = with_results(new_run(), tmp_path)
    ledger.begin_run(run)
    ledger.claim(run, claims("A", "B", "C"))
    ledger.commit(run, [intent("A"), intent("B"), intent("C")])
    throttled = Outcome(key="B", state="pending", outcome="throttled", counted=False)
    outbox = Outbox(run)
    outbox.keep([created("A"), throttled, created("C")])
    outbox.close()
    path = outbox_path(run.results, run.id)
    assert path is not None
    path.write_bytes(path.read_bytes()[:-5])
    ledger.commit(run, [throttled])
    for _ in range(2):
        ledger.recovery.of_ended_runs()
    found = ledger.look_up(run.account, run.source, ["A", "B", "C"])
    assert {key: (each.state, each.attempts) for key, each in found.items()} == {
        "A": ("created", 1),
        "B": ("pending", 0),
        "C": ("unknown", 1),
    }
    assert not path.exists()


def test_an_outbox_of_a_live_run_is_left_alone(ledger: Ledger, other: Ledger, tmp_path: Path) -> None:
    """Its process records it itself."""
    run = with_results(new_run(), tmp_path)
    ledger.begin_run(run)
    ledger.claim(run, claims("A"))
    ledger.commit(run, [intent("A")])
    outbox = Outbox(run)
    outbox.keep([created("A")])
    other.recovery.of_ended_runs()
    assert entry(other, run, "A").state == "sending"
    outbox.clear()


@pytest.mark.parametrize(
    ("content", "said"), [("{}\n", "damaged"), ('{"outbox": 2, "run": "x"}\n', "another version"), ("nonsense\n", "")]
)
def test_an_outbox_that_can_not_be_read_is_named_and_kept(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, said: str
) -> None:
    """Its rows become unknown; nothing is deleted."""
    run = with_results(new_run(), tmp_path)
    ledger.begin_run(run)
    path = outbox_path(run.results, run.id)
    assert path is not None
    path.write_text(content, encoding="utf-8")
    ledger.recovery.of_ended_runs()
    assert str(path) in caplog.text
    assert said in caplog.text
    assert path.exists()


def test_a_ticket_that_another_run_settled_otherwise_is_kept(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A row that was made pending since is a ticket; one that was sent again may have two, and a warning says so."""
    run, later = with_results(new_run(), tmp_path), new_run()
    ledger.begin_run(run)
    ledger.claim(run, claims("A", "B"))
    ledger.commit(run, [intent("A"), intent("B")])
    outbox = Outbox(run)
    outbox.keep([created("A"), created("B")])
    ledger.end_run(run.id, 3)
    ledger.begin_run(later)
    ledger.claim(later, claims("A", "B"))
    unsent = Outcome(key="A", state="pending", outcome="throttled", counted=False)
    ledger.commit(later, [intent("A"), intent("B")])
    ledger.commit(later, [unsent, replace(created("B"), ids=ids_of("other"))])
    outbox.close()
    with ledger.writing() as db:
        db.execute(sa.text("update runs set exit_code = null"))
    ledger.recovery.of_ended_runs()
    found = ledger.look_up(run.account, run.source, ["A", "B"])
    assert {key: (each.state, each.ids) for key, each in found.items()} == {
        "A": ("created", ids_of("A")),
        "B": ("created", ids_of("other")),
    }
    assert "look for a second ticket in the account" in caplog.text
