from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.ledger.store import Ledger
from tests.ledger.ledgers import copied_ledger, reopened
from tests.postgres.databases import choose_database


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    choose_database(request, tmp_path)
    ledger = copied_ledger(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def other(ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
    """The same ledger, as another process has opened it."""
    other = reopened(tmp_path)
    yield other
    other.close()
