"""`--open-only`: the workbook has the rows that need work, the CSV file beside it has all, and both stay together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from importer.runtime.atomic_files import keep_copy
from tests.cli.shop import KEY_FIELD, Account, Shop, good_row, next_command
from tests.cli.spreadsheets import column, read, save_workbook

Open = Callable[..., Account]
BOOK, WHOLE = "tickets.results.xlsx", "tickets.results.csv"
FAULTS = [{"match": {KEY_FIELD: "00003"}, "fault": "refused-200", "times": 1}]


@pytest.fixture
def account(shop: Shop, open_account: Open) -> Account:
    """Five rows: the second is rejected, the third failed, and the fifth is pending."""
    account = open_account(FAULTS)
    rows = [good_row(number) for number in range(1, 6)]
    rows[1] = ("00002", "", "nwe", "2@example.com")
    shop.manifest(rows)
    done = shop.run("--skip-invalid", "--limit", "3", "-o", BOOK, "--open-only")
    assert done.code == 1, done.err
    assert f"{WHOLE} has all rows" in done.out
    return account


def edited(shop: Shop, key: str, **cells: str) -> None:
    """Edit a row of the first sheet, and keep the name of the sheet."""
    book = openpyxl.load_workbook(shop.path(BOOK))
    sheet = book["Open rows"]
    header = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        if row[header.index("import_key")].value == key:
            for name, value in cells.items():
                row[header.index(name)].value = value
    book.save(shop.path(BOOK))


def test_the_two_files_are_one_result(shop: Shop, account: Account):
    """Rows that need work are in the workbook; `rerun` takes the others from the CSV, and writes both again."""
    assert column(shop.path(BOOK), "import_status") == ["rejected", "failed"]
    assert [row["import_status"] for row in shop.results()] == ["created", "rejected", "failed", "created", "pending"]
    edited(shop, "00002", Subject="Now it has one", State="Open")
    done = shop.do("rerun", BOOK, "-m", "mapping.yaml")
    assert done.code == 0, done.err
    assert sorted(account.keys) == [f"{number:05}" for number in range(1, 6)]
    assert [row["Subject"] for row in shop.results()][1] == "Now it has one"
    assert {row["import_status"] for row in shop.results()} == {"created"}
    assert column(shop.path(BOOK), "import_status") == []
    assert column(shop.path("tickets.results.1.xlsx"), "import_key") == ["00002", "00003"]
    assert "warning" not in done.err.lower()


def test_former_files_have_the_same_number_also_after_a_kill(
    shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch
):
    """A kill after the first replacement leaves new states beside an old workbook: the states count."""
    edited(shop, "00002", Subject="Now it has one", State="Open")

    def dies_at_the_workbook(path: Path, kept: Path) -> None:
        if path.suffix == ".xlsx":
            raise KeyboardInterrupt
        keep_copy(path, kept)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr("importer.results.former_results.keep_copy", dies_at_the_workbook)
        shop.do("rerun", BOOK, "-m", "mapping.yaml")
    assert {row["import_status"] for row in shop.results()} == {"created"}
    done = shop.do("rerun", BOOK, "-m", "mapping.yaml")
    assert (done.code, "the states in tickets.results.csv count" in done.err) == (0, True)
    assert sorted(account.keys) == [f"{number:05}" for number in range(1, 6)]
    assert {path.name for path in shop.path(".").glob("tickets.results.*")} == {
        BOOK, WHOLE, "tickets.results.1.csv", "tickets.results.2.csv", "tickets.results.2.xlsx"
    }  # fmt: skip


def test_rows_stay_open_until_they_are_corrected(shop: Shop, account: Account):
    """The next command works as it is shown; a new `-o` gets whole results as CSV."""
    done = shop.do("rerun", BOOK, "-m", "mapping.yaml", "--skip-invalid")
    assert column(shop.path(BOOK), "import_status") == ["rejected"]
    assert shop.do(*next_command(done.out)).code == 1
    assert column(shop.path(BOOK), "import_row") == ["3"]
    assert shop.do("rerun", BOOK, "-m", "mapping.yaml", "-o", "whole.csv").code == 1
    assert shop.statuses("whole.csv") == {"created": 4, "rejected": 1}
    assert len(account.keys) == 4


def test_files_that_do_not_belong_together_are_refused(shop: Shop, account: Account):
    """A CSV of another run, none at all, and rows that were copied or invented: nothing is sent."""
    calls = account.calls
    former = shop.path(WHOLE).read_bytes()

    def refused() -> str:
        done = shop.do("rerun", BOOK, "-m", "mapping.yaml")
        assert (done.code, account.calls) == (2, calls)
        return done.err

    shop.path(WHOLE).unlink()
    assert "put tickets.results.csv, which the same import wrote, beside the workbook" in refused()
    shop.path(WHOLE).write_bytes(former.replace(b",00003,failed,", b",00009,failed,"))
    assert "import_row 4 has the key '00003', and '00009' in tickets.results.csv" in refused()
    shop.path(WHOLE).write_bytes(former)
    edited(shop, "00003", import_row="3")
    assert "import_row 3 is in more than one row" in refused()
    edited(shop, "00003", import_row="77")
    assert "import_row" in refused()


def test_a_run_may_write_both_files_while_a_user_edits_one(shop: Shop, account: Account):
    """The user saves the workbook over a newer one: the newer states count, so nothing is sent twice."""
    edited(shop, "00002", Subject="Now it has one", State="Open")
    workbook = shop.path(BOOK).read_bytes()
    assert shop.run("--skip-invalid", "-o", BOOK, "--open-only").code == 1
    assert column(shop.path(BOOK), "import_status") == ["rejected"]
    shop.path(BOOK).write_bytes(workbook)
    done = shop.do("rerun", BOOK, "-m", "mapping.yaml")
    assert done.code == 0, done.err
    assert "was written by another run than tickets.results.xlsx" in done.err
    assert sorted(account.keys) == [f"{number:05}" for number in range(1, 6)]
    assert len(shop.results()) == 5


def test_an_error_in_a_cell_is_a_problem_of_its_row(shop: Shop, account: Account):
    """What can't be read in the workbook is not replaced by anything."""
    edited(shop, "00002", Subject="#N/A", State="Open")
    done = shop.do("rerun", BOOK, "-m", "mapping.yaml", "--skip-invalid")
    assert done.code == 1, done.err
    assert [row["import_error_code"] for row in shop.results()] == ["", "cell-error", "", "", ""]
    assert "00002" not in account.keys


def test_unknown_rows_are_resolved_in_both_files(shop: Shop, open_account: Open):
    """`resolve` takes the workbook, too."""
    account = open_account([{"match": {KEY_FIELD: "00002"}, "fault": "500"}])
    shop.manifest(3)
    assert shop.run("-o", BOOK, "--open-only").code == 1
    assert column(shop.path(BOOK), "import_status") == ["unknown"]
    done = shop.do("resolve", BOOK, "--set", "3=pending", "--yes")
    assert done.code == 1, done.err
    assert column(shop.path(BOOK), "import_status") == []
    assert shop.statuses() == {"created": 2, "pending": 1}
    assert shop.do("rerun", BOOK, "-m", "mapping.yaml").code in (0, 1)
    assert account.calls > 3


def test_whole_results_can_become_open_rows(shop: Shop, open_account: Open):
    """`rerun --open-only` of a whole workbook; a workbook whose sheet has another name is whole."""
    open_account([{"match": {KEY_FIELD: "00002"}, "fault": "refused-200"}])
    shop.manifest(3)
    shop.run("-o", BOOK)
    assert not shop.path(WHOLE).exists()
    assert shop.do("rerun", BOOK, "-m", "mapping.yaml", "--open-only").code == 1
    assert column(shop.path(BOOK), "import_key") == ["00002"]
    assert len(shop.results()) == 3
    save_workbook(shop.path(BOOK), read(shop.path(BOOK)))
    assert "rows 2, 4 are missing" in shop.do("rerun", BOOK, "-m", "mapping.yaml").err


def test_open_rows_need_a_workbook_and_spare_the_manifest(shop: Shop, open_account: Open):
    """With CSV results the flag would do nothing; the file with all rows never replaces the manifest."""
    account = open_account()
    shop.manifest(2)
    assert "name a workbook with -o NAME.xlsx" in shop.run("--open-only").err
    refused = shop.run("--open-only", "-o", "tickets.xlsx")
    assert (refused.code, account.calls) == (2, 0)
    assert "tickets.csv is an input of this run" in refused.err
