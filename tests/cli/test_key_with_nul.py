"""A key with the character NUL, which PostgreSQL can't store."""

from __future__ import annotations

import json

import pytest

from tests.cli.shop import Account, Shop, quick
from tests.postgres.databases import empty_ledger

MAPPING = """\
version: 1
source: shop
key: ID
columns:
  Subject: {field: Title, required: true}
  Email: {field: LeadDetail.EmailAddress, type: email}
ignore: [ID]
"""


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_the_row_is_rejected_and_the_others_are_sent(shop: Shop, place: str) -> None:
    """On every ledger, also beside a key that differs only in this character; the corrected row is sent."""
    shop.path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    if place == "postgresql":
        shop.set(LSQ_LEDGER=empty_ledger())
    rows = [
        {"ID": key, "Subject": "A", "Email": f"{at}@example.com"} for at, key in enumerate(["a\0b", "a\ufffdb", "c"])
    ]
    shop.path("tickets.json").write_text(json.dumps(rows), encoding="utf-8")
    with Account(quick()) as account:
        shop.uses(account)
        assert shop.do("validate", "tickets.json", "-m", "mapping.yaml").code == 1
        seen = shop.do("run", "tickets.json", "-m", "mapping.yaml", "--yes", "--skip-invalid")
        assert seen.code == 1, seen.err
        assert "the key contains the character NUL" in seen.err
        found = [(row["import_key"], row["import_status"]) for row in shop.results()]
        assert found == [("", "rejected"), ("a\ufffdb", "created"), ("c", "created")]
        results = shop.path("tickets.results.csv")
        results.write_bytes(results.read_bytes().replace(b"a\0b", b"ab"))
        assert shop.rerun("--yes").code == 0
        assert [row["import_key"] for row in shop.results()] == ["ab", "a\ufffdb", "c"]
        assert len(account.tickets) == 3
