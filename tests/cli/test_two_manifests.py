"""Two manifests with the same new leads, imported at the same time."""

from __future__ import annotations

import pytest

from tests.cli.shop import MAPPING, Account, Shop, ended, quick
from tests.postgres.databases import empty_ledger

ROWS = 25


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_each_new_lead_is_made_once(shop: Shop, place: str) -> None:
    """A row waits for the other run's request of the same lead; all rows become tickets."""
    if place == "postgresql":
        shop.set(LSQ_LEDGER=empty_ledger())
    with Account(quick(latency_s=0.2)) as account:
        shop.uses(account)
        processes = []
        for name in ("first", "second"):
            shop.path(f"{name}.yaml").write_text(MAPPING.replace("source: shop", f"source: {name}"), encoding="utf-8")
            rows = [(f"{name}{at}", f"Ticket {at}", "Open", f"lead{at}@example.com") for at in range(ROWS)]
            shop.manifest(rows, f"{name}.csv")
            flags = ("--rate", "200/1", "--concurrency", "10", "--yes", "--quiet")
            processes.append(shop.start("run", f"{name}.csv", "-m", f"{name}.yaml", *flags))
        for process in processes:
            seen = ended(process)
            assert seen.code == 0, seen.err
        assert len(account.sandbox.tickets) == 2 * ROWS
        assert len(account.sandbox.leads) == ROWS
        assert [text for text in account.sandbox.warnings if "two leads" in text] == []
