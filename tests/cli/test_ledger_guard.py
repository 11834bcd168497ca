"""A ledger that lacks what this host has sent is refused: an older copy, or another ledger than before."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.ledger.host_note import HostNote
from importer.models import Rate
from tests.cli.shop import Account, Shop, good_row
from tests.ledger.ledgers import created, intent, new_run

Open = Callable[..., Account]
BAD = ("00004", "", "Open", "lead4@example.com")


def use_new_ledger(shop: Shop, name: str = "new.sqlite") -> None:
    shop.set(LSQ_LEDGER=str(shop.path(name)))
    assert shop.do("ledger", "init").code == 0


def restore(shop: Shop, backup: str) -> None:
    for ending in ("-wal", "-shm"):
        shop.path(f"ledger.sqlite{ending}").unlink(missing_ok=True)
    shutil.copyfile(shop.path(backup), shop.path("ledger.sqlite"))


def note(shop: Shop) -> Path:
    (found,) = shop.path("state").rglob("*.jsonl")
    return found


def refused(shop: Shop, account: Account, *arguments: str) -> str:
    calls = account.calls
    ended = shop.do(*(arguments or ("run", "tickets.csv", "-m", "mapping.yaml")))
    assert (ended.code, account.calls) == (2, calls)
    return ended.err


def test_a_new_ledger_is_refused_until_it_has_the_tickets(shop: Shop, account: Account) -> None:
    """The message says where they are. `rerun` records them and may send; then `run` may, too."""
    shop.manifest([*map(good_row, (1, 2, 3)), BAD])
    assert shop.run("--skip-invalid").code == 1
    use_new_ledger(shop)
    said = refused(shop, account)
    assert str(shop.path("ledger.sqlite")) in said
    assert "3 tickets; results: " + str(shop.path("tickets.results.csv")) in said
    assert "--accept-ledger REASON" in said
    assert "a run would stop: the ledger" in shop.run("--dry-run").err
    results = shop.path("tickets.results.csv")
    results.write_text(results.read_text("utf-8-sig").replace("00004,,Open", "00004,Fixed,Open"), "utf-8")
    assert shop.rerun().code == 0
    shop.manifest(5)
    assert shop.run().code == 0
    assert sorted(account.keys) == ["00001", "00002", "00003", "00004", "00005"]
    shop.set(LSQ_LEDGER=str(shop.path("ledger.sqlite")))  # now this one lacks tickets
    assert str(shop.path("new.sqlite")) in refused(shop, account)


def test_an_older_copy_is_refused_until_each_results_file_has_brought_its_tickets(shop: Shop, account: Account) -> None:
    """A file that is older than another one does not say what became of its open rows, so the newest comes first."""
    shop.manifest(1, "first.csv")
    assert shop.do("run", "first.csv", "-m", "mapping.yaml").code == 0
    assert shop.do("ledger", "backup", "monday.sqlite").code == 0
    shop.manifest([good_row(2), BAD], "second.csv")
    assert shop.do("run", "second.csv", "-m", "mapping.yaml", "--skip-invalid").code == 1
    shop.manifest([good_row(3), good_row(4)], "third.csv")
    assert shop.do("run", "third.csv", "-m", "mapping.yaml").code == 0
    restore(shop, "monday.sqlite")
    shop.manifest(4)
    said = refused(shop, account)
    assert "it is an older copy" in said
    assert "first.results.csv" not in said
    assert said.index("third.results.csv") < said.index("second.results.csv")
    assert "third.results.csv" in refused(shop, account, "rerun", "second.results.csv", "-m", "mapping.yaml")
    assert shop.do("rerun", "third.results.csv", "-m", "mapping.yaml").code == 0
    assert shop.run().code == 0
    assert sorted(account.keys) == ["00001", "00002", "00003", "00004"]


def test_a_results_file_without_some_rows_does_not_bring_all_tickets(shop: Shop, account: Account) -> None:
    """`run` would create the missing ones again."""
    shop.manifest(3)
    assert shop.run().code == 0
    shop.path("tickets.csv").unlink()
    lines = shop.path("tickets.results.csv").read_text("utf-8-sig").splitlines(keepends=True)
    shop.path("tickets.results.csv").write_text("".join(lines[:-1]), "utf-8")
    use_new_ledger(shop)
    assert shop.rerun().code == 0
    shop.manifest(3)
    refused(shop, account)


def test_the_user_may_accept_a_ledger_with_a_reason(shop: Shop, account: Account) -> None:
    """`history` shows it, and the ledger is not refused any more. A flag that is not needed is named."""
    shop.manifest(2)
    assert shop.run().code == 0
    use_new_ledger(shop)
    assert shop.run("--accept-ledger", " ").code == 2
    assert shop.run("--sandbox", "--accept-ledger", "x").code == 2
    assert shop.run("--accept-ledger", "the account was emptied").code == 0
    assert account.keys == ["00001", "00002", "00001", "00002"]
    assert "accepted the ledger: the account was emptied" in shop.do("history").out
    (run,) = shop.do("history", "--json").summary["runs"]
    assert run["accepted_ledger"] == "the account was emptied"
    assert "--accept-ledger has no effect" in shop.run("--accept-ledger", "again").err
    assert shop.run().code == 0


def test_an_acceptance_counts_only_if_the_plan_is_carried_out(
    shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sees the plan and says no has not accepted the ledger."""
    shop.manifest(2)
    assert shop.run().code == 0
    use_new_ledger(shop)
    monkeypatch.setattr("importer.cli.importing.can_ask", lambda: True)
    monkeypatch.setattr("importer.cli.terminal.ask", lambda *_: False)
    assert shop.run("--accept-ledger", "why not").code == 1
    monkeypatch.undo()
    shop.set(**account.variables)
    refused(shop, account)


def test_a_copy_is_told_from_the_original_after_either_has_sent(shop: Shop, account: Account) -> None:
    """Two hosts continue from one backup. Each notices the other's ledger, even if it has more requests."""
    shop.manifest(1)
    assert shop.run().code == 0
    assert shop.do("ledger", "backup", "copy.sqlite").code == 0
    shutil.copytree(shop.path("state"), shop.path("state of the other host"))
    shop.manifest(2)
    assert shop.run().code == 0
    shop.set(LSQ_LEDGER=str(shop.path("copy.sqlite")))
    refused(shop, account)
    shop.set(XDG_STATE_HOME=str(shop.path("state of the other host")))
    shop.manifest([good_row(number) for number in (1, 3, 4, 5)])
    assert shop.run().code == 0
    shop.set(LSQ_LEDGER=str(shop.path("ledger.sqlite")))
    refused(shop, account)
    shop.set(XDG_STATE_HOME=str(shop.path("state")), LSQ_LEDGER=str(shop.path("copy.sqlite")))
    refused(shop, account)


def test_what_another_host_has_sent_counts_once_it_was_seen(
    shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that had nothing to send notices later that the shared ledger has lost tickets of the other one."""
    shop.manifest(1)
    assert shop.run().code == 0
    assert shop.do("ledger", "backup", "monday.sqlite").code == 0
    shop.manifest(2)
    assert shop.run().code == 0
    monkeypatch.setattr("socket.gethostname", lambda: "other-host")
    shop.set(XDG_STATE_HOME=str(shop.path("state of the other host")))
    for _ in range(2):
        assert shop.run().code == 0
    (seen,) = shop.path("state of the other host").rglob("*.jsonl")
    assert len(seen.read_text("utf-8").splitlines()) == 1
    restore(shop, "monday.sqlite")
    assert f":{shop.path('tickets.results.csv')}" in refused(shop, account)
    assert shop.rerun().code == 0
    assert shop.run().code == 0
    assert account.keys == ["00001", "00002"]


def test_a_killed_run_is_noted(shop: Shop, open_account: Open) -> None:
    """What it had sent counts, although it never ended."""
    account = open_account([{"calls": "3-9", "fault": "hang-after"}], rate=Rate(1000, 1))
    shutil.copyfile(shop.path("ledger.sqlite"), shop.path("before.sqlite"))
    shop.manifest(3)
    process = shop.start("run", "tickets.csv", "-m", "mapping.yaml", "--concurrency", "1")
    account.until(lambda sandbox: len(sandbox.tickets) == 3)
    process.kill()
    process.communicate()
    restore(shop, "before.sqlite")
    assert "2 tickets, 1 without a clear answer" in refused(shop, account)


def test_a_missing_or_damaged_note_is_no_error(shop: Shop, account: Account) -> None:
    """It only protects less. A host may have no place for it at all."""
    shop.manifest(1)
    assert shop.run().code == 0
    note(shop).write_bytes(b'{"attempt": 1, "run"\n\xff\n[]\n{}\n')
    use_new_ledger(shop)
    assert shop.run("--limit", "1").code == 0
    shutil.rmtree(shop.path("state"))
    shop.path("state").write_bytes(b"")
    shop.manifest(2)
    assert "can't be" in shop.run().err
    assert account.keys == ["00001", "00001", "00002"]


def test_only_what_may_have_made_a_ticket_counts(shop: Shop, open_account: Open) -> None:
    """Neither the sandbox, nor another account, nor a run whose requests were all refused."""
    account = open_account([{"every": 1, "fault": "refused-200"}])
    shop.manifest(2)
    assert shop.run("--sandbox").code == 0
    assert shop.run().code == 1
    use_new_ledger(shop)
    assert shop.run().code == 1
    other = open_account()
    assert shop.run("-o", "other.csv").code == 0
    assert (account.keys, len(other.keys)) == ([], 2)


def test_a_long_note_is_shortened(shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest runs stay."""
    monkeypatch.setattr("importer.ledger.host_note._LARGEST_BYTES", 1)
    monkeypatch.setattr("importer.ledger.host_note._KEPT_RUNS", 2)
    for rows in range(1, 5):
        shop.manifest(rows)
        assert shop.run().code == 0
    assert len(note(shop).read_text("utf-8").splitlines()) == 3
    assert note(shop).stat().st_mode & 0o777 == 0o600
    use_new_ledger(shop)
    refused(shop, account)


def test_a_run_whose_note_was_shortened_meanwhile_adds_its_numbers_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run has copied its line as it was."""
    monkeypatch.setattr("importer.ledger.host_note._LARGEST_BYTES", 1)
    first, second = HostNote(tmp_path, "tenant"), HostNote(tmp_path, "tenant")
    run, other = new_run(), new_run()
    first.begin(run, "id", "place")
    second.begin(other, "id", "place")
    first.count(7, [intent("A"), intent("B"), created("A")], {})
    first.close()
    second.close()
    found = {each.run: each for each in first.runs()}
    assert (found[run.id].attempt, found[run.id].tickets, found[run.id].unclear) == (7, 1, 1)
    assert found.keys() == {run.id, other.id}
