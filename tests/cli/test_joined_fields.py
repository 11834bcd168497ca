"""`templates` with `columns` and `join`, from the manifest to the tickets."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from tests.cli.shop import Account, Shop

MAPPING = """\
version: 1
source: shop
key: ID
columns:
  ID: CustomData.LegacyId
  Email: LeadDetail.EmailAddress
  Kind: {values: {P: Phone, T: Tablet}}
  Labels: {lower: true}
templates:
  Title: {columns: [Kind, Subject], join: " - "}
  Tags: {columns: [Labels, More], join: ", "}
"""


def _repeated_columns(path: Path, records: Sequence[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("ID", "Email", "Kind", "Subject", "Labels", "Labels", "More"), *records])


def test_list_columns_are_joined_with_the_same_separator(shop: Shop, account: Account) -> None:
    """Repeated columns of CSV and lists of JSON give the same tickets."""
    shop.path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    _repeated_columns(
        shop.path("tickets.csv"),
        [("1", "a@example.com", "P", "Broken", "", "VIP", "x"), ("2", "b@example.com", "", "Lost", "", "", "")],
    )
    records = [
        {"ID": 3, "Email": "a@example.com", "Kind": "P", "Subject": "Broken", "Labels": ["", "VIP"], "More": ["x"]},
        {"ID": 4, "Email": "b@example.com", "Kind": None, "Subject": "Lost", "Labels": [], "More": None},
    ]
    shop.path("tickets.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in records), encoding="utf-8")
    assert shop.run("--yes").code == 0
    assert shop.do("run", "tickets.jsonl", "-m", "mapping.yaml", "--yes", "--expect-new").code == 0
    assert [(ticket.value("Title"), ticket.value("Tags")) for ticket in account.tickets] == [
        ("Phone - Broken", "vip, x"),
        ("Lost", None),
    ] * 2


def test_other_titles_under_known_keys_are_noticed(shop: Shop, account: Account) -> None:
    """A joined title is compared as it was sent: the same rows are the same, exchanged keys are not."""
    shop.path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    rows = [(str(at), "a@example.com", "P", f"Case {at}", "", "", "") for at in range(20)]
    _repeated_columns(shop.path("tickets.csv"), rows)
    assert shop.run("--yes").code == 0
    assert shop.run("--yes", "--json").summary["changed"] == 0
    _repeated_columns(shop.path("tickets.csv"), [(*rows[at][:3], rows[19 - at][3], "", "", "") for at in range(20)])
    run = shop.run("--yes", "--json")
    assert (run.code, run.summary["changed"], run.summary["stopped_by"]) == (1, 20, "renumbered")
    assert account.calls == 20
