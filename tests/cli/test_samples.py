"""The samples from a file to the account and back."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from pathlib import Path

import pytest

from tests.cli.shop import KEY_FIELD, ROOT, Account, Shop
from tests.make_samples import read_table

SAMPLES = ROOT / "sample_data"
MAPPING = str(ROOT / "mappings" / "old-helpdesk.yaml")
BIG = "diagnostics.log"
MISTAKES = [
    "missing-key",
    "duplicate-key",
    "too-many-cells",
    "too-few-cells",
    "missing-value",
    "not-allowed",
    "too-long",
    "not-an-integer",
    "not-a-number",
    "not-a-boolean",
    "not-a-date",
    "not-a-datetime",
    "not-an-email",
    "not-a-phone",
    "not-a-guid",
    "bad-text",
    "missing-lead",
    "attachment-missing",
    "attachment-outside-root",
    "attachment-not-a-file",
    "attachment-empty",
    "attachment-too-large",
    "attachment-too-many",
    "attachment-type",
    "attachment-url",
    "attachment-bad-name",
]


@pytest.fixture
def samples(shop: Shop) -> Path:
    """A copy of the samples with their large files."""
    folder = shop.path("samples")
    shutil.copytree(SAMPLES, folder)
    (folder / "attachments" / BIG).write_bytes(b"05:00 all is well\n" * 290_000)
    (folder / "attachments" / "diagnostics-full.log").write_bytes(bytes(7_000_000))
    return folder


STATES = {"new": "Open", "wip": "In Progress", "on": "In Progress", "wait": "Pending", "done": "Resolved"} | {
    "closed": "Closed"
}
PRIORITIES = {"": "Medium", "1": "Urgent", "2": "High", "3": "Medium", "4": "Low"}
CHANNELS = {"mail": "Email", "call": "Phone", "form": "Web"}
REGIONS = {"N": "North", "S": "South", "E": "East", "W": "West"}
SAME = {
    "Legacy ID": KEY_FIELD,
    "Subject": "Title",
    "Details": "Description",
    "Labels": "Tags",
    "Copy to": "CcEmails",
    "Kind": "Type",
    "Area": "SubType",
    "Purchased": "CustomData.PurchaseDate",
    "Hours": "CustomData.Effort",
    "Amount": "CustomData.Amount",
    "Customer no": "RelatedCustomerId",
    "First name": "LeadDetail.FirstName",
    "Last name": "LeadDetail.LastName",
    "E-mail": "LeadDetail.EmailAddress",
    "Phone": "LeadDetail.Phone",
    "Company": "LeadDetail.Company",
}
"""Columns whose cells arrive as they are."""


def fields_of(row: dict[str, str]) -> dict[str, str]:
    """Return what the account must have for a row of the CSV, without the importer's rules."""
    fields = {field: row[column] for column, field in SAME.items()}
    fields["Status"] = STATES.get(row["State"], row["State"])
    fields["Priority"] = PRIORITIES.get(row["Prio"], row["Prio"])
    fields["Channel"] = CHANNELS.get(row["Via"], row["Via"])
    fields["CustomData.Region"] = REGIONS.get(row["Region"], row["Region"])
    fields["CustomData.Escalated"] = {"yes": "true", "true": "true", "no": "false", "false": "false"}.get(
        row["Escalated"].lower(), row["Escalated"]
    )
    fields["CustomData.Source"] = "Old helpdesk"
    if row["Due"]:
        in_kolkata = dt.datetime.strptime(row["Due"], "%d/%m/%Y %H:%M")  # noqa: DTZ007 - hours from UTC follow
        fields["DueDate"] = (in_kolkata - dt.timedelta(hours=5, minutes=30)).isoformat()
    return {name: value for name, value in fields.items() if value}


def files_of(row: dict[str, str], folder: Path) -> list[tuple[str, str]]:
    """(name, SHA-256) of the attachments of a row."""
    names = [part.strip() for column in ("Files", "Screenshot") for part in row[column].split(";") if part.strip()]
    paths = [folder / "attachments" / name for name in dict.fromkeys(names)]
    return [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


@pytest.mark.parametrize("name", ["tickets.csv", "tickets.xlsx"])
def test_every_field_and_file_arrives(shop: Shop, account: Account, samples: Path, name: str):
    """Each ticket in the account holds its row's values and the very bytes of its files, from CSV and from Excel."""
    assert shop.do("run", str(samples / name), "-m", MAPPING).code == 0
    header, *records = read_table(samples / "tickets.csv")
    rows = {row["Legacy ID"]: row for row in (dict(zip(header, record, strict=True)) for record in records)}
    tickets = {ticket.value(KEY_FIELD): ticket for ticket in account.tickets}
    assert len(account.tickets) == len(rows)
    assert tickets.keys() == rows.keys()
    for key, row in rows.items():
        found = dict(tickets[key].fields)
        assert found == fields_of(row), key
        assert [(file.name, file.sha256) for file in tickets[key].files] == files_of(row, samples), key
        assert not row["Customer"] or tickets[key].lead_id == row["Customer"].lower()


def test_every_problem_is_reported_in_one_run(shop: Shop, account: Account, samples: Path):
    """The broken sample: each kind of mistake is on the screen and each bad row in the results, and nothing is sent."""
    ended = shop.do("run", str(samples / "broken.csv"), "-m", MAPPING)
    assert ended.code == 1
    assert account.calls == 0
    assert [code for code in MISTAKES if f"({code}); " not in ended.err] == []
    results = shop.results("samples/broken.results.csv")
    assert len(results) == len(read_table(samples / "broken.csv")) - 1
    assert {row["import_error_code"] for row in results if row["import_status"] == "rejected"} == set(MISTAKES)
    assert shop.statuses("samples/broken.results.csv") == {"rejected": 29, "pending": 4}
    assert "--skip-invalid" in ended.out


def test_valid_rows_beside_rejected_ones_become_tickets(shop: Shop, account: Account, samples: Path):
    """--skip-invalid sends the valid rows of the broken sample; the exit code still says that others are left."""
    assert shop.do("run", str(samples / "broken.csv"), "-m", MAPPING, "--skip-invalid").code == 1
    assert sorted(account.keys) == ["00901", "00906", "00920", "00931"]
    assert shop.statuses("samples/broken.results.csv") == {"rejected": 29, "created": 4}


def test_the_sandbox_flag_needs_no_settings(shop: Shop, samples: Path):
    """--sandbox imports without an account and a ledger, and names its results after the sandbox."""
    shop.unset("LSQ_LEDGER")
    ended = shop.do("run", str(samples / "tickets.csv"), "-m", MAPPING, "--sandbox", "--json", "--rate", "100/1")
    assert ended.code == 0, ended.err
    assert ended.summary["created"] == 60
    assert shop.statuses("samples/tickets.sandbox.results.csv") == {"created": 60}
    assert not shop.path("state").exists()
