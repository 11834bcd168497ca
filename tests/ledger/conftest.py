from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.ledger.store import Ledger
from tests.ledger.ledgers import new_ledger, reopened


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = new_ledger(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def other(ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
    """The same ledger, as another process has opened it."""
    other = reopened(tmp_path)
    yield other
    other.close()
