"""`rerun` takes its file as a spreadsheet saved it again, and nothing that matters is lost on the way."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable

import pytest

from importer.cli import invoke
from importer.results import COLUMNS
from tests.cli.shop import HEADER, KEY_FIELD, Account, Shop, good_row
from tests.cli.spreadsheets import as_excel_shows, column, mend, read, save, save_workbook

Open = Callable[..., Account]
RESULTS, BOOK = "tickets.results.csv", "tickets.results.xlsx"
KEYS = ["A-1", "A-2", "A-3"]
FAULTS = [{"match": {KEY_FIELD: "A-2"}, "fault": "refused-200", "times": 1}]


def rows(keys: list[str], **cells: str) -> list[tuple[str, ...]]:
    """A good row for each key, with German and Polish in it."""
    return [
        (key, f"Grüße, „{key}“; Łódź\nline two", "Open", f"{number}@example.com") for number, key in enumerate(keys)
    ]


SAVED = {
    "LibreOffice, all quoted": {"encoding": "utf-8", "line_end": "\n", "quoting": csv.QUOTE_ALL},
    "Excel, Unicode text": {"encoding": "utf-16", "delimiter": "\t"},
    "Excel in Europe, CSV UTF-8": {"delimiter": ";"},
    "without a mark, old line ends": {"encoding": "utf-8", "line_end": "\r"},
}


@pytest.mark.parametrize("how", SAVED.values(), ids=SAVED)
def test_results_are_read_in_every_csv_dialect(shop: Shop, open_account: Open, how: dict[str, object]):
    """Encoding, delimiter, quotes, line ends, the mark: the failed row goes out, with every letter of it."""
    account = open_account(FAULTS)
    shop.manifest(rows(KEYS))
    assert shop.run().code == 1
    save(shop.path(RESULTS), read(shop.path(RESULTS)), **how)  # type: ignore[arg-type]
    done = shop.rerun()
    assert done.code == 0, done.err
    assert sorted(account.keys) == KEYS
    (ticket,) = [ticket for ticket in account.tickets if ticket.value(KEY_FIELD) == "A-2"]
    assert str(ticket.value("Title")).splitlines() == ["Grüße, „A-2“; Łódź", "line two"]


def test_results_are_read_in_an_old_encoding(shop: Shop, open_account: Open):
    """Excel's plain CSV is Windows-1252: its characters are sent, and a row that lost characters is not."""
    account = open_account([{"match": {KEY_FIELD: "A-2"}, "fault": "400", "times": 1}, {"match": {KEY_FIELD: "A-3"}, "fault": "400", "times": 1}])  # fmt: skip
    records = rows(KEYS)
    records[1] = ("A-2", "Müller grüßt für die Gebühr der Straße", "Open", "2@example.com")
    shop.manifest(records)
    shop.run()
    save(shop.path(RESULTS), read(shop.path(RESULTS)), encoding="cp1252", delimiter=";")
    assert shop.rerun("--skip-invalid").code == 1
    assert account.tickets[1].value("Title") == "Müller grüßt für die Gebühr der Straße"
    last = shop.results()[2]
    assert (last["import_status"], last["import_error_code"]) == ("rejected", "spreadsheet-changed")
    assert "lost characters" in last["import_error"]


def test_columns_and_rows_may_be_reordered(shop: Shop, open_account: Open):
    """Ours first, the manifest's reversed, rows sorted by state, empty columns of ours taken out, cells left out."""
    account = open_account(FAULTS)
    shop.manifest([(*row[:3], f"{number}@example.com") for number, row in enumerate(rows(KEYS))])
    shop.run()
    header, *records = read(shop.path(RESULTS))
    kept = [name for name in COLUMNS if name not in ("import_hint", "import_error", "import_ticket_key")]
    order = [header.index(name) for name in (*kept, "Email", "State", "Subject", "ID")]
    again = [[record[at] for at in order] for record in (header, records[1], records[2], records[0])]
    again[1][again[0].index("ID")] = ""
    save(shop.path(RESULTS), [again[0], again[1][:-1], *again[2:]])
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8").replace(f"  ID: {KEY_FIELD}\n", f"  ID: {{field: {KEY_FIELD}, default: gone}}\n"), "utf-8")  # fmt: skip
    done = shop.rerun()
    assert done.code == 0, done.err
    assert account.keys == ["A-1", "A-3", "gone"]
    assert "other cells" not in done.err
    found = shop.results()
    assert [row["import_key"] for row in found] == ["A-2", "A-3", "A-1"]
    assert list(found[0])[:4] == ["Email", "State", "Subject", "ID"]
    assert list(found[0])[4:] == list(COLUMNS)


def test_a_workbook_is_corrected_until_every_row_is_a_ticket(shop: Shop, open_account: Open):
    """`-o RESULTS.xlsx` keeps 00123 as text; saved, corrected and rerun, it is replaced by the next workbook."""
    keys = ["00001", "12345678901234567890", "1e5", "=1+1"]
    account = open_account([{"match": {KEY_FIELD: "1e5"}, "fault": "refused-200", "times": 2}])
    shop.manifest([*rows(keys), ("00005", "", "Open", "5@example.com")])
    assert shop.run("--skip-invalid", "-o", BOOK).code == 1
    assert column(shop.path(BOOK), "import_status") == ["created", "created", "failed", "created", "rejected"]
    mend(shop.path(BOOK), "00005", Subject="Now it has one")
    second = shop.do("rerun", BOOK, "-m", "mapping.yaml", "--json")
    assert second.out, second.err
    assert second.summary["results"] == BOOK
    assert not second.summary["warnings"]
    mend(shop.path(BOOK), "00001", Subject="Edited, but a ticket already")
    third = shop.do("rerun", BOOK, "-m", "mapping.yaml")
    assert third.code == 0, third.err
    assert "row 2 has other cells than its ticket, which is not changed" in third.err
    assert sorted(account.keys) == sorted([*keys, "00005"])
    assert column(shop.path(BOOK), "ID") == [*keys, "00005"]
    assert {path.name for path in shop.folder.glob("*.results*")} == {
        BOOK,
        "tickets.results.1.xlsx",
        "tickets.results.2.xlsx",
    }


def test_results_can_change_between_csv_and_workbook(shop: Shop, open_account: Open):
    """From CSV to a workbook and back: the ending of the output file decides the format."""
    account = open_account(FAULTS)
    shop.manifest(rows(KEYS))
    shop.run()
    assert shop.rerun("-o", BOOK).code == 0
    assert shop.do("rerun", BOOK, "-m", "mapping.yaml", "-o", "again.csv").code == 0
    assert len(account.keys) == 3
    assert [row["ID"] for row in shop.results("again.csv")] == KEYS


@pytest.mark.parametrize("as_book", [False, True])
def test_cells_changed_by_a_spreadsheet_are_not_sent(shop: Shop, open_account: Open, *, as_book: bool):
    """Every zero and digit is gone, in the keys, too: nothing is made twice, and no row is sent with a wrong number."""
    keys = ["00001", "00002", "12345678901234567890"]
    account = open_account([{"match": {KEY_FIELD: key}, "fault": "400", "times": 1} for key in keys[1:]])
    shop.manifest(rows(keys))
    shop.run()
    header, *records = read(shop.path(RESULTS))
    shown = [header, *([as_excel_shows(cell) for cell in record] for record in records)]
    assert shown[1][0] == "1"
    name = BOOK if as_book else RESULTS
    if as_book:
        save_workbook(shop.path(BOOK), shown, numbers=True)
    else:
        save(shop.path(RESULTS), shown)
    stopped = shop.do("rerun", name, "-m", "mapping.yaml", "-o", RESULTS)
    assert stopped.code == 1
    assert "spreadsheet-changed" in stopped.err
    assert "other cells" not in stopped.err
    found = shop.results()
    assert [row["import_status"] for row in found] == ["created", "rejected", "rejected"]
    assert [row["import_error_code"] for row in found] == ["", *["spreadsheet-changed"] * 2]
    assert [row["import_key"] for row in found] == keys, "a row is known by the key that it had"
    assert "'2' here and '00002' in the manifest" in found[1]["import_error"]
    for key in keys[1:]:
        mend(shop.path(RESULTS), key, ID=key)
    assert shop.rerun().code == 0
    assert sorted(account.keys) == sorted(keys)
    calls = account.calls
    assert shop.run().code == 0
    assert account.calls == calls


def test_changed_cells_are_sent_with_accept_edits(shop: Shop, open_account: Open):
    """--accept-edits sends the cells as they are; the row keeps its key, so a later run does not send it again."""
    account = open_account([{"match": {KEY_FIELD: "00001"}, "fault": "400", "times": 1}])
    shop.manifest(2)
    shop.run()
    header, *records = read(shop.path(RESULTS))
    save(shop.path(RESULTS), [header, *([as_excel_shows(cell) for cell in record] for record in records)])
    done = shop.rerun("--accept-edits")
    assert done.code == 0, done.err
    assert sorted(account.keys) == ["00002", "1"]
    assert [row["import_key"] for row in shop.results()] == ["00001", "00002"]
    assert shop.run().code == 0
    assert len(account.keys) == 2


def test_columns_that_are_not_sent_may_change(shop: Shop, open_account: Open):
    """A number in a column that the mapping ignores is no reason to hold a row back."""
    account = open_account(FAULTS)
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8") + "ignore: [Notes]\n", "utf-8")
    with shop.path("tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[*HEADER, "Notes"], *([*row, "007"] for row in rows(KEYS))])
    shop.run()
    header, *records = read(shop.path(RESULTS))
    for record in records:
        record[header.index("Notes")] = "7"
    save(shop.path(RESULTS), [header, *records])
    assert shop.rerun().code == 0
    assert len(account.keys) == 3


def test_results_alone_are_enough_on_another_machine(shop: Shop, open_account: Open):
    """Without ledger and manifest there is a warning that nothing is compared; tickets stay tickets, the rest is sent."""
    account = open_account([{"match": {KEY_FIELD: "A-2"}, "fault": "500"}, {"match": {KEY_FIELD: "A-3"}, "fault": "400", "times": 1}])  # fmt: skip
    shop.manifest(rows([*KEYS, "A-4"]))
    shop.run()
    before = shop.results()
    shop.path("tickets.csv").unlink()
    shop.set(LSQ_LEDGER=str(shop.path("elsewhere.sqlite")))
    assert invoke(["ledger", "init"]) == 0
    done = shop.rerun()
    assert done.code == 1
    assert "can't be compared with its manifest" in done.err
    assert [row["import_status"] for row in shop.results()] == ["created", "unknown", "created", "created"]
    assert [shop.results()[at] for at in (0, 1, 3)] == [before[at] for at in (0, 1, 3)]
    calls = account.calls
    assert shop.rerun().code == 1
    shop.manifest(rows([*KEYS, "A-4"]))
    assert shop.run().code == 1
    assert account.calls == calls, "neither the file nor the manifest makes a ticket twice by the new ledger"


def test_a_copy_of_the_manifest_can_be_named(shop: Shop, open_account: Open):
    """--manifest names it, where no ledger knows where it was."""
    open_account([{"match": {KEY_FIELD: "00002"}, "fault": "400", "times": 1}])
    shop.manifest([good_row(1), good_row(2)])
    shop.run()
    shutil.move(shop.path("tickets.csv"), shop.path("copy.csv"))
    shop.set(LSQ_LEDGER=str(shop.path("elsewhere.sqlite")))
    assert invoke(["ledger", "init"]) == 0
    header, *records = read(shop.path(RESULTS))
    save(shop.path(RESULTS), [header, *([as_excel_shows(cell) for cell in record] for record in records)])
    held = shop.rerun("--manifest", "copy.csv")
    assert held.code == 1
    assert shop.results()[1]["import_error_code"] == "spreadsheet-changed"
    assert "--manifest copy.csv" in held.out, "the command that is shown works"
