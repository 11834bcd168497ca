"""`rerun --restore` undoes what a spreadsheet did to a results file, and keeps what a user did."""

from __future__ import annotations

import csv
from collections.abc import Callable

from tests.cli.shop import HEADER, KEY_FIELD, Account, Shop
from tests.cli.spreadsheets import as_excel_shows, mend, read, save

Open = Callable[..., Account]
RESULTS = "tickets.results.csv"
KEYS = ["00001", "00002", "12345678901234567890"]


def damaged(shop: Shop, account_of: Open, *, notes: str = "007") -> Account:
    """Results of three rows, two of them failed, that a spreadsheet has opened and saved."""
    account = account_of([{"match": {KEY_FIELD: key}, "fault": "400", "times": 1} for key in KEYS[1:]])
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8") + "ignore: [Notes]\n", "utf-8")
    rows = [(key, f"00{number}", "Open", f"{number}@example.com", notes) for number, key in enumerate(KEYS)]
    with shop.path("tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[*HEADER, "Notes"], *rows])
    shop.run()
    header, *records = read(shop.path(RESULTS))
    save(shop.path(RESULTS), [header, *([as_excel_shows(cell) for cell in record] for record in records)])
    return account


def test_changed_cells_come_from_the_manifest(shop: Shop, open_account: Open):
    """In all rows and columns, and each is shown; a user's own edit is sent."""
    account = damaged(shop, open_account)
    mend(shop.path(RESULTS), "2", Subject="Written by a user")
    done = shop.rerun("--restore", "--json")
    assert done.code == 0, done.err
    assert sorted(account.keys) == KEYS
    assert {str(ticket.value("Title")) for ticket in account.tickets} == {"000", "Written by a user", "002"}
    found = shop.results()
    assert [row["ID"] for row in found] == KEYS
    assert [row["import_key"] for row in found] == KEYS
    assert [row["Subject"] for row in found] == ["000", "Written by a user", "002"]
    assert [row["Notes"] for row in found] == ["007"] * 3
    warnings = done.summary["warnings"]
    reason = "as it was converted to a number"
    assert f"Subject: 2 cells are restored from the manifest: row 2, '0' is '000' again, {reason}; row 4, '2' is '002' again, {reason}" in warnings  # fmt: skip
    assert f"row 4, '1.23457E+19' is '12345678901234567890' again, {reason}" in str(warnings)
    assert len([warning for warning in warnings if "restored from the manifest" in warning]) == 3
    assert shop.rerun("--restore").code == 0, "nothing is left to restore"


def test_rejected_results_can_be_restored_later(shop: Shop, open_account: Open):
    """The results of a rerun that rejected the changes still have them; --restore undoes them there, too."""
    account = damaged(shop, open_account)
    stopped = shop.rerun()
    assert "--restore" in str({row["import_hint"] for row in shop.results()})
    assert stopped.code == 1
    assert shop.rerun("--restore", "--dry-run").code == 0
    assert shop.results()[0]["ID"] == "1", "a dry run writes nothing"
    assert shop.rerun("--restore").code == 0
    assert sorted(account.keys) == KEYS


def test_many_restored_cells_are_counted(shop: Shop, open_account: Open):
    """The first three of each column are shown."""
    open_account([{"match": {KEY_FIELD: "00001"}, "fault": "400", "times": 1}])
    shop.manifest(30)
    shop.run()
    header, *records = read(shop.path(RESULTS))
    save(shop.path(RESULTS), [header, *([as_excel_shows(cell) for cell in record] for record in records)])
    done = shop.rerun("--restore")
    assert done.code == 0, done.err
    assert "ID: 30 cells are restored from the manifest: row 2, '1' is '00001' again" in done.err
    assert done.err.count("again, as it was converted") == 3


def test_a_row_of_the_wrong_width_is_not_corrected_by_restoring(shop: Shop, open_account: Open):
    """The row lost a cell when it was read; with the manifest's cells it is still wrong."""
    account = open_account()
    shop.manifest([("00001", "0012", "Open", "1@example.com", "too much"), ("00002", "a", "Open", "2@example.com")])
    shop.run("--skip-invalid")
    header, *records = read(shop.path(RESULTS))
    assert records[0][header.index("import_error_code")] == "too-many-cells"
    save(shop.path(RESULTS), [header, *([as_excel_shows(cell) for cell in record] for record in records)])
    assert shop.rerun("--restore").code == 1
    assert shop.results()[0]["import_error_code"] == "too-many-cells"
    assert account.keys == ["00002"]


def test_a_spreadsheet_does_not_correct_a_row(shop: Shop, open_account: Open):
    """A row of the wrong width in which only a spreadsheet changed a cell would be sent without its last cell."""
    account = open_account()
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8") + "ignore: [Notes]\n", "utf-8")
    with shop.path("tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[*HEADER, "Notes"], ["A-1", "Title", "Open", "1@example.com", "007", "too much"]])
    shop.run()
    header, *records = read(shop.path(RESULTS))
    save(shop.path(RESULTS), [header, *([as_excel_shows(cell) for cell in record] for record in records)])
    assert shop.rerun().code == 1
    assert shop.results()[0]["import_error_code"] == "too-many-cells"
    mend(shop.path(RESULTS), "", Subject="Title, too much")
    assert shop.rerun().code == 0
    assert account.keys == ["A-1"]


def test_restoring_needs_the_manifest(shop: Shop, open_account: Open):
    """Without it nothing is sent; --accept-edits is the opposite."""
    account = damaged(shop, open_account)
    calls = account.calls
    shop.path("tickets.csv").rename(shop.path("copy.csv"))
    refused = shop.rerun("--restore")
    assert (refused.code, account.calls) == (2, calls)
    assert "with --manifest" in refused.err
    assert shop.rerun("--restore", "--accept-edits").code == 2
    assert shop.rerun("--restore", "--manifest", "copy.csv").code == 0
    assert sorted(account.keys) == KEYS
