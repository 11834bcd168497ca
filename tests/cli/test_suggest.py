"""`suggest`: a draft is printed or written, never over another file, and the exit code says whether it can be used."""

from __future__ import annotations

import shlex
from pathlib import Path

from openpyxl import Workbook

from tests.cli.shop import Account, Shop


def test_a_draft_is_printed_and_validates(shop: Shop):
    """What is printed is the mapping and nothing else, and `validate` takes it as it is."""
    shop.manifest(30)
    ended = shop.do("suggest", "tickets.csv")
    assert ended.code == 0
    shop.path("draft.yaml").write_text(ended.out, "utf-8")
    assert shop.do("validate", "tickets.csv", "-m", "draft.yaml").code == 0
    assert "columns: 3 sure, 0 guessed, 0 left" in ended.err


def test_the_next_command_is_quoted_for_a_shell(shop: Shop):
    """The command that comes next is quoted as a shell needs it, whatever the files are called."""
    shop.manifest(3, name="Übersicht (März).csv")
    output = shop.do("suggest", "Übersicht (März).csv", "-o", "my draft.yaml")
    name, *command = shlex.split(output.err.strip().rpartition("then run: ")[2])
    assert name == "ticket-importer"
    assert shop.do(*command).code == 0


def test_a_draft_is_imported(shop: Shop, account: Account):
    """Where the account's fields are known, the draft carries the key, and its tickets are made."""
    shop.do("fields")
    shop.manifest(5)
    text = shop.path("tickets.csv").read_text("utf-8").replace("ID,", "Legacy ID,", 1)
    shop.path("tickets.csv").write_text(text, "utf-8")
    assert shop.do("suggest", "tickets.csv", "-o", "draft.yaml").code == 0
    assert shop.do("run", "tickets.csv", "-m", "draft.yaml", "--yes").code == 0
    assert account.keys == ["00001", "00002", "00003", "00004", "00005"]


def test_suggest_calls_nothing(shop: Shop, account: Account):
    """A draft is made from the files at hand; a log line says how to improve it."""
    shop.manifest(3)
    ended = shop.do("suggest", "tickets.csv")
    assert account.calls == 0
    assert "run `ticket-importer fields` first" in ended.err


def test_no_file_is_overwritten(shop: Shop):
    """A file that is there, a dangling link included, stays as it is."""
    shop.manifest(3)
    before = shop.path("mapping.yaml").read_bytes()
    ended = shop.do("suggest", "tickets.csv", "-o", "mapping.yaml")
    assert ended.code == 2
    assert "exists already" in ended.err
    assert shop.path("mapping.yaml").read_bytes() == before
    shop.path("link.yaml").symlink_to("nowhere.yaml")
    assert shop.do("suggest", "tickets.csv", "-o", "link.yaml").code == 2
    assert shop.do("suggest", "tickets.csv", "-o", "not/there.yaml").code == 2


def test_an_impossible_file_name_is_a_usage_error(shop: Shop):
    """A name that is too long is an error of the name, and says so."""
    shop.manifest(3)
    ended = shop.do("suggest", "tickets.csv", "-o", f"{'a' * 300}.yaml")
    assert ended.code == 2
    assert "choose another file or folder for -o" in ended.err


def test_a_draft_without_a_lead_is_written_with_a_warning(shop: Shop):
    """The exit code is 1, and the line to fill is named."""
    shop.path("tickets.csv").write_text("ID,Subject\n1,It is broken\n2,It is broken again\n", "utf-8")
    ended = shop.do("suggest", "tickets.csv", "-o", "draft.yaml")
    assert ended.code == 1
    assert "which every ticket needs" in ended.err
    assert "# YOUR COLUMN: {field: LeadDetail.EmailAddress, type: email}" in shop.path("draft.yaml").read_text("utf-8")


def test_unreadable_manifests_are_usage_errors(shop: Shop):
    """No file, no rows, a results file: exit code 2 and no draft."""
    assert shop.do("suggest", "tickets.csv", "-o", "draft.yaml").code == 2
    shop.path("tickets.csv").write_text("ID,Email\n", "utf-8")
    assert shop.do("suggest", "tickets.csv", "-o", "draft.yaml").code == 2
    assert not shop.path("draft.yaml").exists()


def test_a_workbook_is_drafted_like_a_text_file(shop: Shop):
    """A workbook is looked at as a text file is; its dates are ISO 8601 and need no format."""
    path: Path = shop.path("tickets.xlsx")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Ticket ID", "Subject", "Email"])
    for number in range(1, 20):
        sheet.append([number, f"It is broken ({number})", f"a{number}@example.com"])
    book.save(path)
    ended = shop.do("suggest", "tickets.xlsx", "-o", "draft.yaml")
    assert ended.code == 0
    assert shop.do("validate", "tickets.xlsx", "-m", "draft.yaml").code == 0


def test_a_chosen_sheet_stays_chosen_in_the_next_command(shop: Shop):
    """A file without sheets has none to choose: an error, and no draft with an option that is ignored."""
    path = shop.path("tickets.xlsx")
    book = Workbook()
    for name in ("Old", "New"):
        sheet = book.create_sheet(name)
        sheet.append(["Ticket ID", "Subject", "Email"])
        sheet.append([1, f"{name} ticket", "a@example.com"])
    book.save(path)
    ended = shop.do("suggest", "tickets.xlsx", "--sheet", "New")
    assert "ticket-importer suggest tickets.xlsx --sheet New -o mapping.yaml" in ended.err
    shop.manifest(2)
    refused = shop.do("suggest", "tickets.csv", "--sheet", "New")
    assert (refused.code, refused.out) == (2, "")
    assert "tickets.csv has no sheets" in refused.err
