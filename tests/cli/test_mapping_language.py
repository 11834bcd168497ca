"""An export as a spreadsheet of another country writes it, from its file to the tickets of an account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pandas as pd
import pytest

from importer.mapping import load_mapping
from importer.sandbox.embedded import account_for
from tests.cli.shop import KEY_FIELD, ROOT, Account, Shop

# The example of mappings/README.md, with a template.
EXAMPLE = next(
    example
    for example in re.findall(r"```yaml\n(.*?)```", (ROOT / "mappings" / "README.md").read_text("utf-8"), re.DOTALL)
    if "source: written-by-hand" in example
)
MAPPING = f'{EXAMPLE}templates: {{CustomData.Place: "{{Haus}}, Raum {{Raum}}"}}\n'
HEADER = "Nummer;Betreff;Verlauf;Notiz;Status;Land;Betrag;Frist;Eskaliert;Telefon;Haus;Raum"
GOOD = (
    '001; Drucker kaputt ;"<p>Guten Tag,</p><p>der <b>Drucker</b> brennt.<br>Grüße</p>";1 < 2;OFFEN ;de;1.234,50;'
    "29.08.2024 10:36;Ja;030/123456;Süd;7"
)
SPARSE = '002;Frage;"<p>&nbsp;</p>";;erledigt;;;29.08.2024;;+49 (0)30 123457;;'
BAD = "003; ;x;;wartet;FR;1.23.4;31.03.2024 02:30;yes;112;;"


@pytest.fixture
def german(shop: Shop, open_account: Callable[..., Account]) -> Account:
    """The mapping in the shop, and an account that has its fields."""
    shop.path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    return open_account(account=account_for(load_mapping(shop.path("mapping.yaml"))))


def write(shop: Shop, *rows: str) -> None:
    """Write the manifest as such spreadsheets do."""
    shop.path("tickets.csv").write_text("\r\n".join((HEADER, *rows, "")), encoding="cp1252", newline="")


def test_every_rule_reaches_the_account(shop: Shop, german: Account):
    """What is sent is what the rules make of the cells, and the results keep the cells as they were."""
    write(shop, GOOD, SPARSE)
    assert shop.run().code == 0
    first, second = sorted((dict(ticket.fields) for ticket in german.tickets), key=lambda fields: fields[KEY_FIELD])
    assert first == {
        KEY_FIELD: "001",
        "Title": "Drucker kaputt",
        "Description": "Guten Tag,\n\nder Drucker brennt.\nGrüße",
        "CustomData.Note": "<p>1 &lt; 2</p>",
        "Status": "Open",
        "CustomData.Country": "DE",
        "CustomData.Amount": "1234.50",
        "DueDate": "2024-08-29T08:36:00",
        "CustomData.Escalated": "true",
        "LeadDetail.Phone": "+4930123456",
        "CustomData.Place": "Süd, Raum 7",
    }
    assert second == {
        KEY_FIELD: "002",
        "Title": "Frage",
        "Status": "Closed",
        "DueDate": "2024-08-28T22:00:00",
        "LeadDetail.Phone": "+4930123457",
    }
    assert [row["Betrag"] for row in shop.results()] == ["1.234,50", ""]
    assert shop.results()[0]["Betreff"] == " Drucker kaputt "


def test_problems_name_the_rule_that_refuses_a_cell(shop: Shop, german: Account):
    """Every cell of a row that no rule takes, at once and before a call."""
    write(shop, GOOD, BAD)
    ended = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert ended.code == 1
    assert set(re.findall(r"in row 3: .* \(([a-z-]+)\)$", ended.out, re.MULTILINE)) == {
        "missing-value", "not-allowed", "not-a-number", "not-a-datetime", "not-a-boolean", "not-a-phone",
    }  # fmt: skip
    assert german.calls == 0


def test_a_rule_that_no_row_could_pass_is_an_error_of_the_mapping(shop: Shop, german: Account):
    """Exit 2, with file and line, before a row is looked at."""
    text = MAPPING.replace("true_words: [ja, wahr]", "true_words: [ja, wahr], default: true")
    shop.path("mapping.yaml").write_text(text, encoding="utf-8")
    write(shop, GOOD)
    for ended in (shop.run("--yes"), shop.do("validate", "tickets.csv", "-m", "mapping.yaml")):
        assert ended.code == 2
        assert "columns > Eskaliert: `default`: 'true' is" in ended.err
    assert german.calls == 0


@pytest.mark.parametrize("ending", ["xlsx", "jsonl"])
def test_a_stored_number_is_not_parsed_as_text(shop: Shop, german: Account, ending: str):
    """1.234 in a workbook is a little more than one, and a thousand times as much by the rule: a problem, in a rerun, too.

    1234.5 has one reading only, as the number that is stored.
    """
    amounts = (1.234, 1234.5, "1.234,5", "1.234")
    rows = [{**dict.fromkeys(HEADER.split(";"), ""), "Nummer": str(n), "Betreff": "a", "Telefon": "030 123456", "Betrag": amount} for n, amount in enumerate(amounts)]  # fmt: skip
    path = shop.path(f"tickets.{ending}")
    if ending == "xlsx":
        pd.DataFrame(rows).to_excel(path, index=False, engine="openpyxl")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    expected = ["ambiguous-number", "", "", "ambiguous-number"]
    assert shop.do("run", path.name, "-m", "mapping.yaml", "--skip-invalid").code == 1
    assert [row["import_error_code"] for row in shop.results()] == expected
    assert shop.rerun("--skip-invalid", "--only", "rejected").code == 1
    assert [row["import_error_code"] for row in shop.results()] == expected
    assert [ticket.value("CustomData.Amount") for ticket in german.tickets] == ["1234.5", "1234.5"]


def test_the_sandbox_accepts_the_fields_of_templates(shop: Shop):
    """The embedded account has the fields that templates fill."""
    shop.path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    write(shop, GOOD)
    assert shop.run("--sandbox").code == 0
