"""Exports of helpdesks: each made-up sample is imported by the command in its mapping, without a change."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.shop import KEY_FIELD, ROOT, Account, Shop

MAPPINGS = sorted((ROOT / "mappings").glob("*.yaml"))
EXPORTS = {path.stem: path for path in (ROOT / "sample_data" / "exports").iterdir()}
# The helpdesk's key of one ticket, and what the account must have of it.
ARRIVES = {
    "zendesk": {
        KEY_FIELD: "101",
        "Tags": "printer, hardware",
        "Status": "Open",
        "Priority": "High",
        "Channel": "Email",
        "DueDate": "2024-09-02T16:00:00",
        "LeadDetail.EmailAddress": "mina@example.com",
        "LeadDetail.LastName": "Example",
    },
    "zendesk-csv": {
        KEY_FIELD: "101",
        "Title": "Label printer prints twice",
        "Status": "Open",
        "Priority": "High",
        "Channel": "Email",
        "Type": "Request",
        "DueDate": "2024-09-02T16:00:00",
        "LeadDetail.EmailAddress": "mina@example.com",
        "LeadDetail.Company": "Example Traders",
    },
    "jira": {
        KEY_FIELD: "SUP-1",
        "Tags": "printer, hardware",
        "Status": "In Progress",
        "Type": "Incident",
        "DueDate": "2024-09-02T00:00:00",
        "LeadDetail.EmailAddress": "mina@example.com",
        "LeadDetail.Phone": "+49301234567",
    },
    "freshdesk": {
        KEY_FIELD: "9",
        "Status": "Pending",
        "Priority": "Medium",
        "Channel": "Phone",
        "Type": "Request",
        "LeadDetail.Phone": "+12025550143",
        "LeadDetail.FirstName": "Sam",
    },
    "freshdesk-csv": {
        KEY_FIELD: "9",
        "Description": "Password reset gives error 500",
        "Status": "Pending",
        "Channel": "Phone",
        "Type": "Request",
        "DueDate": "2024-09-04T16:00:00",
        "LeadDetail.Phone": "+12025550143",
        "LeadDetail.LastName": "Example",
    },
    "servicenow": {
        KEY_FIELD: "INC0010002",
        "Description": "Die Rechnung für März fehlt: 1.234,50 €.",
        "Status": "Resolved",
        "Priority": "Low",
        "LeadDetail.EmailAddress": "otto@example.com",
    },
    "hubspot": {
        KEY_FIELD: "3210003",
        "Title": "Can't sign in",
        "Status": "Open",
        "Priority": "Medium",
        "LeadDetail.EmailAddress": "sam@example.com",
    },
    "salesforce": {KEY_FIELD: "00001028", "Status": "Open", "LeadDetail.Phone": "+12025550143"},
}


def mapping_of(name: str) -> Path:
    return ROOT / "mappings" / f"{name}.yaml"


def test_every_export_has_a_mapping() -> None:
    """And the other way round, except for the old helpdesk of the main sample."""
    assert sorted(EXPORTS) == sorted(path.stem for path in MAPPINGS if path.stem != "old-helpdesk")


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_an_export_is_imported_without_a_change(shop: Shop, account: Account, name: str) -> None:
    """The command of the mapping's head ends with 0; the account has the right values, and the results all columns."""
    text = mapping_of(name).read_text(encoding="utf-8")
    (command,) = re.findall(r"^# Try it: +ticket-importer (.*) --sandbox$", text, flags=re.MULTILINE)
    _, manifest, _, mapping = shlex.split(command)
    assert (ROOT / manifest, ROOT / mapping) == (EXPORTS[name], mapping_of(name))
    ended = shop.do("run", str(EXPORTS[name]), "-m", str(mapping_of(name)), "-o", "out.csv", "--yes")
    warnings = [line for line in ended.err.splitlines() if "warning" in line and "skipped as the footer" not in line]
    assert (ended.code, warnings) == (0, [])
    tickets = {ticket.value(KEY_FIELD): dict(ticket.fields) for ticket in account.tickets}
    expected = ARRIVES[name]
    found = tickets[expected[KEY_FIELD]]
    assert {field: found.get(field) for field in expected} == expected
    assert {row["import_status"] for row in shop.results("out.csv")} <= {"created", "excluded"}
    again = shop.do("rerun", "out.csv", "-m", str(mapping_of(name)), "--manifest", str(EXPORTS[name]), "--yes")
    assert (again.code, len(account.tickets)) == (0, len(tickets))
