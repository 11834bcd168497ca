"""Rows with repeated columns and nested values that are sent by `rerun` become the tickets that `run` would have made."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shop import KEY_FIELD, Account, Shop
from tests.cli.spreadsheets import as_excel_shows, read, save, save_workbook

Open = Callable[..., Account]
MAPPING = f"""\
version: 1
source: shop
key: id
key_field: {KEY_FIELD}
columns:
  id: {KEY_FIELD}
  subject: Title
  requester.email: {{field: LeadDetail.EmailAddress, type: email}}
  tags: {{field: Tags, join: "; "}}
  notes: {{field: CustomData.Source, pick: last}}
  amount: CustomData.Amount
"""
LISTS = [["vip", "late, again", '["x"]'], [], ["[1]"], ["00123", "=1+1", "1.10"], ["two\nlines", '"quoted"']]
FORMS = ["LibreOffice", "Excel in Europe", "Unicode text", "workbook"]


def as_table(path: Path) -> None:
    """Write a table as Jira exports it: a column for each value."""
    width = max(map(len, LISTS))
    header = ["id", *["tags"] * width, "subject", "notes", "requester.email", "notes", "amount"]
    rows = [
        [f"{number:03}", *values, *[""] * (width - len(values)), "Größe", "first", "a@example.com", (*values, "")[-2 if values else -1], "1.5"]
        for number, values in enumerate(LISTS)
    ]  # fmt: skip
    save(path, [header, *rows])


def as_json(path: Path) -> None:
    """Write a page as helpdesks answer: objects and lists inside objects."""
    tickets: list[dict[str, Any]] = [
        {"id": f"{number:03}", "subject": "Größe", "requester": {"email": "a@example.com"}, "tags": values, "notes": [None, *values], "amount": 1.5}
        for number, values in enumerate(LISTS)
    ]  # fmt: skip
    path.write_text(json.dumps({"tickets": tickets, "count": len(tickets)}, ensure_ascii=False), encoding="utf-8")


def saved(path: Path, form: str) -> Path:
    """Save results as a program does; return their new path."""
    records = [[cell.replace("\r\n", "\n") for cell in record] for record in read(path)]
    if form == "workbook":
        save_workbook(path.with_suffix(".xlsx"), records)
        return path.with_suffix(".xlsx")
    programs: dict[str, dict[str, Any]] = {
        "LibreOffice": {"encoding": "utf-8", "line_end": "\n", "quoting": csv.QUOTE_ALL},
        "Excel in Europe": {"delimiter": ";"},
        "Unicode text": {"encoding": "utf-16", "delimiter": "\t"},
    }
    save(path, records, **programs[form])
    return path


def tickets(account: Account) -> dict[str, tuple[dict[str, object], dict[str, object]]]:
    """Return what each ticket of the account was made of, by its key."""
    assert len(set(account.keys)) == len(account.keys)
    return {
        str(ticket.value(KEY_FIELD)): (dict(ticket.fields), dict(ticket.lead_details)) for ticket in account.tickets
    }


@pytest.mark.parametrize("write", [as_table, as_json])
def test_rerun_sends_what_run_would_have_sent(shop: Shop, open_account: Open, write: Callable[[Path], None]):
    """Every row is refused at first, and each program that saves the results gets the same tickets."""
    shop.path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    write(shop.path("tickets.data"))
    command = ("tickets.data", "-m", "mapping.yaml", "-o", "r.csv")
    expected = None
    for form in ("", *FORMS):
        shop.set(LSQ_LEDGER=str(shop.path(f"{form}.sqlite")))
        faults = [{"match": {KEY_FIELD: f"{number:03}"}, "fault": "400", "times": 1} for number in range(len(LISTS))]
        account = open_account(faults if form else None)
        shop.path("r.csv").unlink(missing_ok=True)
        assert shop.do("run", *command).code == (1 if form else 0)
        if form:
            done = shop.do("rerun", saved(shop.path("r.csv"), form).name, "-m", "mapping.yaml")
            assert done.code == 0, done.err
        found = tickets(account)
        assert len(found) == len(LISTS)
        texts = [str(fields.get("Tags", "")) for _, (fields, _) in sorted(found.items())]
        assert texts == ["; ".join(values) for values in LISTS]
        expected = expected or found
        assert found == expected, form


def test_values_that_a_spreadsheet_changes_are_not_sent(shop: Shop, open_account: Open):
    """In every column of a repeated name: 00123 that became 123 holds its row back, and the others are sent."""
    shop.path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    as_table(shop.path("tickets.csv"))
    faults = [{"match": {KEY_FIELD: f"{number:03}"}, "fault": "400", "times": 1} for number in range(len(LISTS))]
    account = open_account(faults)
    shop.run()
    header, *records = read(shop.path("tickets.results.csv"))
    own = [at for at, name in enumerate(header) if name in ("tags", "notes")]
    changed = [[as_excel_shows(cell) if at in own else cell for at, cell in enumerate(record)] for record in records]
    assert changed != records
    save(shop.path("tickets.results.csv"), [header, *changed])
    assert shop.rerun("--skip-invalid").code == 1
    assert account.keys == ["000", "001", "002", "004"]
    assert [row["import_error_code"] for row in shop.results()] == ["", "", "", "spreadsheet-changed", ""]
    assert "tags" in shop.results()[3]["import_error"]
