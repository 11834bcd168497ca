"""`ledger info`, `check`, `prune` and `move`: what they print, ask and exit with."""

from __future__ import annotations

import contextlib

import pytest

from importer.cli import ledger_care
from importer.ledger.store import Ledger
from tests.cli.shop import Shop
from tests.ledger.ledgers import address, created, query
from tests.ledger.test_pruning import made_old, sent


@pytest.fixture
def kept(shop: Shop) -> Shop:
    """A folder whose ledger has one old run, which made one ticket."""
    shop.do("ledger", "init")
    with contextlib.closing(Ledger.open(address(shop.folder))) as ledger:
        made_old(shop.folder, sent(ledger, created("A"), created("B")))
    return shop


def test_info_is_read_at_a_glance(kept: Shop) -> None:
    """Labels as in a summary; the JSON object has the same numbers."""
    lines = kept.do("ledger", "info").out.splitlines()
    labels = ["ledger", "id", "size", "rows", "runs", "the", "requests", "rejections"]
    assert [line.split()[0] for line in lines] == labels
    assert lines[3] == "rows         2: 2 created"
    known = kept.do("ledger", "info", "--json").summary
    assert (known["rows"], known["states"], known["runs"], known["requests"]) == (2, {"created": 2}, 1, 2)
    assert known["location"] == address(kept.folder)


def test_check_exits_with_1_if_it_finds_a_problem(kept: Shop) -> None:
    """The report names it and says what to do."""
    assert kept.do("ledger", "check").code == 0
    query(kept.folder, "update tickets set number = ''")
    found = kept.do("ledger", "check")
    assert found.code == 1
    assert "problem      2 rows of tickets are created, and have no ticket number" in found.out
    assert "restore its last good backup" in found.out
    assert len(kept.do("ledger", "check", "--json").summary["problems"]) == 1


def test_prune_asks_first(kept: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deleted without an answer, by a dry run, or if the answer is no."""
    words = ("ledger", "prune", "--older-than", "90d")
    assert kept.do(*words).code == 2
    counted = kept.do(*words, "--dry-run").out
    assert "would delete 1 request and 0 rejections of runs" in counted
    assert counted.endswith("ticket-importer ledger prune --older-than 90d\n")
    monkeypatch.setattr(ledger_care, "can_ask", lambda: True)
    monkeypatch.setattr(ledger_care, "ask", lambda _: False)
    refused = kept.do(*words)
    assert (refused.code, "nothing was deleted" in refused.err) == (1, True)
    assert kept.do("ledger", "info", "--json").summary["requests"] == 2
    monkeypatch.setattr(ledger_care, "ask", lambda _: True)
    assert "deleted      1 request and" in kept.do(*words).out
    assert kept.do("ledger", "info", "--json").summary["requests"] == 1
    done = kept.do(*words, "--yes", "--json").summary
    assert (done["requests"], done["rejections"], done["texts"]) == (0, 0, 0)
    listed = kept.do("history", "old-helpdesk").out
    assert "2 created, 1 rejected" in listed
    assert "`ledger prune` has deleted its requests and rejections" in listed
    assert "name its results file" in kept.do("ledger", "forget", "old-helpdesk", "--yes").err


def test_move_names_the_new_place(kept: Shop) -> None:
    """Every later command with the former ledger ends with exit code 2 and names it, too."""
    moved = kept.do("ledger", "move", "new.sqlite")
    assert moved.code == 0
    assert "next         set LSQ_LEDGER to the new address" in moved.out
    place = f"sqlite:///{kept.folder / 'new.sqlite'}"
    for words in (["info"], ["check"], ["init"], ["backup", "copy"], ["move", "other.sqlite"]):
        refused = kept.do("ledger", *words)
        assert refused.code == 2, words
        assert f"was moved to {place}" in refused.err
    assert kept.do("history", "--ledger", "new.sqlite").out.count("old-helpdesk.") == 1
